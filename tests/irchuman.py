"""People on IRC, played by pydle: a client that nobody here wrote.

    with people(server.url) as crowd:
        ann = crowd.enter("ann", "#room")
        ann.say("#room", "hello")
        ann.wait(lambda: ann.texts("#room") == ["hi"])

Each is a connection of its own; all live in one event loop, in a thread beside the test.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pydle

from tests.waiting import PATIENCE as WITHIN

ACTION, END = "\x01ACTION ", "\x01"
NAMES, END_OF_NAMES, PREFIXES = "353", "366", "~&@%+"


@dataclass(frozen=True)
class Heard:
    """Something that was said where this person could hear it."""

    channel: str
    by: str
    text: str  # with its formatting codes; of an emote what is between the marks
    command: str = "PRIVMSG"
    is_emote: bool = False
    at: float = field(default_factory=time.time, compare=False)


class Quiet(pydle.MinimalClient):  # type: ignore[misc,unused-ignore]
    """Does not ask about everybody it meets: under flood control that is in the way of what is said."""

    async def whois(self, nickname: str) -> None:
        """Nothing."""


def _noting(client: type[Any]) -> type[Any]:
    """The client, with a note of everything that it reads."""

    class Noting(client):  # type: ignore[misc]
        RECONNECT_ON_ERROR = False

        def __init__(self, nick: str, note: Callable[[Any], None]) -> None:
            super().__init__(nick, realname=f"{nick} of the tests")
            self._note = note

        async def on_raw(self, message: Any) -> None:
            self._note(message)
            await super().on_raw(message)

    return Noting


class Human:
    """Somebody with an IRC client. All calls block until they were handed to the server."""

    def __init__(self, crowd: Crowd, nick: str) -> None:
        self.nick, self._crowd = nick, crowd
        self.heard: list[Heard] = []
        self.events: list[tuple[str, tuple[str, ...], str]] = []  # command, its words, and whose
        self.transports: list[asyncio.WriteTransport] = []  # pydle forgets those that it closes
        self.departures: list[tuple[float, str]] = []  # when somebody went, and who
        self._client: Any = None

    # ------------------------------------------------------------ coming and going

    @property
    def connected(self) -> bool:
        return self._client is not None and bool(self._client.connected)

    def connect(self) -> None:
        """Anew, where the connection was lost."""
        if self.connected:
            return
        address = urlsplit(self._crowd.url)
        self._client = self._crowd.client(self.nick, self._note)
        options = {"tls": True, "tls_verify": False} if address.scheme == "ircs" else {}
        if self._crowd.password:
            options["password"] = self._crowd.password  # type: ignore[assignment]
        self._do(self._client.connect(address.hostname, address.port, **options))
        self.transports.append(self._client.connection.writer.transport)
        self.wait(lambda: self._client.registered)

    def join(self, channel: str, key: str = "") -> None:
        """Be in the channel when this returns."""
        self._line("JOIN", channel, *([key] if key else []))
        self.wait(lambda: self.is_in(channel))

    def is_in(self, channel: str) -> bool:
        return self._client is not None and bool(self._client.in_channel(channel))

    def people(self, channel: str) -> set[str]:
        """Who is in the channel: the server is asked. pydle's own list keeps those who have left."""
        since = len(self.events)
        self._line("NAMES", channel)
        self.wait(lambda: any(name == END_OF_NAMES for name, _, _ in self.events[since:]))
        told = [words for name, words, _ in self.events[since:] if name == NAMES and words[2] == channel]
        return {name.lstrip(PREFIXES).partition("!")[0] for words in told for name in words[3].split()}

    def leave(self, channel: str, words: str = "bye") -> None:
        self._line("PART", channel, words)

    def quit(self) -> None:
        if self._client and self.connected:
            with suppress(OSError):
                self._do(self._client.quit("bye"))

    def rename(self, nick: str) -> None:
        self._line("NICK", nick)
        self.nick = nick

    # ------------------------------------------------------------ talking

    def say(self, channel: str, text: str) -> None:
        """One line, formatting codes and all."""
        self._line("PRIVMSG", channel, text)

    def act(self, channel: str, text: str) -> None:
        """As /me does."""
        self._line("PRIVMSG", channel, f"{ACTION}{text}{END}")

    def notice(self, channel: str, text: str) -> None:
        self._line("NOTICE", channel, text)

    def paste(self, channel: str, lines: Sequence[str]) -> None:
        """Line after line, as fast as a client can."""
        for line in lines:
            self.say(channel, line)

    def topic(self, channel: str, text: str) -> None:
        self._line("TOPIC", channel, text)

    def kick(self, channel: str, nick: str, words: str = "out") -> None:
        self._line("KICK", channel, nick, words)

    def mode(self, channel: str, *words: str) -> None:
        self._line("MODE", channel, *words)

    def raw(self, *words: str) -> None:
        """Any command."""
        self._line(*words)

    # ------------------------------------------------------------ hearing

    def texts(self, channel: str, *, by: str = "") -> list[str]:
        """What was heard in a channel, in order: from everybody, or from one."""
        heard = [one for one in list(self.heard) if one.channel.lower() == channel.lower()]
        return [one.text for one in heard if not by or one.by == by]

    def saw(self, command: str) -> list[tuple[str, ...]]:
        """The words of all such events, in order."""
        return [words for name, words, _ in list(self.events) if name == command]

    def wait(self, found: Callable[[], object], within: float = WITHIN) -> None:
        """Until that is so."""
        ends = time.monotonic() + within
        while not found():
            if time.monotonic() > ends:
                raise TimeoutError(f"not so within {within} s; {self.nick} saw {self.events[-8:]}")
            time.sleep(0.01)

    def _note(self, message: Any) -> None:
        words = tuple(str(word) for word in message.params)
        by = str(message.source or "").partition("!")[0]
        self.events.append((str(message.command), words, by))
        if message.command in ("QUIT", "PART", "KICK"):
            self.departures.append((time.time(), words[1] if message.command == "KICK" else by))
        if message.command in ("PRIVMSG", "NOTICE") and len(words) > 1 and words[0].startswith("#"):
            text, is_emote = words[1], words[1].startswith(ACTION)
            if is_emote:
                text = text.removeprefix(ACTION).removesuffix(END)
            self.heard.append(Heard(words[0], by, text, message.command, is_emote))

    def _line(self, *words: str) -> None:
        """ConnectionError where the connection was lost."""
        try:
            self._do(self._client.rawmsg(*words))
        except AttributeError as error:  # pydle's way to say so
            raise ConnectionError(f"{self.nick} is not connected") from error

    def _do(self, doing: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(doing, self._crowd.loop).result(WITHIN)


class Crowd:
    """Everybody at one server."""

    def __init__(self, url: str, password: str, client: type[Any]) -> None:
        self.url, self.password, self.client = url, password, _noting(client)
        self.loop = asyncio.new_event_loop()
        self.humans: list[Human] = []

    def enter(self, nick: str, *channels: str) -> Human:
        """Somebody new, in these channels."""
        return self.all([nick], *channels)[0]

    def all(self, nicks: Sequence[str], *channels: str) -> list[Human]:
        """Several at once: connecting takes a second at some servers."""
        made = [Human(self, nick) for nick in nicks]
        threads = [threading.Thread(target=self._enter, args=(human, channels)) for human in made]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.humans += made
        assert all(human.is_in(channel) for human in made for channel in channels)
        return made

    @staticmethod
    def _enter(human: Human, channels: Sequence[str]) -> None:
        human.connect()
        for channel in channels:
            human.join(channel)


@contextmanager
def people(url: str, password: str = "", client: type[Any] = Quiet) -> Iterator[Crowd]:
    """A place for people at this server ("irc://host:port", or ircs); they leave at the end."""
    crowd = Crowd(url, password, client)
    thread = threading.Thread(target=crowd.loop.run_forever, daemon=True, name="people")
    thread.start()
    try:
        yield crowd
    finally:
        for human in crowd.humans:
            human.quit()
        asyncio.run_coroutine_threadsafe(_end(crowd), crowd.loop).result(WITHIN)
        crowd.loop.call_soon_threadsafe(crowd.loop.stop)
        thread.join(WITHIN)
        crowd.loop.close()


async def _end(crowd: Crowd) -> None:
    """End what waits for more, and let what was closed close."""
    mine = asyncio.current_task()
    for task in (others := [task for task in asyncio.all_tasks() if task is not mine]):
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    for human in crowd.humans:
        for transport in human.transports:
            with suppress(AttributeError):  # Python's TLS transports that were closed twice raise it
                transport.abort()
    await asyncio.sleep(0.01)
