"""An IRC server that does what a test tells it to, over real sockets.

    with fake() as server:
        server.script.forwards["#old"] = "#new"
        server.say("ann", "#room", "hello")
        server.netsplit("ann")

For what a real one will not do on demand. Clients may connect, join and talk to each other as on any server;
besides them there are people whom the test plays. Everything that came in is in `got`.

Facts: https://modern.ircdocs.horse for numerics; https://ircv3.net/specs for batch, echo-message,
labeled-response, message-ids, server-time, chathistory, multiline and sasl, each under its own name.
"""

from __future__ import annotations

import itertools
import socketserver
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.connectors.irc import pastes
from tests.connectors.irc.lines import Line
from tests.connectors.irc.pastes import whole
from tests.connectors.irc.session import Session

NAME = "irc.fake.example"
# What Ergo offers, as far as it is about reading and saying; soju much of the same.
MODERN = {
    **dict.fromkeys(("account-tag", "batch", "echo-message", "labeled-response", "message-tags"), ""),
    **dict.fromkeys(("server-time", "extended-join", "cap-notify", "draft/chathistory"), ""),
    "sasl": "PLAIN,EXTERNAL",
    "draft/multiline": "max-bytes=4096,max-lines=24",
}
A_MOMENT = timedelta(milliseconds=1)


def fold(name: str) -> str:
    """A nick or channel as it is compared (CASEMAPPING=ascii)."""
    return name.lower()


@dataclass
class Script:
    """What the server does. May be changed while it runs."""

    caps: dict[str, str] | None = field(default_factory=lambda: dict(MODERN))  # None: CAP is never answered
    hangs: bool = False  # takes connections and welcomes nobody
    closing: str = ""  # the words of ERROR with which every connection is ended at once
    banned: str = ""  # why nobody may come in: 465
    password: str = ""  # of the server
    accounts: dict[str, str] = field(default_factory=dict)  # of NickServ and SASL, with their passwords
    nickserv: bool = True
    taken: set[str] = field(default_factory=set)  # nicks that nobody gets: 433
    erroneous: set[str] = field(default_factory=set)  # 432
    most_of_nick: int = 30  # signs: what is more is cut off
    renamed: str = ""  # the nick that everybody gets upon the welcome
    keys: dict[str, str] = field(default_factory=dict)  # of channels
    refused: dict[str, int] = field(default_factory=dict)  # channels that let nobody in: the numeric
    forwards: dict[str, str] = field(default_factory=dict)  # channels that lead to another one: 470
    mute: dict[str, str] = field(default_factory=dict)  # channels where nobody may speak, and why: 404
    flood: int = 0  # lines within a second that are too many: "Excess Flood"; 0: none is
    slow: float = 0.0  # seconds before everything that is told
    drip: float = 0.0  # seconds between two bytes that are told
    swallows: set[str] = field(default_factory=set)  # commands that nothing comes of, not even an answer
    multiline_lines: int = 24  # of one batch
    multiline_bytes: int = 4096


@dataclass(frozen=True)
class Spoken:
    """What was said in a channel, as history tells it."""

    at: datetime
    id: str
    line: Line
    pieces: tuple[tuple[str, bool], ...] = ()  # the lines of a multiline message, and which of them go on

    def tags(self) -> dict[str, str]:
        return {"time": stamp(self.at), "msgid": self.id, **self.line.tags}


