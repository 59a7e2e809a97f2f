"""Socket Mode as a stream: what comes by the connections, and before it what was said meanwhile. asyncio.

An envelope is acknowledged once its batch is stored. The stream's token is a `ts`: what was said up to then
in the rooms that matter was brought. It stays behind the present, for Slack may tell things late; what is
read twice by that is known by its key.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from connectors.base import Batch, Cursor, IncomingEvent, Kind, MessageId, Page, Push, Recent, RoomId
from connectors.errors import ConnectorError, LoginRejected, RetryLater, RoomGone
from connectors.slack.shapes import Json, as_ts, moment, ts_of
from connectors.slack.sockets import Envelope, Sockets
from sameroom import clock

log = logging.getLogger(__name__)

BEHIND: Final = timedelta(minutes=2)  # the token stays so far behind the present
QUIET: Final = 60.0  # seconds after which the token is moved on although nothing was said
GLANCE: Final = 0.05  # seconds that are waited for news between two rooms whose past is read
IN_TURN: Final = 1.0  # seconds after which a room's past is read though there is news of others
AGAIN: Final = 10.0  # seconds until a room's past is asked for again that could not be read
MOST_PAGES: Final = 50  # of one room's past
MOST_HELD: Final = 500  # envelopes
LATE: Final = timedelta(seconds=20)  # after which a message is told again, not told
SURE: Final = timedelta(seconds=5)  # after which the history has a message, if it was not deleted
MOST_READ: Final = 5000  # ids of messages that a past had
NEVER: Final = datetime.min.replace(tzinfo=UTC)

Said = list[tuple[RoomId, IncomingEvent]]


@dataclass(frozen=True, slots=True)
class Account:
    """Whose stream it is: how envelopes are read, what a room's past is, and whether its login works."""

    heard: Callable[[str, Json, Collection[RoomId]], Push | None]  # blocking; None: it is another workspace's
    read_after: Callable[[RoomId, Cursor | None], Page]  # blocking
    recent: Callable[[RoomId], Recent]  # blocking
    standing: Callable[[RoomId, Collection[MessageId]], Collection[MessageId]]  # blocking; not deleted yet
    note_told: Callable[[Said], None]  # blocking; these answers in threads are stored
    check: Callable[[], None]  # blocking; LoginRejected


@dataclass(slots=True)
class Gathered:
    """What the next batch brings."""

    said: Said = field(default_factory=list)
    lost: dict[RoomId, str] = field(default_factory=dict)
    unreadable: int = 0
    envelopes: list[tuple[Envelope, str]] = field(default_factory=list)  # to be acknowledged after it
    doubts_login: bool = False


