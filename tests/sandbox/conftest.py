from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from sandbox.records import Message, Room, Token, User
from sandbox.server import SandboxServer
from sandbox.world import World

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
            method, f"{self.server.url}/v2/{path}", headers=headers, timeout=10, **options
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
