"""IRC: one connection per account, which stays in its channels and by which everything is posted."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Sequence
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import replace
from typing import Final

from connectors.base import (
    Batch,
    Capabilities,
    Connector,
    Cursor,
    Identity,
    Login,
    MessageId,
    OutgoingMessage,
    Reading,
    Recent,
    RoomId,
    RoomInfo,
)
from connectors.errors import DeliveryUnknown, MessageRejected, RetryLater
from connectors.irc import errands, outbox, refusals
from connectors.irc.forms import IrcCredentialsForm
from connectors.irc.history import NEEDED
from connectors.irc.pace import Pace
from connectors.irc.posting import MOST_TEXT, Measure
from connectors.irc.session import Session
from connectors.irc.text import lines_of, size
from sameroom import clock

SURE_TEXT: Final = 320  # bytes that fit on every network, whatever address it gives us
_NAMED: Final = re.compile(r"(?<=\[)(\w)(?=\w)")
_GRACE: Final = 3.0  # seconds beyond its deadline until a send is given up that the event loop does not end


class IrcConnector(Connector):
    """One user of one network. What it can do is what the server has granted (`Login.scopes`)."""

    kind = "irc"
    label = "IRC"
    capabilities = Capabilities(
        max_text_length=MOST_TEXT,
        limit=None,  # how fast lines may go is the session's affair
        reading=Reading.STREAM,
        history=True,
        send_deadline=25.0,  # servers that brake take lines two seconds apart, and more
        addresses=True,
        entering_proves=True,
        rich=True,
        one_line=True,
        sends_by_session=True,
        names_are_owned=False,  # a nick is anybody's, and an id may be a nick
    )
    credentials_form = IrcCredentialsForm
    secret_fields = ("nick", "account", "password")

    def __init__(self, login: Login) -> None:
        super().__init__(login)
        self._live: tuple[asyncio.AbstractEventLoop, Session] | None = None
        self._measure = Measure(SURE_TEXT)
        self._has_ids = "msgid" in login.scopes
        self.capabilities = replace(
            self.capabilities,
            max_text_length=SURE_TEXT,
            message_ids=self._has_ids,
            history=self._has_ids and set(login.scopes) >= NEEDED,
        )

    # ------------------------------------------------------------------ who and where

    def verify(self) -> Identity:
        return errands.run(self.login, errands.identity)

    def list_rooms(self) -> Iterator[RoomInfo]:
        return iter(errands.run(self.login, errands.listed, errands.LISTING))

    def room(self, room: RoomId) -> RoomInfo:
        return self.enter(f"{room} {self.login.key_of(room)}")

    def enter(self, address: str) -> RoomInfo:
        return errands.run(self.login, lambda link: errands.enter(link, address))

    # ------------------------------------------------------------------ reading

    def newest(self, room: RoomId, count: int = 1) -> Sequence[Cursor]:
        events = self.recent(room).events
        return [Cursor(event.id, event.said_at) for event in events[-count:]]

    def recent(self, room: RoomId) -> Recent:
        if self._live is None:
            return errands.run(self.login, lambda link: errands.recent(link, room, self.login.key_of(room)))
        loop, session = self._live
        try:
            return asyncio.run_coroutine_threadsafe(session.recent(room), loop).result(errands.DEADLINE)
        except (NotInTime, asyncio.CancelledError, RuntimeError):
            raise RetryLater(f"The IRC server took longer than {errands.DEADLINE:.0f} seconds.") from None

    async def stream(
        self, token: str, rooms: Callable[[], Collection[RoomId]]
    ) -> AsyncGenerator[Batch, None]:
        pace = Pace(self.login.server, lines_per_second=self._asked_pace())
        await asyncio.to_thread(pace.recall)
        # The login may be another one later: with the keys of channels that were entered meanwhile.
        session = Session(
            self.login,
            rooms,
            lambda room: self.login.key_of(room),
            has_ids=self._has_ids,
            pace=pace,
            measured=self._measured,
            token=token,
        )
        try:
            async for batch in session.batches():
                self._live = asyncio.get_running_loop(), session
                yield batch
        finally:
            self._live = None
            await session.close()
            if session.was_flooding():
                await asyncio.to_thread(pace.slow_down)

    def _measured(self, measure: Measure) -> None:
        """So much a post holds, beside the nick and address that the server has given us."""
        limits, self._measure = measure.limits, measure
        most = limits.most_bytes if limits else max(measure.line, 1)
        self.capabilities = replace(self.capabilities, max_text_length=most, one_line=limits is None)

    def _asked_pace(self) -> float:
        try:
            return max(float(self.login.credentials.get("lines_per_second") or 0), 0.0)
        except ValueError:
            return 0.0

    # ------------------------------------------------------------------ writing

    def escape(self, text: str, *, rings: bool = False, people: Collection[str] = ()) -> str:
        """In the name that stands before a message, a sign that is not seen: its own bearer is not called.

        Whoever sits in both rooms would be, by each of their own messages. What people say is left alone:
        clients call by any word that is a nick.
        """
        return _NAMED.sub("\\1\u200b", text, count=1)

    def length(self, message: OutgoingMessage) -> int:
        measure, lines = self._measure, lines_of(message)
        if measure.limits is None:
            return size(" ".join(lines))
        return measure.limits.length(measure.pieces(lines))

    def send(self, room: RoomId, message: OutgoingMessage) -> MessageId:
        lines = lines_of(message)
        if not lines:
            raise MessageRejected("There is nothing in the message that IRC could show.")
        until = min(clock.monotonic() + self.capabilities.send_deadline, message.not_after)
        if until <= clock.monotonic():
            raise RetryLater(outbox.TURN_OVER)
        live = self._live
        if live is None:
            raise RetryLater(refusals.NOT_YET)
        loop, session = live
        try:
            posting = asyncio.run_coroutine_threadsafe(session.post(room, lines, until), loop)
        except RuntimeError:  # the event loop has just been closed
            raise RetryLater(refusals.NOT_YET) from None
        try:
            sent = posting.result(until - clock.monotonic() + _GRACE)
        except (NotInTime, asyncio.CancelledError):
            posting.cancel()
            raise DeliveryUnknown(outbox.UNCONFIRMED) from None
        return MessageId(sent if self._has_ids else "")


CONNECTOR = IrcConnector
