"""Who comes and goes in our channels, and what becomes of their topics. No I/O.

A QUIT or NICK names no channel. It is told in those where its person has joined, or said something, since we
came: lists of all who are in a channel would take memory, and nobody misses whom nobody has noticed.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final, TypeVar

from connectors.base import RoomId
from connectors.irc import refusals
from connectors.irc.link import Link
from connectors.irc.wire import Line
from connectors.markup.tree import Document, Italic, Paragraph, Text
from sameroom import clock

Value = TypeVar("Value")

COMMANDS: Final = frozenset({"JOIN", "PART", "QUIT", "KICK", "NICK", "TOPIC"})
MOST_NOTICED: Final = 200  # people of one channel; then those noticed longest ago are forgotten
MOST_SPLIT: Final = 5000  # people who went by netsplits and may come back
BACK: Final = 600.0  # seconds for which they are expected
# As servers tell a netsplit: by the names of two that lost each other, or by stand-ins: *.net *.split.
_SPLIT: Final = re.compile(r"[\w*.-]+\.[\w*-]+ [\w*.-]+\.[\w*-]+")


class Presence:
    """One connection's."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._noticed: dict[RoomId, dict[str, None]] = {}  # nicks, folded; the last noticed last
        self._split: dict[str, float] = {}  # nick, folded → when it went, monotonic

    def notice(self, room: RoomId, nick: str) -> None:
        """Somebody has joined this channel, or said something there."""
        people = self._noticed.setdefault(room, {})
        _put(people, self._link.support.fold(nick), None, MOST_NOTICED)

    def keep(self, rooms: Collection[RoomId]) -> None:
        """Forget who was in any other channel."""
        self._noticed = {room: people for room, people in self._noticed.items() if room in rooms}

    def told_in(self, line: Line) -> list[RoomId]:
        """The channels in which a line of somebody else's is news; whom it names is known from now on."""
        if "!" not in line.source:
            return []  # a server's, as when it brings back topics and people after a netsplit
        match line.command:
            case "JOIN":
                return self._joined(self._room(line), line)
            case "PART":
                return self._left(self._room(line), line.nick)
            case "KICK":
                return self._left(self._room(line), line.param(1))
            case "QUIT":
                return self._quit(line)
            case "NICK":
                return self._renamed(line)
            case _:
                return [self._room(line)]

    def _room(self, line: Line) -> RoomId:
        return RoomId(self._link.support.fold(line.param(0)))

    def _joined(self, room: RoomId, line: Line) -> list[RoomId]:
        nick = self._link.support.fold(line.nick)
        went = self._split.get(nick)
        is_back = "batch" in line.tags or (went is not None and clock.monotonic() - went < BACK)
        self.notice(room, line.nick)
        return [] if is_back else [room]

    def _left(self, room: RoomId, nick: str) -> list[RoomId]:
        nick = self._link.support.fold(nick)
        self._noticed.get(room, {}).pop(nick, None)
        self._split.pop(nick, None)
        return [room]

    def _quit(self, line: Line) -> list[RoomId]:
        nick = self._link.support.fold(line.nick)
        left = [room for room, people in self._noticed.items() if nick in people]
        for room in left:
            del self._noticed[room][nick]
        if "batch" in line.tags or _SPLIT.fullmatch(line.text):
            _put(self._split, nick, clock.monotonic(), MOST_SPLIT)
            return []
        self._split.pop(nick, None)
        return left

    def _renamed(self, line: Line) -> list[RoomId]:
        old, new = self._link.support.fold(line.nick), line.param(0)
        rooms = [room for room, people in self._noticed.items() if old in people]
        for room in rooms:
            del self._noticed[room][old]
            self.notice(room, new)
        return rooms


def about(line: Line) -> str:
    """Whom a line of presence is about, by nick."""
    return line.param(1) if line.command == "KICK" else line.nick


def told(line: Line) -> Document:
    """What it says of that person, in italics as what somebody does."""
    return Document((Paragraph((Italic((Text(_words(line)),)),)),))


def _words(line: Line) -> str:
    match line.command:
        case "JOIN":
            return "has joined"
        case "PART":
            return f"has left{_why(line, 1)}"
        case "QUIT":
            return f"has left{_why(line, 0)}"
        case "KICK":
            return f"was put out by {refusals.words(line.nick)}{_why(line, 2)}"
        case "NICK":
            return f"is now known as {refusals.words(line.param(0))}"
    topic = refusals.words(line.param(1))
    return f"has set the topic to: {topic}" if topic else "has cleared the topic"


def _why(line: Line, number: int) -> str:
    why = refusals.words(line.param(number))
    return f" ({why})" if why else ""


def _put(people: dict[str, Value], nick: str, value: Value, most: int) -> None:
    people.pop(nick, None)
    people[nick] = value
    if len(people) > most:
        del people[next(iter(people))]
