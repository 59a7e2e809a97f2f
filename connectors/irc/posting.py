"""What is posted to a channel, cut as the connection takes it: by one line, by several as one, or apart."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from connectors.base import RoomId
from connectors.errors import ConnectorError, DeliveryUnknown, MessageRejected, RetryLater
from connectors.irc import multiline
from connectors.irc.channels import Channel
from connectors.irc.link import Link
from connectors.irc.multiline import Piece
from connectors.irc.outbox import Outbox
from connectors.irc.pace import Pace
from connectors.irc.text import bare, size
from connectors.irc.wire import LONGEST
from sameroom import clock

MOST_TEXT: Final = 440  # bytes; hardly a line has more beside our nick and address and the channel's name
MOST_MASK: Final = 96  # bytes of `user@host`: 63 of the host, 20 of the user, a few in reserve
MOST_CHANNEL: Final = 64  # bytes of a channel's name
AT_ONCE: Final = 0.2  # seconds
PASTED: Final = 10.0  # seconds until a channel is tried again that takes no more pastes for now
NOT_AS_ONE: Final = "The IRC server does not take the message as one. It is posted in parts."
TOO_LONG: Final = "The message is too long for one line of IRC."
PARTLY: Final = "The IRC server did not take all of the message. A part of it may stand in the channel."


class Measure(NamedTuple):
    """How much one post holds: a line of so many bytes, or as many of them as `limits` allow."""

    line: int
    limits: multiline.Limits | None = None

    def pieces(self, lines: Sequence[str]) -> list[Piece]:
        """The lines as they are sent."""
        return multiline.pieces_of(lines if self.limits else [" ".join(lines)], self.line)


class Posting:
    """One connection's."""

    def __init__(self, link: Link, outbox: Outbox, pace: Pace) -> None:
        self._link, self._outbox, self._pace = link, outbox, pace
        self._rooms: Collection[RoomId] = ()
        self._took_several = False  # lines as one

    def measure(self, rooms: Collection[RoomId]) -> Measure:
        """What a post may hold from now on, in any of our channels."""
        self._rooms = rooms
        return self._measure()

    def _measure(self) -> Measure:
        line = min(map(self._most_text, self._rooms), default=self._most_text("#" * MOST_CHANNEL))
        # A server that has cut us off for writing too fast is sent line by line.
        return Measure(line, self._link.limits if self._pace.slowed == 1 else None)

    def _most_text(self, channel: str) -> int:
        """Bytes that are left of a line as others get it: with our nick and address before it."""
        mask = size(self._link.mask) or MOST_MASK  # the server shows it with our first JOIN
        before = size(self._link.nick) + mask + size(channel)
        return min(MOST_TEXT, LONGEST - len(":! PRIVMSG  :") - before)

    async def post(self, channel: Channel, room: RoomId, lines: Sequence[str], until: float) -> str:
        """Send lines to a channel that we are in, as one where the server takes that; the msgid.

        As `Connector.send`; `until`: monotonic. What fitted when it was cut and does not any more goes
        apart.
        """
        measure = self._measure()
        self._took_several |= measure.limits is not None
        lines = [bare(line) for line in lines] if channel.is_plain else lines
        pieces = measure.pieces(lines)
        if len(pieces) == 1:
            return await self._send(channel, room, pieces, until)
        if measure.limits and measure.limits.allow(pieces):
            return await self._as_one(channel, room, pieces, until)
        took = multiline.MOST_BYTES if self._took_several or len(lines) > 1 else measure.line + MOST_MASK
        if size(" ".join(lines)) > took:
            raise MessageRejected(TOO_LONG)
        return await self._apart(channel, room, Measure(measure.line).pieces(lines), until)

    async def _send(self, channel: Channel, room: RoomId, pieces: Sequence[Piece], until: float) -> str:
        def plainly() -> Sequence[Piece]:
            channel.is_plain = True
            plain = [piece._replace(text=bare(piece.text)) for piece in pieces]
            return plain if plain != list(pieces) else ()

        return await self._outbox.post(room, pieces, until, plainly=plainly)

    async def _as_one(self, channel: Channel, room: RoomId, pieces: Sequence[Piece], until: float) -> str:
        """All or nothing; then it is cut anew, as the server takes it."""
        try:
            return await self._send(channel, room, pieces, until)
        except multiline.Refused as refusal:
            if refusal.is_for_now:
                raise RetryLater(NOT_AS_ONE, seconds=PASTED) from None
            if self._link.limits is not None:
                self._link.limits = self._link.limits.lowered(refusal, pieces)
            raise RetryLater(NOT_AS_ONE, seconds=AT_ONCE) from None

    async def _apart(self, channel: Channel, room: RoomId, pieces: Sequence[Piece], until: float) -> str:
        """One line after the other. Once the first one is on its way, nobody may send them again."""
        sent: list[str] = []
        try:
            for piece in pieces:
                sent.append(await self._insist(channel, room, piece, until, is_first=not sent))
        except ConnectorError as error:
            if not sent and not isinstance(error, DeliveryUnknown):
                raise
            raise MessageRejected(PARTLY) from None
        return sent[0]

    async def _insist(
        self, channel: Channel, room: RoomId, piece: Piece, until: float, *, is_first: bool
    ) -> str:
        while True:
            try:
                return await self._send(channel, room, [piece], until)
            except RetryLater as error:
                if is_first or error.seconds is None or clock.monotonic() + error.seconds > until:
                    raise
                await asyncio.sleep(error.seconds)
