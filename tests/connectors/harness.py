"""What the contract suite needs of each service: a running peer with a room to play in."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Protocol

from connectors.base import Login, MessageId, RoomId


class Harness(Protocol):
    """One service, running, with an empty room that our login can enter."""

    login: Login
    bad_login: Login
    secrets: list[str]
    room: RoomId
    missing_room: RoomId

    def say(self, text: str) -> MessageId:
        """A person says something in the room."""

    def texts(self) -> list[str]:
        """What stands in the room, oldest first, as the service itself tells it."""


def harness_of(kind: str) -> AbstractContextManager[Harness]:
    """The harness in `tests/connectors/<kind>/harness.py`; a new connector has to bring one."""
    started: AbstractContextManager[Harness] = import_module(f"tests.connectors.{kind}.harness").start()
    return started


Started = Iterator[Harness]
