"""What happens in an account's rooms, by long polling /sync, without a hole. asyncio.

A sync tells at most so many events of a room; what is left out in between is read backwards by /messages. A
room that begins to matter is read back a little, so that what was said since its Tube was opened is there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from django.conf import settings

from connectors.base import Batch, IncomingEvent, RoomId
from connectors.errors import RetryLater, RoomGone
from connectors.matrix import memory
from connectors.matrix.events import READ, Malformed, Room, asks_about, event_of, note
from connectors.matrix.polling import PAGE, Polls, TokenUnknown, TooMuch
from connectors.matrix.refusals import BANNED, ENCRYPTED, NOT_IN_ROOM, REMOVED
from connectors.matrix.shapes import Json, moment, rows, table, text
from connectors.matrix.upgrades import CREATION, TOMBSTONE, comes_after, successor, upgraded, via
from sameroom import clock

log = logging.getLogger(__name__)

ENCRYPTED_EVENT, ENCRYPTION = "m.room.encrypted", "m.room.encryption"
MEMBER: Final = "m.room.member"
BEGINNING: Final = 50  # events that are read of a room that begins to matter
MOST_PAGES: Final = 100  # of one gap; 10 000 events
LOOKED_UP: Final = 100  # events that one answer may have us ask for
AT_ONCE: Final = 5  # events that are translated in one go
FEW: Final = 10  # events of each room, where an answer with more of them was too long to be read
# Rooms that are asked for by name. They stand in the address, of which servers read some KiB: a user of more
# is told what happens in all of theirs.
MOST_NAMED: Final = 80
LONGEST: Final = 4000  # characters of their names
KEPT: Final = 300.0  # seconds after which a token is handed on although nothing happened
_NOTHING: Final[Json] = {"types": []}
_LAZY: Final[Json] = {"lazy_load_members": True, "include_redundant_members": True}
_READ: Final = [*READ, ENCRYPTED_EVENT, ENCRYPTION, TOMBSTONE]
# With who comes and goes: a room that we are out of is only told where its last event is asked for.
_TIMELINE: Final = [*_READ, MEMBER]
FILTER: Final[Json] = {
    "presence": _NOTHING,
    "account_data": _NOTHING,
    "room": {
        "ephemeral": _NOTHING,
        "account_data": _NOTHING,
        "state": {"types": [MEMBER, ENCRYPTION, TOMBSTONE], **_LAZY},
        "timeline": {"types": _TIMELINE, "limit": PAGE},
    },
}
_HISTORY: Final[Json] = {"types": _READ, **_LAZY}


@dataclass(frozen=True, slots=True)
class Account:
    """Whose stream it is; `known_as` tells who a user is to the relay."""

    server: str
    user: str
    known_as: Callable[[str], str] = str

    def room(self, room: RoomId) -> Room:
        """A room, about to be read."""
        return Room(self.server, room, self.known_as)


@dataclass(slots=True)
class Gathered:
    """What one answer brought."""

    events: list[tuple[RoomId, IncomingEvent]] = field(default_factory=list)
    lost: dict[RoomId, str] = field(default_factory=dict)
    moved: dict[RoomId, RoomId] = field(default_factory=dict)
    unreadable: int = 0

    def holds_news(self) -> bool:
        """Whether there is anything in it."""
        return bool(self.events or self.lost or self.moved or self.unreadable)


class Stream:
    """One account's stream. Made for one use of `batches`."""

    def __init__(self, polls: Polls, account: Account, rooms: Callable[[], Collection[RoomId]]) -> None:
        self._polls, self._account, self._rooms = polls, account, rooms
        self._watched: set[RoomId] = set()  # rooms that are read without a hole
        self._warned: set[str] = set()  # types of events that could not be read
        self._handed = 0.0
        self._asks_for_few = False

    async def batches(self, token: str) -> AsyncGenerator[Batch, None]:
        """As `Connector.stream`."""
        since, waits = token, False  # a login that is refused shows at once
        if since:  # what was said in these rooms since the token is told by the first answer
            self._watched = set(self._rooms())
        while True:
            asked = set(self._rooms()) if since else set()  # for a token to begin with: no room is told
            self._watched &= asked
            try:
                told = await self._polls.sync(self._filter(asked, waits=waits), since, waits=waits)
            except TokenUnknown:
                log.warning("%s has forgotten the stream's token; beginning anew", self._account.server)
                since, self._watched = "", set()
                continue
            except TooMuch:
                if self._asks_for_few:
                    raise
                self._asks_for_few = True  # what that leaves out is read page by page
                continue
            async for batch in self._taken(told, since):
                yield batch
            since, waits, self._asks_for_few = text(told.get("next_batch")) or since, True, False

    def _filter(self, rooms: Collection[RoomId], *, waits: bool) -> Json:
        """What is asked for: after an absence only rooms that matter, if there are not too many.

        A poll that waits asks for all: one that begins to matter meanwhile has to end it.
        """
        room = FILTER["room"]
        if self._asks_for_few:
            room = room | {"timeline": room["timeline"] | {"limit": FEW}}
        is_short = len(rooms) <= MOST_NAMED and sum(map(len, rooms)) <= LONGEST
        if is_short and (self._asks_for_few or not waits):
            room = room | {"rooms": sorted(rooms)}
        return FILTER | {"room": room}

    async def _taken(self, told: Json, since: str) -> AsyncGenerator[Batch, None]:
        """The batches of one answer: each gap and each new room with the old token, the rest with the new."""
        wanted = set(self._rooms())
        sections = table(told.get("rooms"))
        joined, left = table(sections.get("join")), table(sections.get("leave"))
        gathered = Gathered()
        for room in sorted(wanted - self._watched):
            yield self._batch(await self._begun(room), since)
        for room in wanted & joined.keys() & self._watched:
            described = table(joined[room])
            if since and table(described.get("timeline")).get("limited") is True:
                yield self._batch(await self._gap(room, described, since), since)
            await self._read(room, described, gathered)
        for room in wanted & left.keys():
            gathered.lost[room] = self._why_lost(table(left[room]))
        self._watched = wanted - gathered.lost.keys() - gathered.moved.keys()
        if gathered.holds_news() or not since or self._is_due():
            yield self._batch(gathered, text(told.get("next_batch")) or since)

    def _is_due(self) -> bool:
        return clock.monotonic() - self._handed > KEPT or not self._handed

    def _batch(self, gathered: Gathered, token: str) -> Batch:
        self._handed = clock.monotonic()
        return Batch(gathered.events, token, gathered.lost, gathered.moved, gathered.unreadable)

    # ------------------------------------------------------------------ one room

    async def _read(self, room: RoomId, described: Json, gathered: Gathered) -> None:
        """The events that an answer tells of a room."""
        here = self._account.room(room)
        state = rows(table(described.get("state")).get("events"))
        timeline = rows(table(described.get("timeline")).get("events"))
        here.meet(state)
        await self._take(here, [*_turns(state), *timeline], gathered)

    async def _begun(self, room: RoomId) -> Gathered:
        """The end of a room that begins to matter, as far as one page of it."""
        gathered = Gathered()
        try:
            told = await self._polls.messages(room, _HISTORY)
        except RoomGone as error:
            gathered.lost[room] = str(error)
            return gathered
        here = self._account.room(room)
        here.meet(rows(told.get("state")))
        await self._take(here, list(reversed(rows(told.get("chunk"))[:BEGINNING])), gathered)
        return gathered

    async def _gap(self, room: RoomId, described: Json, since: str) -> Gathered:
        """What was said between a token and the first event that an answer tells, oldest first."""
        here, gathered = self._account.room(room), Gathered()
        start = text(table(described.get("timeline")).get("prev_batch"))
        found: list[Json] = []
        for _ in range(MOST_PAGES):
            try:
                told = await self._polls.messages(room, _HISTORY, start=start, end=since)
            except RoomGone:
                break  # the rest of the answer says why
            page = rows(told.get("chunk"))
            here.meet(rows(told.get("state")))
            found += page
            before, start = start, text(told.get("end"))
            # A page may be empty for the filter alone: it is the token that ends.
            if not start or (start == before and not page) or (page and _is_old(page[-1])):
                break
        else:
            log.warning("Matrix room %s: %d unread events read, older ones are left out", room, len(found))
        await self._take(here, list(reversed(found)), gathered)
        return gathered

    async def _take(self, here: Room, events: Sequence[Json], gathered: Gathered) -> None:
        """Translate a room's events, oldest first."""
        for raw in events:
            note(here, raw)
        await self._look_up(here, events)
        for number, raw in enumerate(events):
            if number % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)  # other accounts' streams have their turn
            here.meet([raw])
            try:
                event = event_of(here, raw)
            except Malformed as error:
                self._warn(raw, error)
                gathered.unreadable += 1
                continue
            if event is not None:
                gathered.events.append((RoomId(here.id), event))
            elif raw.get("type") == TOMBSTONE:
                await self._follow(RoomId(here.id), raw, gathered)
            elif _is_encrypted(raw):
                gathered.lost[RoomId(here.id)] = ENCRYPTED

    async def _follow(self, room: RoomId, tombstone: Json, gathered: Gathered) -> None:
        """Enter the room that this one goes on as; it is lost where that is not open to us."""
        new = successor(table(tombstone.get("content")))
        if new is None:
            return
        try:
            entered = RoomId(await self._polls.join(new, via(tombstone)))
            follows = comes_after(await self._polls.state(entered, CREATION), room)
        except RoomGone:
            follows = False
        except RetryLater as error:
            if error.seconds is not None:
                raise  # the whole answer is told again
            follows = False  # perhaps a server that is gone: the other rooms must not wait for it
        if follows:
            gathered.moved[room] = entered
        else:
            gathered.lost[room] = upgraded(new)

    async def _look_up(self, here: Room, events: Sequence[Json]) -> None:
        """Ask for what edits are about, where nobody remembers it."""
        wanted = dict.fromkeys(filter(None, map(asks_about, events)))
        unknown = [one for one in wanted if memory.recall(here.server, here.id, one) is None]
        if len(unknown) > LOOKED_UP:
            log.warning("Matrix room %s: %d edits are passed over", here.id, len(unknown) - LOOKED_UP)
        for event in unknown[:LOOKED_UP]:
            if raw := await self._polls.event(here.id, event):
                memory.keep(here.server, here.id, event, memory.known_of(raw))

    def _warn(self, raw: Json, error: Malformed) -> None:
        """Once for each type: whoever writes such events writes many."""
        kind = text(raw.get("type"))[:64]
        if kind not in self._warned and len(self._warned) < 100:
            self._warned.add(kind)
            log.warning("A Matrix event of the type %r cannot be read: %s", kind, error)

    def _why_lost(self, described: Json) -> str:
        """Why a room that we were in is left now."""
        for event in reversed([*_events(described, "state"), *_events(described, "timeline")]):
            if event.get("type") == MEMBER and event.get("state_key") == self._account.user:
                if table(event.get("content")).get("membership") == "ban":
                    return BANNED
                if event.get("sender") != self._account.user:
                    return REMOVED
        return NOT_IN_ROOM


def _events(described: Json, part: str) -> list[Json]:
    return rows(table(described.get(part)).get("events"))


def _turns(state: Sequence[Json]) -> Iterator[Json]:
    """State that ends a room for us, where it is told beside the timeline."""
    return (event for event in state if event.get("type") in (ENCRYPTION, TOMBSTONE))


def _is_encrypted(raw: Json) -> bool:
    """Whether a room cannot be read any more after this event."""
    begins = raw.get("type") == ENCRYPTION and bool(table(raw.get("content")))
    return begins or raw.get("type") == ENCRYPTED_EVENT


def _is_old(raw: Json) -> bool:
    """Whether an event is so old that nobody wants what is before it, not even counted."""
    try:
        said = moment(raw.get("origin_server_ts"))
    except ValueError:
        return False
    return said < clock.now() - timedelta(hours=settings.CATCH_UP_HOURS + 24)