class Stream:
    """One account's stream. Made for one use of `batches`."""

    def __init__(self, sockets: Sockets, account: Account, rooms: Callable[[], Collection[RoomId]]) -> None:
        self._sockets, self._account, self._rooms = sockets, account, rooms
        self._past: dict[RoomId, float] = {}  # rooms whose past is to be read, and not before which moment
        self._held: list[tuple[Envelope, Push]] = []  # news of such rooms: what was said before comes first
        self._awaited: set[RoomId] = set()  # those of `_past` of which there is news
        self._refused: set[RoomId] = set()  # those of `_past` of which operators were told
        self._told_at = 0.0  # when a batch was brought last: of people's statuses there is none to store
        self._read_at = 0.0  # when a past was read last
        self._read: dict[tuple[RoomId, MessageId], None] = {}  # messages that a past had, the oldest first
        self._read_until: dict[RoomId, datetime] = {}  # rooms whose past was read: it had what stood then

    async def batches(self, token: str) -> AsyncGenerator[Batch, None]:
        """As `Connector.stream`."""
        since = ts_of(token)
        await self._sockets.open()
        # What is said from now on comes by the connections.
        self._past = dict.fromkeys(self._rooms(), 0.0)
        yield Batch((), since)
        while True:
            gathered = await self._gather(since)
            if not self._past:
                since = self._present()
            # Connections overtake each other, and what is told again stands behind what came meanwhile.
            said = sorted(gathered.said, key=lambda one: one[1].said_at)
            is_news = said or gathered.lost or gathered.unreadable or not gathered.envelopes
            if is_news or clock.monotonic() >= self._told_at + QUIET:
                yield Batch(said, since, lost=gathered.lost, unreadable=gathered.unreadable)
                self._told_at = clock.monotonic()
            for envelope, answer in gathered.envelopes:
                await envelope.acknowledge(answer)
            if answers := self._stored_answers(said):
                await asyncio.to_thread(self._account.note_told, answers)
            if gathered.doubts_login:
                await asyncio.to_thread(self._account.check)

    def _stored_answers(self, said: Said) -> Said:
        """The answers in threads among what was brought: what no room that matters has was not stored."""
        rooms = self._rooms()
        answers = (one for one in said if one[1].kind is Kind.MESSAGE and one[1].reply_to)
        return [one for one in answers if one[0] in rooms]

    def _present(self) -> str:
        return as_ts(clock.now() - BEHIND)

    async def _gather(self, since: str) -> Gathered:
        """What has come, each room's past first; else one room's past; else nothing, after a while."""
        gathered = Gathered()
        came = await self._sockets.next(GLANCE if self._due() else self._patience())
        if self._sockets.take_gap():  # Slack tells again what it could not tell, but only after a minute
            self._past = dict.fromkeys(self._rooms(), 0.0)
        self._forget_the_unwanted()
        for envelope in came:
            await self._take(gathered, envelope, since)
        await self._release(gathered)
        if len(self._held) > MOST_HELD:
            self._let_go(gathered, since)
        is_turn = not gathered.envelopes or clock.monotonic() >= self._read_at + IN_TURN
        if is_turn and (due := self._due()):
            await self._read_past(gathered, due[0], since)
            await self._release(gathered)
        return gathered

    def _forget_the_unwanted(self) -> None:
        """Nobody waits for the past of a room that matters no more, and neither may the token."""
        wanted = self._rooms()
        self._past = {room: not_before for room, not_before in self._past.items() if room in wanted}
        self._awaited &= self._past.keys()
        self._refused &= self._past.keys()
        self._read_until = {room: at for room, at in self._read_until.items() if room in wanted}

    def _due(self) -> Sequence[RoomId]:
        """Rooms whose past may be read now; those first whose news wait for it."""
        now = clock.monotonic()
        due = [room for room, not_before in self._past.items() if not_before <= now]
        return sorted(due, key=lambda room: room not in self._awaited)

    def _patience(self) -> float:
        """Seconds until a room's past may be asked for again, or for which nothing has to be done."""
        if not self._past:
            return QUIET
        return max(min(self._past.values()) - clock.monotonic(), GLANCE)

    async def _take(self, gathered: Gathered, envelope: Envelope, since: str) -> None:
        wanted = self._rooms()
        try:
            push = await asyncio.to_thread(self._account.heard, envelope.kind, envelope.payload, wanted)
        except LoginRejected:
            raise
        except Exception as error:  # noqa: BLE001 - one that cannot be read must not end the stream
            log.warning("A Slack event could not be read: %s", type(error).__name__)
            gathered.unreadable += 1
            gathered.envelopes.append((envelope, ""))
            return
        if push is None:  # its own stream hears it, by another connection
            return
        for room in _rooms_of(push):
            if room not in wanted:  # nobody asked for what is said there
                continue
            if self._past.get(room, math.inf) <= clock.monotonic() or room in push.rooms:
                await self._read_past(gathered, room, since)
        self._held.append((envelope, push))

    async def _gone(self, said: Said) -> Collection[tuple[RoomId, MessageId]]:
        """Of these messages those that nobody was told of in time, and that are deleted by now.

        A room is asked once for all of them: after a pause of our own there may be hundreds.
        """
        late: dict[RoomId, list[MessageId]] = defaultdict(list)
        for room, event in said:
            if self._is_late(room, event):
                late[room].append(event.id)
        gone: set[tuple[RoomId, MessageId]] = set()
        for room, messages in late.items():
            with suppress(ConnectorError):
                standing = await asyncio.to_thread(self._account.standing, room, messages)
                gone |= {(room, one) for one in messages if one not in standing}
        return gone

    def _is_late(self, room: RoomId, event: IncomingEvent) -> bool:
        if (room, event.id) in self._read or not _is_in_history(event):
            return False
        now = clock.now()
        is_missed = event.said_at < min(now - SURE, self._read_until.get(room, NEVER))
        return (is_missed or event.said_at <= now - LATE) and room in self._rooms()

    async def _release(self, gathered: Gathered) -> None:
        """Bring what waits for no room's past. What stays is not acknowledged: Slack tells it again."""
        held, self._held, free = self._held, [], []
        for envelope, push in held:
            if unread := self._past.keys() & _rooms_of(push):
                self._awaited |= unread
                self._held.append((envelope, push))
            else:
                free.append((envelope, push))
        gone = await self._gone([one for _, push in free for one in push.events])
        for envelope, push in free:
            gathered.said += [one for one in push.events if (one[0], one[1].id) not in gone]
            gathered.doubts_login |= push.doubts_login
            gathered.envelopes.append((envelope, push.answer))

    def _let_go(self, gathered: Gathered, since: str) -> None:
        """Hold no more what comes with its room's past in any case: the token stays until that is read."""
        held, self._held = self._held, []
        for envelope, push in held:
            if since and all(_is_in_history(event) for _, event in push.events):
                gathered.envelopes.append((envelope, push.answer))
            else:
                self._held.append((envelope, push))
        if len(self._held) > MOST_HELD:
            raise RetryLater("Slack does not let what was said before be read.")

    async def _read_past(self, gathered: Gathered, room: RoomId, since: str) -> None:
        """What was said in a room since the token, or last; what cannot be read now is tried again later."""
        self._read_at = clock.monotonic()
        try:
            if since:
                await self._read_since(gathered, room, Cursor(MessageId(since), moment(since)))
            else:
                recent = await asyncio.to_thread(self._account.recent, room)
                gathered.said += [(room, event) for event in recent.events]
        except LoginRejected:
            raise
        except RoomGone as error:
            gathered.lost[room] = str(error)
        except ConnectorError as error:
            wait = error.seconds if isinstance(error, RetryLater) else None
            self._past[room] = clock.monotonic() + (wait or AGAIN)
            if wait is None and room not in self._refused:
                log.warning("Slack channel %s: what was said before cannot be read yet: %s", room, error)
                self._refused.add(room)
            return
        self._past.pop(room, None)
        self._awaited.discard(room)
        self._refused.discard(room)

    async def _read_since(self, gathered: Gathered, room: RoomId, cursor: Cursor | None) -> None:
        began = clock.now()
        for _ in range(MOST_PAGES):
            page = await asyncio.to_thread(self._account.read_after, room, cursor)
            gathered.said += [(room, event) for event in page.events]
            self._read |= dict.fromkeys((room, event.id) for event in page.events)
            self._read = dict.fromkeys([*self._read][-MOST_READ:])
            cursor = page.cursor
            if not page.more:
                break
        self._read_until[room] = began


def _is_in_history(event: IncomingEvent) -> bool:
    """Whether a room's history surely has an event: a message of the channel itself, and no command."""
    return event.kind is Kind.MESSAGE and event.reply_to is None and bool(ts_of(event.id))


def _rooms_of(push: Push) -> Sequence[RoomId]:
    return list(dict.fromkeys([*push.rooms, *(room for room, _ in push.events)]))
