"""One registered connection: what comes is handled at once, in the event loop, without a task of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from connectors.errors import ConnectorError, RetryLater
from connectors.irc import multiline, refusals
from connectors.irc.registering import Registration
from connectors.irc.support import Support
from connectors.irc.ticking import clock_of_loop
from connectors.irc.who import Who, space_of
from connectors.irc.wire import Line, compose, parse
from connectors.net import NetError, redact
from connectors.net.lines import LineConnection, open_lines
from sameroom import clock

SILENT: Final = 120.0  # seconds without a line after which we ask whether the server is there
ANSWERED: Final = 60.0  # seconds that it may take to answer
MOST_LINES: Final = 20_000  # of one answer


class Watch:
    """Lines that somebody waits for."""

    def __init__(self, takes: Callable[[Line], bool], until: Callable[[Line], bool]) -> None:
        self.lines: list[Line] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._takes, self._until = takes, until

    def see(self, line: Line) -> None:
        """Take the line, if it is one of them."""
        if self.done.done():
            return
        is_last = self._until(line)
        if is_last or self._takes(line):
            self.lines.append(line)
        if is_last or len(self.lines) >= MOST_LINES:
            self.done.set_result(None)


class Link:
    """A user's connection. Made for one use of `open`; whoever derives from it hears `handle`."""

    def __init__(self, who: Who) -> None:
        self.who, self.support, self.where = who, Support(), space_of(who.place)
        self.nick, self.mask, self.account = "", "", ""  # mask: `user@host`, once the server has shown it
        self.granted: set[str] = set()
        self.limits: multiline.Limits | None = None  # of a batch of lines; None: the server takes none
        self.ended: asyncio.Future[ConnectorError] = asyncio.get_running_loop().create_future()
        self._lines: LineConnection | None = None
        self._registration: Registration | None = None
        self._registered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._watches: list[Watch] = []
        self._gathering = multiline.Gathering()
        self._heard_at = self._asked_at = 0.0

    # ------------------------------------------------------------------ opening and closing

    async def open(self, seconds: float) -> None:
        """Connect and register, within so long. LoginRejected, RetryLater."""
        ends = clock.monotonic() + seconds
        try:
            self._lines = await open_lines(
                self.who.place, deadline=seconds, heard=self._hear, ended=self._broken
            )
        except NetError as error:
            raise self._hidden(refusals.broken(error)) from None
        self._heard_at = clock.monotonic()
        self._registration = Registration(self.who, self.support, self.say)
        self._registration.begin()
        await self._until(self._registered, ends - clock.monotonic(), "register us")
        clock_of_loop().add(self)

    async def close(self, farewell: str = "") -> None:
        """Leave. Does not raise."""
        clock_of_loop().remove(self)
        if self._lines is not None and not self.ended.done():
            self.say("QUIT", farewell or "Sameroom")
            # Some servers take what was said before the end only where they may close first.
            with suppress(TimeoutError, ConnectorError):
                await self._until(asyncio.get_running_loop().create_future(), 0.5, "let us go")
        if self._lines is not None:
            self._lines.close()

    def end(self, error: ConnectorError) -> None:
        """It is over, for this reason."""
        clock_of_loop().remove(self)
        if not self.ended.done():
            self.ended.set_result(self._hidden(error))
        if self._lines is not None:
            self._lines.abort()

    def pause(self, *, reading: bool) -> None:
        """Let the server wait with what it says, or go on."""
        if self._lines is not None:
            self._lines.pause(reading=reading)

    # ------------------------------------------------------------------ asking

    def say(self, command: str, *params: str, tags: Mapping[str, str] | None = None) -> None:
        """Send a line. ValueError where it would be more than one."""
        if self._lines is not None:
            self._lines.write(compose(command, *params, tags=tags))

    def watch(self, takes: Callable[[Line], bool], until: Callable[[Line], bool]) -> Watch:
        """Begin to wait for lines; `collected` ends it."""
        found = Watch(takes, until)
        self._watches.append(found)
        return found

    async def collected(self, watch: Watch, seconds: float) -> list[Line]:
        """The lines that were waited for, the last one included. RetryLater where that does not come."""
        try:
            await self._until(watch.done, seconds, "answer")
        finally:
            self._watches.remove(watch)
        return watch.lines

    async def _until(self, future: asyncio.Future[None], seconds: float, what: str) -> None:
        awaited: set[asyncio.Future[Any]] = {future, self.ended}
        await asyncio.wait(awaited, timeout=max(seconds, 0.0), return_when=asyncio.FIRST_COMPLETED)
        if future.done():
            return future.result()
        if self.ended.done():
            raise self.ended.result()
        raise RetryLater(f"The IRC server did not {what} within {seconds:.0f} seconds.")

    # ------------------------------------------------------------------ hearing

    def handle(self, line: Line) -> None:
        """A line that came after we were registered."""

    def tick(self, now: float) -> None:
        """Every second: is the server still there?"""
        if self._asked_at and now - self._asked_at > ANSWERED:
            self.end(RetryLater(refusals.BROKEN.format(why="the server fell silent")))
        elif not self._asked_at and now - self._heard_at > SILENT:
            self._asked_at = now
            self.say("PING", "still-there")

    @property
    def has_its_nick(self) -> bool:
        """Whether we have the nick that we want, as far as the network lets nicks be that long."""
        return self.is_me(self.who.nick[: self.support.nick_length or None])

    def is_me(self, nick: str) -> bool:
        """Whether this is our nick."""
        return self.support.fold(nick) == self.support.fold(self.nick)

    def _hear(self, raw: bytes) -> None:
        self._heard_at, self._asked_at = clock.monotonic(), 0.0
        line = parse(raw)
        if line is None:
            return
        if line.command == "PING":
            self.say("PONG", line.text)
            return
        if (whole := self._gathering.take(line)) is not None:
            self._read(whole)

    def _read(self, line: Line) -> None:
        if not self._registered.done():
            self._register(line)
        if self._registered.done():
            self._know(line)
            self.handle(line)
        for watch in tuple(self._watches):
            watch.see(line)
        if line.command == "ERROR":
            self.end(refusals.ended(line.text, registered=bool(self.nick)))

    def _register(self, line: Line) -> None:
        going = self._registration
        if going is None:  # the server speaks first
            return
        if line.command == "005":
            self.support.learn(line.params[1:-1])
        going.handle(line)
        if going.error is not None and not self.ended.done():
            self.end(going.error)
        if going.is_done:
            self.nick, self.account, self.granted = going.nick, going.account, going.granted
            self._learn_limits(going.offered.get(multiline.CAPABILITY, ""))
            self._registration = None
            self._registered.set_result(None)

    def _know(self, line: Line) -> None:
        """What a line tells of ourselves."""
        match line.command:
            case "NICK" if self.is_me(line.nick):
                self.nick = line.param(0)
            case "CHGHOST" if self.is_me(line.nick):
                self.mask = f"{line.param(0)}@{line.param(1)}"
            case "JOIN" if self.is_me(line.nick) and "!" in line.source:
                self.mask = line.source.partition("!")[2]
            case "396" if line.param(1):
                user, _, host = line.param(1).rpartition("@")
                self.mask = f"{user or self.mask.partition('@')[0]}@{host}"
            case "005":
                self.support.learn(line.params[1:-1])
            case "900":
                self.account = line.param(2)
            case "901":
                self.account = ""
            case "CAP" if line.param(1).upper() == "DEL":
                self.granted -= set(line.text.split())
                self.limits = self.limits if self.granted >= multiline.NEEDED else None
            case "CAP" if line.param(1).upper() == "NEW":
                self._learn_anew(line.text)

    def _learn_anew(self, offered: str) -> None:
        """What UnrealIRCd allows changes with how well it knows us: it offers it anew then."""
        for token in offered.split():
            name, _, value = token.partition("=")
            if name == multiline.CAPABILITY and value:
                self._learn_limits(value)

    def _learn_limits(self, value: str) -> None:
        self.limits = multiline.Limits.of(value) if self.granted >= multiline.NEEDED else None

    def _broken(self, error: NetError) -> None:
        self.end(RetryLater(refusals.BROKEN.format(why=str(error))))

    def _hidden(self, error: ConnectorError) -> ConnectorError:
        """The error without a secret that a server may have sent back."""
        text = str(error)
        hidden = redact(text, self.who.secrets)
        if hidden == text:
            return error
        if isinstance(error, RetryLater):
            return RetryLater(hidden, seconds=error.seconds)
        return type(error)(hidden)
