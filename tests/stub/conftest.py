"""One service for a whole module, forgotten before each test, and somebody who is pushed to."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from stub.control import Stub
from stub.server import running
from tests.waiting import until


class Receiver:
    """Takes pushes: answers with the statuses it was given, then with 200."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.statuses: list[int] = []
        self.under_way = self.most_under_way = 0
        self.seconds = 0.0
        self.meet = 0  # so many at once before one is answered
        self.lock = threading.Lock()

    def take(self, headers: dict[str, str], body: bytes) -> int:
        with self.lock:
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
        until(lambda: self.most_under_way >= self.meet)
        time.sleep(self.seconds)
        with self.lock:
            self.under_way -= 1
            self.bodies.append(body)
            self.headers.append(headers)
            return self.statuses.pop(0) if self.statuses else 200

    def pushes(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in list(self.bodies)]

    def texts(self) -> list[str]:
        return [event["text"] for push in self.pushes() for event in push["events"]]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(made.take({key.lower(): value for key, value in self.headers.items()}, body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Receiver(f"http://127.0.0.1:{server.server_port}/hooks/code/secret/")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def started() -> Iterator[Stub]:
    with running() as stub:
        yield stub


@pytest.fixture
def stub(started: Stub) -> Iterator[Stub]:
    started.forget()
    yield started
    started.forget()
