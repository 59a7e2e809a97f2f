import json
import queue
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.records import Message, Room, Token, User
from sandbox.server import SandboxServer
from sandbox.world import World
from tests.certificates import self_signed

RELAY_SCOPES = ("send_message", "view_messages", "view_room")


@dataclass
class Api:
    """Calls of one token, and the world behind them."""

    server: SandboxServer
    token: Token
    user: User
    room: Room

    @property
    def world(self) -> World:
        return self.server.world

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token.token}"} | options.pop("headers", {})
        return requests.request(
            method, f"{self.server.url}/v2/{path}", headers=headers, timeout=30, **options
        )

    def get(self, path: str, **query: Any) -> requests.Response:
        return self.call("GET", path, params={name.replace("_", "-"): value for name, value in query.items()})

    def post(self, path: str, data: Any, **options: Any) -> requests.Response:
        return self.call("POST", path, json=data, **options)

    def latest(self, **query: Any) -> list[dict[str, Any]]:
        answer = self.get(f"room/{self.room.id}/history/latest", **query)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    def say(self, *texts: str) -> list[Message]:
        return [self.world.post_message(self.room.id, self.user.id, text) for text in texts]

    def with_scopes(self, *scopes: str) -> "Api":
        return Api(self.server, self.world.create_token(self.user.id, scopes), self.user, self.room)


def tabled(docstring: str) -> list[str]:
    """The names in the first column of a docstring's table, which starts with a head."""
    cells = [cell.strip(" *") for cell in re.findall(r"^ *\|([^|]*)\|", docstring, re.MULTILINE)]
    return [name for cell in cells[2:] for name in cell.split(", ")]


@dataclass
class Receiver:
    """Where webhooks are told to call; it answers with `answer`, once its gate is open."""

    url: str = ""
    answer: bytes = b""
    gate: threading.Event = field(default_factory=threading.Event)
    calls: "queue.Queue[dict[str, Any]]" = field(default_factory=queue.Queue)

    def next(self) -> dict[str, Any]:
        return self.calls.get(timeout=30)


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    receiver.gate.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            receiver.gate.wait(30)
            self.send_response(200)
            self.send_header("Content-Length", str(len(receiver.answer)))
            self.end_headers()
            self.wfile.write(receiver.answer)
            receiver.calls.put(payload)

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        receiver.url = f"http://127.0.0.1:{http.server_port}/hook"
        try:
            yield receiver
        finally:
            http.shutdown()
            thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a self-signed certificate for 127.0.0.1 and its key."""
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_text(self_signed("sandbox").both)
    return path


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server


@pytest.fixture
def server(running: SandboxServer) -> SandboxServer:
    running.world.reset()
    running.world.set_limits(requests=100, sends=30)
    return running


@pytest.fixture
def world(server: SandboxServer) -> World:
    return server.world


@pytest.fixture
def api(server: SandboxServer) -> Api:
    world = server.world
    user = world.user_named("Ann Lee")
    room = world.room_named("Support")
    return Api(server, world.create_token(user.id, RELAY_SCOPES, label="Relay"), user, room)
