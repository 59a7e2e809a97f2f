import atexit
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache

import pytest

from connectors.base import Login, MessageId, RoomId, UserId
from tests.homeserver import Homeserver, Person, homeserver

# One server for all who need it, in one process of pytest-xdist; see tests/conftest.py.
MARKS = (pytest.mark.xdist_group("synapse"),)


@cache
def shared() -> Homeserver:
    """The homeserver of this test process, started once."""
    running = ExitStack()
    atexit.register(running.close)
    return running.enter_context(homeserver())


class MatrixHarness:
    """Synapse, with an empty room that our user and one more are in."""

    missing_room = RoomId("!nowhere:localhost")

    def __init__(self, server: Homeserver) -> None:
        self.server = server
        self.relay = server.person("relay", display_name="Sameroom Bot")
        self.person = server.person("ann", display_name="Ann")
        self.room = self.room_of(self.person)
        self.secrets = (self.relay.token, self.relay.password)
        self.login = self.login_of(self.relay)
        self.bad_login = Login(server.url, {"token": "syt_wrong_token"})

    def room_of(self, person: Person, **options: object) -> RoomId:
        """A new room of this person's that our user has joined."""
        room = person.make_room(**{"name": "Contract", **options})
        self.relay.join(room)
        return RoomId(room)

    def login_of(self, person: Person, **credentials: str) -> Login:
        return Login(self.server.url, {"token": person.token, **credentials}, UserId(person.id))

    def say(self, text: str, **more: object) -> MessageId:
        return MessageId(self.person.say(self.room, text, **more))

    def texts(self) -> list[str]:
        said = [event for event in self.person.history(self.room) if event["type"] == "m.room.message"]
        return [event["content"]["body"] for event in said if event["content"]]


@contextmanager
def start() -> Iterator[MatrixHarness]:
    yield MatrixHarness(shared())
