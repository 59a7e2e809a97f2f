from collections.abc import Iterator
from contextlib import contextmanager

from connectors.base import Login, MessageId, RoomId, UserId
from stub.control import Stub
from stub.server import running

TOKEN = "relay:open-sesame"


class StubHarness:
    """The stub behind a real socket, with an empty room."""

    room = RoomId("Contract & co/1")
    missing_room = RoomId("cellar")
    secrets = (TOKEN, "hook-secret")

    def __init__(self, stub: Stub) -> None:
        self.stub = stub
        stub.add_rooms([self.room])
        self.login = self.login_with()
        self.bad_login = self.login_with(token="relay:wrong")

    def login_with(self, **credentials: str) -> Login:
        known = {"token": TOKEN, "features": "", "hook_secret": "hook-secret"}
        return Login(server=self.stub.url, credentials=known | credentials, user_id=UserId("u-relay"))

    def say(self, text: str) -> MessageId:
        return MessageId(self.stub.say(self.room, "Ann", text))

    def texts(self) -> list[str]:
        return [item.now for item in self.stub.history(self.room) if not item.is_deleted]


@contextmanager
def start() -> Iterator[StubHarness]:
    with running() as stub:
        yield StubHarness(stub)
