"""A homeserver that answers what a test tells it to, over real sockets.

    with fake() as server:
        server.on("GET", "/sync", lambda asked: (200, {"next_batch": "s1"}))

For what a real one will not do on demand. Paths are told without `/_matrix/client/v3` (or `v1`, or
`media/v3`) and decoded; one that ends with `*` is the beginning of many. What nobody told is answered 404.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.waiting import PATIENCE

API = re.compile(r"^/_matrix/(client|media)/(v1|v3)")
UNKNOWN = (404, {"errcode": "M_UNRECOGNIZED", "error": "Unrecognized request"})


@dataclass(frozen=True)
class Asked:
    """A request, as the fake got it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


# Status and JSON or bytes; a callable is handed the socket's file instead, and writes itself.
Answer = tuple[int, Any] | tuple[int, Any, dict[str, str]] | Callable[[Any], None]
Rule = Callable[[Asked], Answer]


@dataclass
class Fake:
    """The running fake: its rules, and what it was asked."""

    port: int
    done: threading.Event = field(default_factory=threading.Event)
    rules: dict[tuple[str, str], Rule] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def on(self, method: str, path: str, answer: Rule | Answer) -> None:
        """Answer this path so from now on, whatever the query."""
        self.rules[method, path] = answer if callable(answer) else lambda asked: answer

    def answer(self, asked: Asked) -> Answer:
        """What the rules say to a request: one for the whole path first."""
        exact = self.rules.get((asked.method, asked.path))
        if exact is not None:
            return exact(asked)
        for (method, path), rule in self.rules.items():
            if method == asked.method and path.endswith("*") and asked.path.startswith(path[:-1]):
                return rule(asked)
        return UNKNOWN

    def in_turn(self, method: str, path: str, *answers: Answer) -> None:
        """Answer so one after the other; then hang until the end."""
        left = iter(answers)

        def next_one(asked: Asked) -> Answer:
            return next(left, self.hang)

        self.rules[method, path] = next_one

    def hang(self, wfile: Any) -> None:
        """Answer nothing."""
        self.done.wait(2 * PATIENCE)

    def calls(self, path: str) -> list[Asked]:
        """What was asked of a path, in order."""
        return [one for one in self.asked if one.path == path]


def _handler(server: Fake) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def handle_any(self) -> None:
            address = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            asked = Asked(
                self.command,
                API.sub("", unquote(address.path)),
                dict(parse_qsl(address.query)),
                dict(self.headers.items()),
                self.rfile.read(length),
            )
            server.asked.append(asked)
            answer = server.answer(asked)
            if callable(answer):
                self.close_connection = True
                return answer(self.wfile)
            status, body, *headers = answer
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {**(headers[0] if headers else {}), "Content-Length": len(content)}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(content)
            return None

        do_GET = do_POST = do_PUT = handle_any

    return Handler


@contextmanager
def fake() -> Iterator[Fake]:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as http:
        server = Fake(http.server_address[1])
        http.RequestHandlerClass = _handler(server)
        http.daemon_threads = True
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.done.set()
            http.shutdown()
            thread.join(5)
