"""A server that answers nothing as it should, behind a real socket."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HANG, CUT, NONSENSE = "hang", "cut", "nonsense"


@dataclass
class Trouble:
    """What every request meets: a kind of trouble, or a status with headers."""

    url: str = ""
    what: str | int = HANG
    headers: Mapping[str, str] = field(default_factory=dict)
    requests: int = 0
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def troubled() -> Iterator[Trouble]:
    """The server, until the block ends."""
    trouble = Trouble()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: Any) -> None:
            """Nothing: the console is the tests'."""

        def _answer(self) -> None:
            trouble.requests += 1
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if trouble.what == HANG:
                trouble.over.wait(30)
            if trouble.what in (HANG, CUT):
                self.close_connection = True
                return
            body = b"<html>not what you asked for"
            self.send_response(200 if trouble.what == NONSENSE else int(trouble.what))
            for name, value in {**trouble.headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _answer

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    trouble.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield trouble
    finally:
        trouble.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
