from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from connectors.base import Login, MessageId, RoomId, UserId
from sandbox.server import SandboxServer

SCOPES = ["send_message", "view_messages", "view_room"]


class HipChatHarness:
    """The sandbox behind a real socket, with an empty room and a token that enters it."""

    def __init__(self, server: SandboxServer) -> None:
        self.server, self.world = server, server.world
        self.ann = self.world.user_named("Sameroom Bot", group="Acme")
        self.person = next(
            user for user in self.world.directory.users(self.ann.group_id) if user.id != self.ann.id
        )
        self.room_record = self.world.create_room(self.person.id, "Contract")
        self.room = RoomId(str(self.room_record.id))
        self.missing_room = RoomId("999999")
        self.token = self.world.create_token(self.ann.id, SCOPES).token
        self.secrets = (self.token,)
        self.login = self.login_with(self.token)
        self.bad_login = self.login_with("x" * 40)

    def login_with(self, token: str, **credentials: str) -> Login:
        return Login(
            server=self.server.url,
            credentials={"token": token, "team_name": "Acme", **credentials},
            user_id=UserId(str(self.ann.id)),
        )

    def say(self, text: str) -> MessageId:
        return MessageId(self.world.post_message(self.room_record.id, self.person.id, text).id)

    def fault(self, **fault: Any) -> None:
        self.world.add_fault(**fault)

    def texts(self) -> list[str]:
        messages = self.world.messages.all(self.room_record.chat)
        return [message.text for message in messages if message.text is not None]


@contextmanager
def start() -> Iterator[HipChatHarness]:
    with SandboxServer(request_limit=100_000, flood_limit=100_000) as server:
        yield HipChatHarness(server)
