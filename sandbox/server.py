"""A sandbox behind a real socket, in a thread: for tests, and for `manage.py sandbox`."""

import threading
from types import TracebackType

from cheroot.ssl.builtin import BuiltinSSLAdapter
from cheroot.wsgi import Server

from .parts import FLOOD_LIMIT, REQUEST_LIMIT
from .world import World
from .wsgi import make_application

THREADS = 16
STOP_SECONDS = 0.5
WAKE_SECONDS = 0.05  # how long cheroot's loop takes to notice that it shall stop


class SandboxServer:
    """A world and its HTTP server; as a context manager it starts and stops.

    Several may run in one process, each with its own world, port and limits::

        with SandboxServer() as server:
            token = server.world.create_token(user.id, ["view_room"])
            requests.get(f"{server.url}/v2/room", params={"auth_token": token.token})
    """

    def __init__(
        self,
        database: str = ":memory:",
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        request_limit: int = REQUEST_LIMIT,
        flood_limit: int = FLOOD_LIMIT,
        seeded: bool = True,
        certificate: tuple[str, str] | None = None,
    ) -> None:
        """`certificate`: the files of a certificate and its key, to be reached by HTTPS.

        Raises OSError if they cannot be used.
        """
        tls = BuiltinSSLAdapter(*certificate) if certificate else None
        self.world = World(database, request_limit=request_limit, flood_limit=flood_limit, seeded=seeded)
        self._host = host
        self._server = Server(
            (host, port),
            make_application(self.world),
            numthreads=THREADS,
            server_name="sandbox",
            shutdown_timeout=STOP_SECONDS,  # type: ignore[arg-type]  # a float does
        )
        self._server.ssl_adapter = tls
        self._scheme = "https" if tls else "http"
        self._server.expiration_interval = WAKE_SECONDS
        self._thread = threading.Thread(target=self._server.serve, name="sandbox-server", daemon=True)

    @property
    def url(self) -> str:
        """Its address, without a slash at the end. The API is below `/v2`."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{self._scheme}://{host}:{self.port}"

    @property
    def port(self) -> int:
        port: int = self._server.bind_addr[1]
        return port

    def start(self) -> "SandboxServer":
        """Listen. Raises OSError when the port is taken."""
        try:
            self._server.prepare()
        except OSError:
            self.world.close()
            raise
        self.world.base_url = self.url
        self._thread.start()
        return self

    def stop(self) -> None:
        self.world.closing.set()
        self._server.stop()
        self._thread.join(timeout=STOP_SECONDS)
        self.world.close()

    def __enter__(self) -> "SandboxServer":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
