"""Posts to channels: one after the other, each confirmed by the server before the next one goes.

A server says nothing of a line that it has passed on, unless we asked for its echo (echo-message) or for an
answer to everything (labeled-response). Where it knows neither, a PING goes behind each line: its answer
comes after whatever the server had to say of the line. With at most one line on its way, the server's own
brake against floods brakes us, and nothing is lost with the rest of a queue.

A post is a line, or several lines that the server takes as one (`multiline`). Those it takes all or none of:
what it says against them may be said of each, so a PING behind them tells when it has said everything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from connectors.errors import ConnectorError, DeliveryUnknown, MessageRejected, RetryLater
from connectors.irc import multiline, refusals
from connectors.irc.link import Link
from connectors.irc.multiline import Piece
from connectors.irc.pace import Pace
from connectors.irc.wire import Line
from sameroom import clock

MOST_WAIT: Final = 2.0  # seconds that a line waits here for its turn; else its lane may do something else
CONFIRMED: Final = 5.0  # seconds that must be left for the confirmation when a line goes
NO_ECHO: Final = 4.0  # seconds without an echo after which we ask whether one will come
UNPASSED: Final = "The IRC server took the message and did not pass it on."
UNCONFIRMED: Final = "The IRC server did not confirm the message in time."
CUT: Final = "The connection to the IRC server ended before it had confirmed the message."
TURN_OVER: Final = "This message's turn had passed before it could be sent."


@dataclass(slots=True)
class Sent:
    """A post on its way."""

    channel: str  # folded
    token: str
    is_echoed: bool
    is_batch: bool
    done: asyncio.Future[str] = field(repr=False)  # its msgid; "" where there is none
    label: str = ""  # which its echo has; "" where there are no labels
    answer: str = ""  # the batch of what is answered to it, where that is more than one line
    unlabelled: str | None = None  # the msgid of what may be its echo
    refusal: Exception | None = None  # of a batch; there may be more to come

    @property
    def commands(self) -> tuple[str, ...]:
        return ("BATCH", "PRIVMSG") if self.is_batch else ("PRIVMSG",)


class Outbox:
    """The posts of one connection."""

    def __init__(self, link: Link, pace: Pace) -> None:
        self._link, self._pace = link, pace
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._sent: Sent | None = None
        self._numbers = count(1)
        self._labels = False  # the server puts them on echoes, as it has said
        self._takes = 0.0  # seconds until a line is confirmed, of late

    def learn(self) -> None:
        """What the server can do is known now."""
        self._pace.commands = 1 if self._is_echoed else 2
        self._pace.is_braked = self._link.support.brakes

    @property
    def _is_echoed(self) -> bool:
        return "echo-message" in self._link.granted

    async def post(
        self,
        channel: str,
        pieces: Sequence[Piece],
        until: float,
        *,
        plainly: Callable[[], Sequence[Piece]],
    ) -> str:
        """Send a line to a channel that we are in, or several as one; wait for the confirmation: the msgid.

        `until` (monotonic) everything has to be over. `plainly` gives what to try once more where its
        formatting is refused; nothing where that makes no difference. As `Connector.send`, and
        `multiline.Refused` where the server surely took nothing of what it cannot take as one.
        """
        each = max(self._pace.interval, self._takes)
        wait = self._pace.due(clock.monotonic()) + self._waiting * each
        if wait > MOST_WAIT:
            raise RetryLater("The IRC network takes lines only so fast; others go first.", seconds=wait)
        self._waiting += 1
        try:
            async with asyncio.timeout(max(until - CONFIRMED - clock.monotonic(), 0.0)):
                await self._turn.acquire()
        except TimeoutError:
            raise RetryLater(TURN_OVER) from None
        finally:
            self._waiting -= 1
        try:
            try:
                return await self._one(channel, pieces, until)
            except _Formatted as refusal:
                if not (bare := plainly()):
                    raise refusal.error from None
                return await self._one(channel, bare, until)
        finally:
            self._turn.release()

    async def _one(self, channel: str, pieces: Sequence[Piece], until: float) -> str:
        await self._ready(until)
        sent = self._send(channel, pieces)
        awaited: set[asyncio.Future[object]] = {sent.done, self._link.ended}  # type: ignore[arg-type]
        began = clock.monotonic()
        patience = min(NO_ECHO, until - began) if sent.is_echoed else until - began
        await asyncio.wait(awaited, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if sent.is_echoed and not sent.done.done() and not self._link.ended.done():
            self._link.say("PING", sent.token)
            left = max(until - clock.monotonic(), 0.0)
            await asyncio.wait(awaited, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        if sent.done.done():
            self._sent = None
            self._takes += (clock.monotonic() - began - self._takes) / 4
            return sent.done.result()
        if self._link.ended.done():
            raise DeliveryUnknown(CUT)
        raise DeliveryUnknown(UNCONFIRMED)  # the line stays on its way: no other one goes before it is over

    async def _ready(self, until: float) -> None:
        """Wait until a line may go. RetryLater where that is too late."""
        before = self._sent
        if before is not None:
            left = max(until - CONFIRMED - clock.monotonic(), 0.0)
            await asyncio.wait({before.done}, timeout=left)
            if not before.done.done():
                raise RetryLater("The IRC server has not confirmed an earlier message yet.")
            before.done.exception()  # told to whoever sent it, or unknown for good
            self._sent = None
        wait = self._pace.due(clock.monotonic())
        if clock.monotonic() + wait > until - CONFIRMED:
            raise RetryLater(TURN_OVER, seconds=max(wait, 1.0))
        await asyncio.sleep(wait)
        if self._link.ended.done():
            raise RetryLater(str(self._link.ended.result()))

    def _send(self, channel: str, pieces: Sequence[Piece]) -> Sent:
        link, token = self._link, f"said-{next(self._numbers)}"
        folded, is_batch = link.support.fold(channel), len(pieces) > 1
        sent = Sent(folded, token, self._is_echoed, is_batch, asyncio.get_running_loop().create_future())
        sent.label = token if self._is_echoed and "labeled-response" in link.granted else ""
        tags = {"label": token} if sent.label else {}
        self._sent = sent
        if is_batch:
            self._pace.took(clock.monotonic(), self._pace.commands + len(pieces) + 1)
            self._say_as_one(channel, pieces, token, tags)
        else:
            self._pace.took(clock.monotonic())
            link.say("PRIVMSG", channel, pieces[0].text, tags=tags)
        if not sent.is_echoed:
            link.say("PING", token)
        return sent

    def _say_as_one(self, channel: str, pieces: Sequence[Piece], name: str, tags: Mapping[str, str]) -> None:
        """All at once: nothing else may be said before the end of a batch."""
        self._link.say("BATCH", f"+{name}", multiline.CAPABILITY, channel, tags=tags)
        for piece in pieces:
            marks = {"batch": name, **({multiline.GOES_ON: ""} if piece.goes_on else {})}
            self._link.say("PRIVMSG", channel, piece.text, tags=marks)
        self._link.say("BATCH", f"-{name}")

    # ------------------------------------------------------------------ what the server says of it

    def see(self, line: Line) -> bool:
        """Whether a line was the confirmation, or the refusal, of what is on its way."""
        sent = self._sent
        if sent is None or sent.done.done():
            return False
        if line.command == "PONG" and line.text == sent.token:
            if sent.unlabelled is not None:
                sent.done.set_result(sent.unlabelled)
            elif sent.refusal or sent.is_echoed:
                sent.done.set_exception(sent.refusal or MessageRejected(UNPASSED))
            else:
                sent.done.set_result("")
        elif line.command == "PRIVMSG" and self._is_echo(line, sent):
            self._echoed(line, sent)
        elif line.command == "BATCH" and sent.label and line.tags.get("label") == sent.label:
            sent.answer = line.param(0)[1:]
        elif line.command == "ACK" and line.tags.get("label") == sent.token:
            if not sent.is_batch:  # of one it may be about its beginning alone
                sent.done.set_exception(MessageRejected(UNPASSED))
        elif self._is_refusal(line, sent) and self._is_about(line, sent):
            self._refuse(sent, _error(line))
        else:
            return False
        sent.done.exception() if sent.done.done() else None
        return True

    def _echoed(self, line: Line, sent: Sent) -> None:
        """Its echo; another client of the same user may have said it, where it has no label and should."""
        msgid, batch = line.tags.get("msgid", ""), line.tags.get("batch", "")
        if not sent.label:
            sent.done.set_result(msgid)
        elif line.tags.get("label") == sent.label or (sent.answer and batch == sent.answer):
            self._labels = True
            sent.done.set_result(msgid)
        elif sent.unlabelled is None and not self._labels:
            sent.unlabelled = msgid

    def _refuse(self, sent: Sent, error: Exception) -> None:
        if not sent.is_batch:
            sent.done.set_exception(error)
        elif sent.refusal is None:
            sent.refusal = error
            if sent.is_echoed:
                self._link.say("PING", sent.token)

    def _is_refusal(self, line: Line, sent: Sent) -> bool:
        return line.command in refusals.SEND_REFUSALS or (sent.is_batch and line.command == "421")

    def _is_echo(self, line: Line, sent: Sent) -> bool:
        # Not by the text: a server may have changed it, and no other line of this connection is on its way.
        return self._link.is_me(line.nick) and self._link.support.fold(line.param(0)) == sent.channel

    def _is_about(self, line: Line, sent: Sent) -> bool:
        if line.tags.get("label") == sent.token:
            return True
        match line.command:
            case "FAIL":
                return line.param(0) in sent.commands
            case "263" | "421":
                return line.param(1).upper() in sent.commands
            case "412" | "417":
                return True
            case _:
                return self._link.support.fold(line.param(1)) == sent.channel


def _error(line: Line) -> Exception:
    """What a refusal means."""
    if line.command == "421" or (line.command, line.param(0)) == ("FAIL", "BATCH"):
        return multiline.Refused(line.param(1), line.param(2))
    error = refusals.send_refusal(line)
    return _Formatted(error) if refusals.is_about_formatting(line) else error


class _Formatted(Exception):
    """A line was refused for its formatting."""

    def __init__(self, error: ConnectorError) -> None:
        super().__init__(str(error))
        self.error = error
