from collections.abc import Iterator
from contextlib import contextmanager

from connectors.base import Login, MessageId, RoomId, UserId
from connectors.echo import connector as echo


class EchoHarness:
    login = Login(
        server="",
        credentials={"team": "acme", "name": "bot", "token": "open-sesame"},
        user_id=UserId("acme/bot"),
    )
    bad_login = Login(server="", credentials={"team": "acme", "name": "bot", "token": "wrong"})
    secrets = ("open-sesame",)
    room = RoomId("lobby")
    missing_room = RoomId("cellar")

    def say(self, text: str) -> MessageId:
        return echo.say("acme", self.room, "Ann", text)

    def texts(self) -> list[str]:
        return [line.text for line in echo.house("acme").lines[self.room]]


@contextmanager
def start() -> Iterator[EchoHarness]:
    echo.clear()
    yield EchoHarness()
    echo.clear()
