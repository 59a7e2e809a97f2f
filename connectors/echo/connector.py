"""A service that lives in this process: the example to copy, and a double for tests.

Nothing here leaves the process or outlives it. `say()` plays the people in its rooms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Lock
from typing import Any

from django import forms

from connectors.base import (
    Author,
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
    Recent,
    RoomId,
    RoomInfo,
    UserId,
)
from connectors.budget import Limit
from connectors.errors import LoginRejected, MessageRejected, RetryLater, RoomGone
from connectors.forms import CredentialsForm
from connectors.markup import plain
from sameroom import clock

ROOMS = {RoomId("lobby"): "Lobby", RoomId("garden"): "Garden", RoomId("attic"): "Attic"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line in an echo room."""

    id: MessageId
    author: Author
    text: str
    said_at: datetime

    @property
    def cursor(self) -> Cursor:
        return Cursor(id=self.id, time=self.said_at)

    def event(self) -> IncomingEvent:
        return IncomingEvent(
            kind=Kind.MESSAGE,
            dedupe_key=self.id,
            id=self.id,
            author=self.author,
            said_at=self.said_at,
            body=plain.parse(self.text),
        )


class House:
    """The rooms of one team and all that was said in them, oldest first."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._numbers = count(1)
        self._last = datetime(2000, 1, 1, tzinfo=UTC)
        self.lines: dict[RoomId, list[Line]] = {room: [] for room in ROOMS}
        self.made: dict[RoomId, str] = {}  # rooms that were made here, by name

    def say(self, room: RoomId, author: Author, text: str) -> MessageId:
        with self._lock:
            self._last = max(clock.now(), self._last + timedelta(microseconds=1))
            line = Line(MessageId(f"echo-{next(self._numbers)}"), author, text, self._last)
            self.lines[room].append(line)
            return line.id

    def make(self, name: str) -> RoomId:
        with self._lock:
            room = RoomId(f"made-{next(self._numbers)}")
            self.made[room], self.lines[room] = name, []
            return room

    def names(self) -> dict[RoomId, str]:
        return {**ROOMS, **self.made}


_houses: dict[str, House] = {}


def house(team: str) -> House:
    """The rooms of `team`, made on first use."""
    return _houses.setdefault(team, House())


def clear() -> None:
    """Forget everything (tests)."""
    _houses.clear()


def say(team: str, room: str, name: str, text: str) -> MessageId:
    """Play a person saying something in a room of a team."""
    author = Author(id=UserId(f"person-{name}"), name=name, username=name.lower())
    return house(team).say(RoomId(room), author, text)


class EchoCredentialsForm(CredentialsForm):
    """A team and a name; there is nothing to prove in a process of one's own."""

    team = forms.CharField(max_length=64)
    name = forms.CharField(max_length=64, initial="bot")
    token = forms.CharField(max_length=64, widget=forms.PasswordInput, help_text="Any word but “wrong”.")

    def login(self, cleaned: dict[str, Any]) -> Login:
        return Login(server="", credentials={key: cleaned[key] for key in ("team", "name", "token")})


class EchoConnector(Connector):
    """Reads and posts in this process's memory."""

    kind = "echo"
    label = "Echo"
    capabilities = Capabilities(
        max_text_length=400,
        limit=Limit(requests=1_000_000, seconds=60),
        history=True,
        fastest_poll=0.1,
        addresses=True,
        creates_rooms=True,
    )
    new_room_hint = "Everybody in this process is in it."
    credentials_form = EchoCredentialsForm
    secret_fields = ("team", "name", "token")

    def verify(self) -> Identity:
        token = self.login.credentials["token"]
        if token == "wrong":  # noqa: S105 - the one word that is no token here
            raise LoginRejected("Echo does not know this token. Use any other word.")
        team, name = self.login.credentials["team"], self.login.credentials["name"]
        return Identity(
            server="",
            user_id=UserId(f"{team}/{name}"),
            user_name=f"{name} of {team}",
            team_id=team,
            team_name=team,
            space=f"echo#{team}",
        )

    def list_rooms(self) -> Iterator[RoomInfo]:
        return (RoomInfo(id=room, name=name) for room, name in self._house().names().items())

    def room(self, room: RoomId) -> RoomInfo:
        self._lines(room)
        return RoomInfo(id=room, name=self._house().names()[room])

    def enter(self, address: str) -> RoomInfo:
        if not address.startswith("#"):
            raise RoomGone("This is no address of an Echo room. Type something like #lobby.")
        return self.room(RoomId(address[1:]))

    def create_room(self, name: str, invited: Sequence[str] = ()) -> RoomInfo:
        if invited:
            raise MessageRejected("Echo has nobody to invite.")
        return RoomInfo(id=self._house().make(name), name=name)

    def newest(self, room: RoomId, count: int = 1) -> Sequence[Cursor]:
        return [line.cursor for line in self._lines(room)[-count:]]

    def recent(self, room: RoomId) -> Recent:
        lines = self._lines(room)
        return Recent([line.event() for line in lines[-100:]], whole=len(lines) <= 100)

    def read_after(self, room: RoomId, cursor: Cursor | None) -> Page:
        lines = self._lines(room)
        known = [line.id for line in lines]
        start = known.index(cursor.id) + 1 if cursor and cursor.id in known else 0
        fresh = lines[start:]
        return Page(events=[line.event() for line in fresh], cursor=fresh[-1].cursor if fresh else cursor)

    def send(self, room: RoomId, message: OutgoingMessage) -> MessageId:
        self._lines(room)
        if len(message.text) > self.capabilities.max_text_length:
            raise MessageRejected("Echo takes at most 400 characters at a time.")
        if clock.monotonic() > message.not_after:
            raise RetryLater("This message's turn had passed before it could be sent.")
        identity = self.verify()
        author = Author(id=identity.user_id, name=identity.user_name)
        return self._house().say(room, author, message.text)

    def _house(self) -> House:
        return house(self.login.credentials["team"])

    def _lines(self, room: RoomId) -> list[Line]:
        if room not in self._house().names():
            raise RoomGone("Echo has no such room.")
        return list(self._house().lines[room])


CONNECTOR = EchoConnector
