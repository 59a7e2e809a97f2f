"""The web server of the one process: cheroot, a threaded WSGI server made for production."""

import logging
import sys
import threading
from typing import Any, ClassVar
from urllib.parse import urlsplit

from cheroot import wsgi
from django.conf import settings
from django.core.wsgi import get_wsgi_application

from standalone.parts import Part
from standalone.stores import CannotStart

logger = logging.getLogger(__name__)


def _log(message: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
    """Hand cheroot's own messages to logging; at INFO it tells of clients that hung up."""
    level = logging.DEBUG if level <= logging.INFO else level
    logger.log(level, "%s", message, exc_info=traceback)


def _unraisable(problem: "sys.UnraisableHookArgs") -> None:
    """Since 3.13 Python reports that the last bytes for a client that hung up could not be sent."""
    if getattr(problem.object, "__qualname__", "") != "IOBase.__del__":
        sys.__unraisablehook__(problem)


class Web(Part):
    """Answers HTTP on the loopback address."""

    label: ClassVar[str] = "web server"
    patience: ClassVar[float] = 1.0

    def __init__(self, host: str, port: int) -> None:
        super().__init__()
        self._server = wsgi.Server(
            (host, port),
            get_wsgi_application(),
            # Worker threads call the sandbox through this server: each may hold one of these
            # threads, and the people at their browsers need theirs.
            numthreads=settings.WORKER_THREADS + settings.WEB_THREADS,
            request_queue_size=128,
            server_name=urlsplit(settings.PUBLIC_URL).hostname,
            # Longer than our own pooled connections rest, so that none is closed under a request.
            timeout=75,
            shutdown_timeout=1,
        )
        self._server.keep_alive_conn_limit = 256
        self._server.error_log = _log  # type: ignore[method-assign,assignment]
        self._stopper: threading.Thread | None = None

    def bind(self) -> None:
        """Take the port, before anything else is touched."""
        host, port = self._server.bind_addr
        try:
            self._server.prepare()
        except OSError as error:
            raise CannotStart(f"http://{host}:{port} cannot be served: {error}.") from error

    def serve(self) -> None:
        sys.unraisablehook = _unraisable
        self._server.serve()

    def ask_to_stop(self) -> None:
        # stop() waits for requests in flight, for a hung one without end: hence beside us.
        self._stopper = threading.Thread(target=self._server.stop, name="web server stop", daemon=True)
        self._stopper.start()

    def ended(self, within: float) -> bool:
        stopper: Any = self._stopper
        if stopper is not None:
            stopper.join(within)
        return super().ended(0.1) and (stopper is None or not stopper.is_alive())
