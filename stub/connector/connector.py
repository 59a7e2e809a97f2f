"""The stub service as a connector: whatever an account's features say, pushed, streamed or polled."""

from __future__ import annotations

import hmac
import json
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from connectors.base import (
    Author,
    Batch,
    Capabilities,
    Connector,
    Cursor,
    Identity,
    IncomingEvent,
    Kind,
    Login,
    MessageId,
    OutgoingMessage,
    Page,
    Push,
    Reading,
    Recent,
    RoomId,
    RoomInfo,
    Support,
    UserId,
)
from connectors.errors import LoginRejected, RetryLater, UnsupportedAction
from connectors.markup import plain
from connectors.net.waiting import connections
from sameroom import clock
from stub.connector.client import READ_DEADLINE, StubClient
from stub.connector.features import narrowed
from stub.connector.forms import StubCredentialsForm
from stub.connector.waiting import Waiting
from stub.pushes import SIGNATURE, signature

MOST = 1000  # entries that one call gives
LONG_POLL = 30.0  # seconds that the stub may keep a request for news
BEGINNING = "20"  # entries that are read of a room where a stream begins without a token


class StubConnector(Connector):
    """One token. The class can do everything, an instance what the credentials' `features` list."""

    kind = "stub"
    label = "Stub"
    capabilities = Capabilities(
        max_text_length=4000,
        limit=None,
        reading=Reading.WEBHOOK,
        history=True,
        fastest_poll=0.1,
        sender_override=Support.NATIVE,
        idempotency_life=3600.0,
        edits=Support.NATIVE,
        deletes=Support.NATIVE,
        replies=Support.NATIVE,
        reactions=Support.NATIVE,
        sends_by_session=True,
    )
    credentials_form = StubCredentialsForm

    def __init__(self, login: Login) -> None:
        self.capabilities = narrowed(type(self).capabilities, login.credentials.get("features", ""))
        super().__init__(login)
        self._client = StubClient(login.server, login.credentials["token"])
        self._streams = False

    # ------------------------------------------------------------------ who and where

    def verify(self) -> Identity:
        me = self._client.get("me")
        return Identity(
            server=self.login.server,
            user_id=UserId(str(me["id"])),
            user_name=str(me["name"]),
            team_id="stub",
            team_name="Stub",
            space=self.login.server,
        )

    def list_rooms(self) -> Iterator[RoomInfo]:
        for room in self._client.get("rooms")["rooms"]:
            yield RoomInfo(id=RoomId(room["id"]), name=room["name"])

    def room(self, room: RoomId) -> RoomInfo:
        told = self._client.get("rooms", room)
        return RoomInfo(id=RoomId(told["id"]), name=told["name"])

    # ------------------------------------------------------------------ reading

    def newest(self, room: RoomId, count: int = 1) -> Sequence[Cursor]:
        self._require_history()
        told = self._client.get("rooms", room, "messages", limit=str(count))
        return [_cursor(entry) for entry in told["events"]]

    def recent(self, room: RoomId) -> Recent:
        self._require_history()
        told = self._client.get("rooms", room, "messages", limit=str(MOST))
        events = [self._event(entry) for entry in told["events"] if entry["kind"] == "message"]
        return Recent([event for event in events if event], whole=told["whole"])

    def read_after(self, room: RoomId, cursor: Cursor | None) -> Page:
        self._require_history()
        after = cursor.id if cursor else ""
        told = self._client.get("rooms", room, "messages", limit=str(MOST), after=after)
        entries = told["events"]
        if told["gap"] and cursor:
            entries = [entry for entry in entries if _time(entry) > cursor.time]
        events = [event for event in map(self._event, entries) if event]
        last = _cursor(told["events"][-1]) if told["events"] else cursor
        return Page(events, cursor=last, more=told["more"], gap=told["gap"])

    async def stream(
        self, token: str, rooms: Callable[[], Collection[RoomId]]
    ) -> AsyncGenerator[Batch, None]:
        async with connections() as http:
            calls = Waiting(http, self.login.server, self.login.credentials["token"])
            said: list[tuple[RoomId, IncomingEvent]] = []
            if not token:
                token = str((await calls.get("stream"))["token"])
                said = await self._last(calls, rooms())
            told = await calls.get("stream", since=token)
            while True:
                said += self._streamed(told["events"], rooms())
                token = str(told["token"])
                self._streams = True
                yield Batch(said, token)
                said, told = [], {"token": token}
                while told["token"] == token:
                    told = await calls.get("stream", since=token, wait=LONG_POLL)

    async def _last(self, calls: Waiting, rooms: Collection[RoomId]) -> list[tuple[RoomId, IncomingEvent]]:
        """What was said last in each room."""
        said: list[tuple[RoomId, IncomingEvent]] = []
        for room in sorted(rooms) if self.capabilities.history else []:
            entries = (await calls.get("rooms", room, "messages", limit=BEGINNING))["events"]
            said += self._streamed([{"room": room, **entry} for entry in entries], rooms)
        return said

    def _streamed(
        self, entries: Iterable[dict[str, Any]], rooms: Collection[RoomId]
    ) -> list[tuple[RoomId, IncomingEvent]]:
        events = [(RoomId(entry["room"]), self._event(entry)) for entry in entries if entry["room"] in rooms]
        return [(room, event) for room, event in events if event]

    def _require_history(self) -> None:
        if not self.capabilities.history:
            raise UnsupportedAction("The stub keeps no history for this account.")

    def receive(self, headers: Mapping[str, str], body: bytes) -> Push:
        secret = self.login.credentials.get("hook_secret", "")
        signed = headers.get(SIGNATURE, "")
        if not secret or not hmac.compare_digest(signed.encode(), signature(secret, body).encode()):
            raise LoginRejected("The stub's push is not signed with this account's secret.")
        try:
            pushed = json.loads(body)
            room, session = RoomId(pushed["room"]), str(pushed["session"])
            events = [self._event(entry, session) for entry in pushed["events"]]
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("The stub's push cannot be read.") from error
        return Push(events=[(room, event) for event in events if event])

    def _event(self, entry: dict[str, Any], session: str = "") -> IncomingEvent | None:
        """An entry of the log in the project's words; None where an account without ids cannot place it."""
        kind, has_ids = Kind(entry["kind"]), self.capabilities.message_ids and "id" in entry
        if not has_ids and kind is not Kind.MESSAGE:
            return None
        id_ = str(entry["id"]) if has_ids else ""
        target, reply_to = entry.get("target"), entry.get("reply_to")
        return IncomingEvent(
            kind=kind,
            dedupe_key=id_ or f"{session}:{entry['seq']}",
            id=MessageId(id_),
            author=Author(id=UserId(entry["author_id"]), name=entry["author_name"]),
            said_at=_time(entry),
            body=plain.parse(entry["text"]) if "text" in entry else None,
            target=MessageId(target) if target else None,
            reply_to=MessageId(reply_to) if reply_to and has_ids else None,
            emoji=entry.get("emoji", ""),
        )

    # ------------------------------------------------------------------ writing

    def send(self, room: RoomId, message: OutgoingMessage) -> MessageId:
        if self.capabilities.sends_by_session and not self._streams:
            raise RetryLater("The stub takes posts of this account beside its stream only.")
        deadline = min(self.capabilities.send_deadline, message.not_after - clock.monotonic())
        if deadline <= 0:
            raise RetryLater("This message's turn had passed before it could be sent.")
        body = {"text": message.text, **self._beside(message)}
        told = self._client.write("POST", "rooms", room, "messages", body=body, deadline=deadline)
        return MessageId(str(told.get("id", "")) if self.capabilities.message_ids else "")

    def _beside(self, message: OutgoingMessage) -> dict[str, str]:
        """What goes along with the text, as far as this account can do it."""
        can = self.capabilities
        beside = {"key": message.idempotency_key if can.idempotency_life else ""}
        if can.sender_override is Support.NATIVE:
            beside |= {"sender_name": message.sender_name, "sender_avatar_url": message.sender_avatar_url}
        if can.replies is Support.NATIVE:
            beside["reply_to"] = message.reply_to or ""
        return {name: value for name, value in beside.items() if value}

    def edit(self, room: RoomId, target: MessageId, message: OutgoingMessage) -> None:
        body = {"text": message.text}
        path = ("rooms", room, "messages", target)
        self._client.write("PUT", *path, body=body, deadline=self._deadline())

    def delete(self, room: RoomId, target: MessageId) -> None:
        path = ("rooms", room, "messages", target)
        self._client.write("DELETE", *path, deadline=self._deadline())

    def react(self, room: RoomId, target: MessageId, emoji: str, *, add: bool) -> None:
        path = ("rooms", room, "messages", target, "reactions", emoji)
        self._client.write("PUT" if add else "DELETE", *path, deadline=self._deadline())

    def _deadline(self) -> float:
        return min(self.capabilities.send_deadline, READ_DEADLINE)


def _time(entry: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(entry["said_at"], UTC)


def _cursor(entry: dict[str, Any]) -> Cursor:
    return Cursor(id=MessageId(entry["id"]), time=_time(entry))


CONNECTOR = StubConnector
