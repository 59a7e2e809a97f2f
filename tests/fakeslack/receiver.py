"""A request URL: takes what Slack posts, as a test has it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.waiting import PATIENCE


@dataclass(frozen=True)
class Request:
    """One POST that came."""

    headers: dict[str, str]  # by lower-case names
    body: bytes
    at: float

    @property
    def json(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.body or b"{}")
        return told

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = self.json["event"]
        return event


@dataclass
class Receiver:
    """What came, and how the next ones are answered."""

    url: str
    requests: list[Request] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)  # of the next ones; then 200
    seconds: float = 0.0  # before each answer
    body: bytes = b""  # of each answer

    def of_type(self, kind: str, count: int = 1) -> list[Request]:
        """The event callbacks of a type, as soon as there are so many."""
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            found = [one for one in list(self.requests) if one.json.get("event", {}).get("type") == kind]
            if len(found) >= count:
                return found
            time.sleep(0.01)
        raise AssertionError(f"no {count} × {kind}: {[one.json for one in self.requests]}")

    def event(self, kind: str = "message", **values: Any) -> dict[str, Any]:
        """The first event of a type with these fields, as soon as it comes."""
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            for one in list(self.requests):
                event = one.json.get("event", {})
                if event.get("type") == kind and all(
                    event.get(name) == value for name, value in values.items()
                ):
                    return dict(event)
            time.sleep(0.01)
        raise AssertionError(f"no {kind} {values}: {[one.json for one in self.requests]}")

    def events(self) -> list[dict[str, Any]]:
        """All that came, in their order."""
        return [one.event for one in list(self.requests) if "event" in one.json]


class Handler(BaseHTTPRequestHandler):
    """Notes each request, and answers as the receiver says. It gives challenges back."""

    protocol_version = "HTTP/1.1"
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.receiver.requests.append(Request(headers, body, time.monotonic()))
        told = body.startswith(b"{") and json.loads(body)
        if told and told.get("type") == "url_verification":
            return self._answer(200, {}, told["challenge"].encode())
        time.sleep(self.receiver.seconds)
        status, more = self.receiver.answers.pop(0) if self.receiver.answers else (200, {})
        return self._answer(status, more, self.receiver.body)

    do_GET = do_POST  # a redirect leads to one

    def _answer(self, status: int, more: dict[str, str], body: bytes) -> None:
        try:
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | more).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # Slack did not wait

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A request URL on a free port, until the end of the block."""
    receiver = Receiver("")
    handler = type("Handler", (Handler,), {"receiver": receiver})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}/slack/events"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()
