"""One account's session: in its channels, telling what is said there, and posting. asyncio.

What comes is handled when it comes, also while a batch is being stored: a PING must be answered, and a line
that is sent must be confirmed, whatever the database does meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from connectors.base import Batch, IncomingEvent, Login, Recent, RoomId, UserId
from connectors.errors import ConnectorError, RetryLater
from connectors.irc import history, refusals, services
from connectors.irc.channels import Channels
from connectors.irc.link import Link
from connectors.irc.outbox import Outbox
from connectors.irc.pace import Pace
from connectors.irc.posting import Measure, Posting
from connectors.irc.presence import COMMANDS, Presence
from connectors.irc.reading import KINDS, Reader, is_to, known_as
from connectors.irc.who import who_of
from connectors.irc.wire import Line
from sameroom import clock

log = logging.getLogger(__name__)

OPENING: Final = 30.0  # seconds for connecting and registering; servers look up names and idents first
SETTLING: Final = 8.0  # seconds that the first batch waits for the channels
MOST_HELD: Final = 1000  # events that wait to be stored; then the server has to wait
REGAIN: Final = 60.0  # seconds until the first try to get our nick where there are no services
LOG_IN_AGAIN: Final = 600.0  # seconds until services that were away are asked again
JOINING: Final = 2  # commands for which InspIRCd counts a JOIN
RAREST: Final = 3600.0  # seconds between two of them, as each waits twice as long as the one before
NO_PLACE: Final = "live"  # a token where nothing is told again: there is no place to go on from
OVERLAP: Final = timedelta(seconds=60)


class Session(Link):
    """An account's connection that stays. Made for one use of `batches`."""

    def __init__(
        self,
        login: Login,
        rooms: Callable[[], Collection[RoomId]],
        key_of: Callable[[RoomId], str],
        *,
        has_ids: bool,
        pace: Pace,
        measured: Callable[[Measure], None],
        token: str,
    ) -> None:
        super().__init__(who_of(login))
        self._rooms, self._pace = rooms, pace
        self._wanted: Collection[RoomId] = ()
        self._channels = Channels(self, key_of)
        self._outbox = Outbox(self, pace)
        self._posting = Posting(self, self._outbox, pace)
        self._presence = Presence(self)
        self._reader = Reader(self, has_ids=has_ids)
        self._events: list[tuple[RoomId, IncomingEvent]] = []
        self._before_move: int | None = None  # so many of them were said before a channel got another name
        self._unreadable = 0
        self._news = asyncio.Event()
        self._is_settled = asyncio.Event()
        self._regain_at, self._regain_every = 0.0, 2 * REGAIN
        self._log_in_at = math.inf
        self._measured = measured
        self._shown: object = None  # what was last measured by
        self._user, self._nick_known = login.user_id, ""
        self._has_ids, self._token = has_ids, token
        self._begun = token  # what is missing was said after it
        self._filling: dict[
            RoomId, list[Line]
        ] = {}  # channels whose gap is being read: what is said meanwhile
        self._tasks: set[asyncio.Task[None]] = set()
        self._asking = asyncio.Lock()  # one question about history at a time

    # ------------------------------------------------------------------ reading

    async def batches(self) -> AsyncGenerator[Batch, None]:
        """As `Connector.stream`."""
        await self._begin()
        while True:
            yield self._gathered()
            self.pause(reading=True)
            while not self._has_news():
                if self.ended.done():
                    raise self.ended.result()
                self._news.clear()
                await self._news.wait()

    async def _begin(self) -> None:
        await self.open(OPENING)
        if not self._has_history:
            self._token = NO_PLACE
        elif self._begun in ("", NO_PLACE):
            self._token = _stamp(clock.now())
        if self.support.bot_mode:
            self.say("MODE", self.nick, f"+{self.support.bot_mode}")
        if self.who.password:
            await self._log_in()
        self._outbox.learn()
        self._regain_at = clock.monotonic() + REGAIN
        self._look(clock.monotonic())
        if not self._channels.are_settled():
            with suppress(TimeoutError):
                async with asyncio.timeout(SETTLING):
                    await self._is_settled.wait()

    async def _log_in(self) -> None:
        """With the network's services. Without them we go on: a channel that asks for a login says so."""
        try:
            if not self.account:
                await services.log_in(self)
            await services.regain(self)
        except RetryLater:
            if self.ended.done():
                raise
            log.info("%s: NickServ does not answer; going on without a login", self.who.place.host)
            self._log_in_at = clock.monotonic() + LOG_IN_AGAIN

    async def _log_in_later(self) -> None:
        """The services may have been away, as after a netsplit: channels may ask for a login."""
        try:
            await services.log_in(self, by_message=False)
        except RetryLater:
            self._log_in_at = clock.monotonic() + LOG_IN_AGAIN
        except ConnectorError as error:
            self.end(error)

    def _has_news(self) -> bool:
        return bool(self._events or self._channels.lost or self._channels.moved or self._unreadable)

    def _gathered(self) -> Batch:
        """What is told next: what was said under a channel's new name only once that is known."""
        ready = len(self._events) if self._before_move is None else self._before_move
        told, channels = self._events[:ready], self._channels
        batch = Batch(told, self._token, channels.lost, channels.moved, self._unreadable, channels.put_out)
        self._events, self._before_move = self._events[ready:], None
        channels.lost, channels.moved, channels.put_out, self._unreadable = {}, {}, set(), 0
        return batch

    # ------------------------------------------------------------------ what comes

    def handle(self, line: Line) -> None:
        if self._outbox.see(line):
            return
        if line.command in KINDS:
            self._hear_said(line)
        elif self._channels.handle(line, clock.monotonic()):
            if line.command == "JOIN" and self._has_history:
                self._begin_to_fill(RoomId(self.support.fold(line.param(0))))
            self._settle()
            self._tell_of_channels()
        elif line.command in COMMANDS:
            self._hear_of(line)

    def _tell_of_channels(self) -> None:
        if self._channels.moved and self._before_move is None:
            self._before_move = len(self._events)
        if self._channels.lost or self._channels.moved:
            self._news.set()

    def _settle(self) -> None:
        if self._channels.are_settled() and not self._filling:
            self._is_settled.set()

    def _hear_said(self, line: Line) -> None:
        room = is_to(line, self)
        if room is None or not self._channels.is_in(room) or self.is_me(line.nick):
            return
        if "!" not in line.source or "batch" in line.tags:
            return  # the server's own words, or what was said before we came
        self._presence.notice(room, line.nick)
        self._tell(room, line)

    def _hear_of(self, line: Line) -> None:
        """Somebody else comes or goes, or sets a topic."""
        if line.command in ("NICK", "QUIT") and self.support.fold(line.nick) == self.support.fold(
            self.who.nick
        ):
            self._regain_at = 0.0  # whoever had our nick is gone
        if self.is_me(line.nick) or (line.command == "NICK" and self.is_me(line.param(0))):
            return  # by now it is ours
        for room in self._presence.told_in(line):
            if self._channels.is_in(room):
                self._tell(room, line)

    def _tell(self, room: RoomId, line: Line) -> None:
        if room in self._filling:
            self._filling[room].append(line)
        else:
            self._take(room, line)

    def _take(self, room: RoomId, line: Line) -> None:
        try:
            event = self._reader.event(line)
        except ValueError:
            self._unreadable += 1
        else:
            if event is None:
                return
            self._events.append((self._channels.now(room), event))
            if self._has_history:
                self._token = max(self._token, _stamp(event.said_at))
        self._news.set()
        if len(self._events) >= MOST_HELD:
            self.pause(reading=False)

    # ------------------------------------------------------------------ what was said before

    @property
    def _has_history(self) -> bool:
        return self._has_ids and self.granted >= history.NEEDED

    async def recent(self, room: RoomId) -> Recent:
        """As `Connector.recent`."""
        room = self._channels.now(room)
        if not self._channels.is_in(room):
            raise RetryLater(refusals.NOT_JOINED)
        async with self._asking:
            return self._reader.recent(*await history.latest(self, room))

    def _begin_to_fill(self, room: RoomId) -> None:
        if self._channels.is_in(room) and room not in self._filling:
            self._filling[room] = []
            self._run(self._fill(room))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        """Beside everything else, for as long as the connection lasts."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _fill(self, room: RoomId) -> None:
        """Tell what was said in a channel while we were away, before what is said now."""
        lines: list[Line] = []
        try:
            async with self._asking:
                if self._begun in ("", NO_PLACE):
                    lines, _ = await history.latest(self, room)
                else:
                    lines = await history.after(self, room, _a_little_before(self._begun))
        except ConnectorError as error:
            log.info("%s: %s", self.who.place.host, error)
        known = {line.tags.get("msgid") for line in lines}
        meanwhile = self._filling.pop(room, [])
        for line in [*lines, *(line for line in meanwhile if line.tags.get("msgid") not in known)]:
            self._take(room, line)
        self._settle()

    def tick(self, now: float) -> None:
        super().tick(now)
        self._look(now)
        if now > self._log_in_at:
            self._log_in_at = math.inf
            self._run(self._log_in_later())
        if now > self._regain_at and self.nick and not self.has_its_nick:
            self._regain_at = now + self._regain_every
            self._regain_every = min(self._regain_every * 2, RAREST)
            self.say("NICK", self.who.nick)

    def end(self, error: ConnectorError) -> None:
        super().end(error)
        known_as(self, self._nick_known, UserId(""))
        for task in self._tasks:
            task.cancel()
        self._news.set()
        self._is_settled.set()

    def _look(self, now: float) -> None:
        """See which rooms matter, and go on joining them."""
        wanted = self._rooms()
        if wanted != self._wanted:
            self._channels.want(wanted)
            self._wanted = wanted
            self._presence.keep(self._channels.by_room)
        # Before what is posted, but at the same pace: servers end whoever joins too fast, too.
        if self._pace.due(now) <= self._pace.interval and self._channels.join(now):
            self._pace.took(now, JOINING)
        self._tell_of_channels()
        names = tuple(self._channels.by_room)
        if (shown := (self.nick, self.mask, names, self.limits)) != self._shown:
            self._shown = shown
            self._nick_known = known_as(self, self._nick_known, self._user)
            self._measured(self._posting.measure(names))

    async def close(self, farewell: str = "") -> None:
        await super().close(farewell)
        self.end(RetryLater(refusals.NOT_YET))

    # ------------------------------------------------------------------ writing

    async def post(self, room: RoomId, lines: Sequence[str], until: float) -> str:
        """Send lines to a channel; the msgid, "" if none. As `Connector.send`; `until`: monotonic."""
        if self.ended.done() or not self.nick:
            raise RetryLater(refusals.NOT_YET)
        room = self._channels.now(room)
        if not self._channels.is_in(room):
            self._look(clock.monotonic())
            raise RetryLater(refusals.NOT_JOINED)
        try:
            return await self._posting.post(self._channels.by_room[room], room, lines, until)
        finally:
            self._look(clock.monotonic())  # the server may have said what it takes

    def was_flooding(self) -> bool:
        """Whether the server has ended the session because of how fast we wrote."""
        return self.ended.done() and refusals.is_flooding(str(self.ended.result()))


def _stamp(moment: datetime) -> str:
    """A moment as server-time has it."""
    moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def _a_little_before(moment: str) -> str:
    """Clocks of a network's servers differ, and an event that comes twice counts once."""
    try:
        return _stamp(datetime.fromisoformat(moment) - OVERLAP)
    except (ValueError, OverflowError):
        return moment
