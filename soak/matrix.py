"""People on a Matrix homeserver, who go on where they were when it is restarted under them."""

from __future__ import annotations

import http.client
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from chaos.network import Room
from tests.homeserver import Homeserver, Person, Refused

PATIENCE = 120.0  # seconds that people wait for their server
AGAIN = 0.3  # seconds between two tries
PAGE = 1000  # events
HOST = "Host"  # who made the rooms

Result = TypeVar("Result")
Json = dict[str, Any]


def patiently(ask: Callable[[], Result]) -> Result:
    """What the homeserver says to a request that may be repeated, once it is there."""
    ends = time.monotonic() + PATIENCE
    while True:
        try:
            return ask()
        except (OSError, http.client.HTTPException, ValueError, Refused) as error:
            if (isinstance(error, Refused) and error.status < 500) or time.monotonic() > ends:
                raise
        time.sleep(AGAIN)


class MatrixSide:
    """The homeserver as the suite uses it. Network I/O throughout; any thread may call."""

    kind = "matrix"
    environment: Mapping[str, str] = {}

    def __init__(self, homeserver: Homeserver) -> None:
        self.server, self._homeserver = homeserver.server, homeserver
        self._rooms: dict[Room, str] = {}
        self._people: dict[str, Person] = {}
        self._inside: set[tuple[str, Room]] = set()
        self._lock = threading.Lock()
        self.relay = homeserver.person("relay", display_name="Relay of ann")
        self.deleted: set[int] = set()  # numbers of messages that are, or will be, taken back

    def has_told_all(self) -> bool:
        """Whoever syncs asks for what they have not got."""
        return True

    def add_rooms(self, rooms: Iterable[Room]) -> None:
        """Make them, with the linked user in each."""
        for room in rooms:
            self._rooms[room] = self._person(HOST).make_room(name=room.name)
            self.relay.join(self._rooms[room])

    def login(self, owner: str, profile: str) -> dict[str, str]:
        """What the one owner types into the form."""
        return {"kind": self.kind, "server": self.relay.url, "token": self.relay.token}

    # ------------------------------------------------------------------ what people do

    def send(self, room: Room, author: str, content: Json, kind: str = "m.room.message") -> str:
        """Send an event, once; its id."""
        person, key = self._in(room, author), secrets.token_hex(8)
        path = ("rooms", self._rooms[room], "send", kind, key)
        return str(patiently(lambda: person.ask("PUT", *path, body=content))["event_id"])

    def redact(self, room: Room, author: str, event: str) -> None:
        person, key = self._in(room, author), secrets.token_hex(8)
        patiently(lambda: person.ask("PUT", "rooms", self._rooms[room], "redact", event, key, body={}))

    def upload(self, author: str, content: bytes, name: str) -> str:
        """Where the homeserver keeps a file: its `mxc:` address."""
        person = self._person(author)
        return patiently(lambda: person.upload(content, "application/json", name))

    def latest(self, room: Room, author: str, count: int) -> list[Json]:
        """The newest events, newest first."""
        return self._page(room, self._in(room, author), count)[0]

    # ------------------------------------------------------------------ what stands there

    def history(self, room: Room) -> list[Json]:
        """Every event, oldest first."""
        found, place = self._page(room, self.relay, PAGE)
        while place:
            page, place = self._page(room, self.relay, PAGE, place)
            found += page
        return found[::-1]

    def fetch(self, address: str) -> Any:
        """A file that holds JSON."""
        server, _, media = address.removeprefix("mxc://").partition("/")
        path = ("media", "download", server, media)
        return patiently(lambda: self.relay.ask("GET", *path, api="client/v1"))

    def _page(self, room: Room, person: Person, count: int, place: str = "") -> tuple[list[Json], str]:
        query = f"?dir=b&limit={count}" + (f"&from={place}" if place else "")
        told = patiently(lambda: person.ask("GET", "rooms", self._rooms[room], "messages", query=query))
        return told["chunk"], told.get("end", "")

    def _in(self, room: Room, name: str) -> Person:
        """A person who is in the room."""
        person = self._person(name)
        if (name, room) not in self._inside:
            patiently(lambda: person.join(self._rooms[room]))
            self._inside.add((name, room))
        return person

    def _person(self, name: str) -> Person:
        with self._lock:
            if name not in self._people:
                made = patiently(lambda: self._homeserver.person(name.lower(), display_name=name))
                self._people[name] = made
            return self._people[name]