def stamp(at: datetime) -> str:
    """A time as server-time and chathistory write it."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"


@dataclass
class Fake:
    """The running server."""

    port: int
    script: Script = field(default_factory=Script)
    sessions: list[Session] = field(default_factory=list)
    got: list[Line] = field(default_factory=list)
    people: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # played, by channel
    history: dict[str, list[Spoken]] = field(default_factory=lambda: defaultdict(list))
    rules: dict[str, Callable[[Session, Line], bool]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"irc://127.0.0.1:{self.port}"

    def on(self, command: str, rule: Callable[[Session, Line], bool]) -> None:
        """Ask this rule first what to do with a command; True: it did it."""
        self.rules[command] = rule

    def lines(self, command: str) -> list[Line]:
        """What came in of a command, in order."""
        return [line for line in self.got if line.command == command]

    def texts(self, channel: str) -> list[str]:
        """What was said in a channel, in order."""
        return [spoken.line.last for spoken in self.history[fold(channel)]]

    def session(self, nick: str) -> Session:
        """The connection of a nick."""
        return next(one for one in self.sessions if fold(one.nick) == fold(nick))

    def wait(self, found: Callable[[], object], within: float = 40.0) -> None:
        """Until that is so."""
        ends = time.monotonic() + within
        while not found():
            assert time.monotonic() < ends, f"not so within {within} s; got {self.got[-20:]}"
            time.sleep(0.005)

    # ------------------------------------------------------------ people whom the test plays

    def join(self, nick: str, channel: str) -> None:
        self.people[fold(channel)].add(nick)
        self.tell(channel, Line("JOIN", (channel, "*", nick), source_of(nick)))

    def say(self, nick: str, channel: str, text: str, command: str = "PRIVMSG", **tags: str) -> str:
        """Somebody says something, whether or not anybody is there to hear it; its id."""
        self.people[fold(channel)].add(nick)
        return self.spread(Line(command, (channel, text), source_of(nick), tags)).id

    def paste(self, nick: str, channel: str, *lines: str, goes_on: tuple[int, ...] = (), **tags: str) -> str:
        """Somebody says several lines as one message, some without a break before them; its id."""
        self.people[fold(channel)].add(nick)
        pieces = tuple((line, number in goes_on) for number, line in enumerate(lines))
        return self.spread(whole("PRIVMSG", channel, pieces, source_of(nick), tags), pieces=pieces).id

    def netsplit(self, *nicks: str) -> None:
        """People go, as they do when two servers lose sight of each other."""
        self._go(nicks, "irc.fake.example irc2.fake.example")

    def leave(self, nick: str, words: str = "bye") -> None:
        self._go([nick], words)

    def _go(self, nicks: object, words: str) -> None:
        for nick in nicks:  # type: ignore[attr-defined]
            for people in self.people.values():
                people.discard(nick)
            self.everybody(Line("QUIT", (words,), source_of(nick)))

    # ------------------------------------------------------------ what is done to those who are connected

    def kick(self, channel: str, nick: str, words: str = "out") -> None:
        session, line = self.session(nick), Line("KICK", (channel, nick, words), source_of("op"))
        session.channels.pop(fold(channel), None)  # before it comes back
        self.tell(channel, line)
        session.send(line)

    def rename(self, nick: str, to: str) -> None:
        """A new nick, by the server's or the services' will."""
        session = self.session(nick)
        session.nick = to
        session.send(Line("NICK", (to,), source_of(nick)))

    def kill(self, nick: str, words: str = "Killed (op (out))") -> None:
        session = self.session(nick)
        session.send(Line("KILL", (nick, words), source_of("op")))
        session.close(f"Closing Link: {nick} ({words})")

    def drop(self) -> None:
        """Every connection is cut, without a word."""
        for session in list(self.sessions):
            session.cut()

    # ------------------------------------------------------------ spreading

    def spread(
        self, line: Line, *, but: Session | None = None, pieces: tuple[tuple[str, bool], ...] = ()
    ) -> Spoken:
        """Keep what is said in a channel, and tell all who are in there."""
        channel = line.params[0]
        with self.lock:
            told = self.history[fold(channel)]
            at = max(datetime.now(UTC), told[-1].at + A_MOMENT) if told else datetime.now(UTC)
            at = at.replace(microsecond=at.microsecond // 1000 * 1000)
            spoken = Spoken(at, f"m{next(self.numbers)}", line, pieces)
            told.append(spoken)
            for session in list(self.sessions):
                if fold(channel) in session.channels and session is not but:
                    pastes.tell(session, spoken)
        return spoken

    def tell(self, channel: str, line: Line, *, but: Session | None = None) -> None:
        """To all who are in a channel."""
        for session in list(self.sessions):
            if fold(channel) in session.channels and session is not but:
                session.send(line)

    def everybody(self, line: Line) -> None:
        for session in list(self.sessions):
            session.send(line)


def source_of(nick: str) -> str:
    """Who says it, as all are told: played people."""
    return f"{nick}!{nick}@host.example"


@contextmanager
def fake(**script: object) -> Iterator[Fake]:
    """The server, until the block ends; `script` as the fields of `Script`."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            session = Session(server, self.request)
            server.sessions.append(session)
            try:
                session.run()
            finally:
                server.sessions.remove(session)
                session.gone()

    class Threads(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Threads(("127.0.0.1", 0), Handler) as listening:
        server = Fake(listening.server_address[1], Script(**script))  # type: ignore[arg-type]
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            listening.shutdown()
            server.drop()
            thread.join(5)
