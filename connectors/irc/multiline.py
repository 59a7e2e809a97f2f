"""Messages of several lines, as one (IRCv3 draft/multiline). No I/O.

ircv3.net/specs/extensions/multiline: such a message is a BATCH of lines. A line that is marked as going on
belongs to the one before without a line break: so a message may be longer than a line of the protocol, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from connectors.irc.text import CODES, RESET, size
from connectors.irc.wire import LONGEST, Line
from connectors.markup.split import clusters

CAPABILITY: Final = "draft/multiline"
GOES_ON: Final = "draft/multiline-concat"  # the tag of a line that goes on
NEEDED: Final = frozenset({CAPABILITY, "batch", "message-tags"})
MOST_BYTES: Final = 4096  # of a message of ours, whatever the server allows: Ergo's default
MOST_LINES: Final = 24  # Ergo lets half a second pass for each before it takes them, and we wait for that
MOST_OPEN: Final = 16  # batches that a server has begun and not ended
MOST_HELD: Final = 256 * 1024  # characters of one that comes


class Piece(NamedTuple):
    """One line of the protocol."""

    text: str
    goes_on: bool = False  # without a line break after the one before


@dataclass(frozen=True, slots=True)
class Limits:
    """What one batch of ours may hold."""

    most_bytes: int
    most_lines: int

    @classmethod
    def of(cls, value: str) -> Limits | None:
        """As the value of the capability says; None where it says nothing that can be used."""
        tokens = (token.partition("=") for token in value.split(","))
        told = {name: _number(number) for name, _, number in tokens}
        lines = told.get("max-lines", MOST_LINES)
        return cls(min(told.get("max-bytes", 0), MOST_BYTES), min(lines, MOST_LINES))._if_of_use()

    def _if_of_use(self) -> Limits | None:
        return self if self.most_bytes > LONGEST and self.most_lines > 1 else None

    def length(self, pieces: Sequence[Piece]) -> int:
        """How many of the bytes a message takes; a line takes at least its share of them."""
        return max(_bytes(pieces), -(-len(pieces) * self.most_bytes // self.most_lines))

    def allow(self, pieces: Sequence[Piece]) -> bool:
        """Whether one batch holds this."""
        return self.length(pieces) <= self.most_bytes

    def lowered(self, refusal: Refused, tried: Sequence[Piece]) -> Limits | None:
        """What is left of them after a batch that was refused, always less; None: none is taken at all."""
        told = _number(refusal.limit)
        match refusal.code:
            case "MULTILINE_MAX_LINES":
                less = len(tried) - 1
                return replace(self, most_lines=min(told or less, less))._if_of_use()
            case "MULTILINE_MAX_BYTES":
                less = _bytes(tried) - 1
                return replace(self, most_bytes=min(told or less, less))._if_of_use()
        return None


class Refused(Exception):
    """The server took nothing of a batch: `code` and `limit` as its FAIL says."""

    def __init__(self, code: str = "", limit: str = "") -> None:
        super().__init__(code)
        self.code, self.limit = code, limit

    @property
    def is_for_now(self) -> bool:
        """Whether it takes the same a little later: a channel's limit of pastes (UnrealIRCd)."""
        return self.code == "MULTILINE_PASTE_LIMIT"


def _number(said: str) -> int:
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 10 else 0


def _bytes(pieces: Sequence[Piece]) -> int:
    breaks = sum(not piece.goes_on for piece in pieces[1:])
    return sum(size(piece.text) for piece in pieces) + breaks


# ------------------------------------------------------------------ ours, cut


def pieces_of(lines: Sequence[str], most: int) -> list[Piece]:
    """Lines, as lines of at most `most` bytes. Linear time."""
    cut = ((number, part) for line in lines for number, part in enumerate(_parts(line, most)))
    return [Piece(part, goes_on=number > 0) for number, part in cut]


def _parts(line: str, most: int) -> list[str]:
    """A line cut behind words where that can be; each part has the formatting that holds in it.

    To be read one behind the other, and one below the other by whoever's client knows no more.
    """
    parts, start, begun, left = [], 0, "", size(line)
    most_said = most - (len(RESET) if CODES & set(line) else 0)
    while len(begun) + left > most:
        end = _end(line, start, most_said - len(begun))
        part = begun + line[start:end]
        left -= size(line[start:end])
        begun, start = _open_in(part), end
        parts.append(part + RESET if begun else part)
    return [*parts, begun + line[start:]]


def _end(line: str, start: int, room: int) -> int:
    """Where a part that begins at `start` ends: in the second half of the room, behind a space."""
    used, behind_word = 0, 0
    for begin, end in clusters(line, start):
        used += size(line[begin:end])
        if used > room:
            return behind_word or (begin if begin > start else begin + 1)
        if line[begin:end] == " " and used > room // 2:
            behind_word = end
    return len(line)


def _open_in(part: str) -> str:
    """The codes that are still in force at the end."""
    opened: dict[str, None] = {}
    for char in part:
        if char == RESET:
            opened.clear()
        elif char in opened:
            del opened[char]
        elif char in CODES:
            opened[char] = None
    return "".join(opened)


# ------------------------------------------------------------------ others', gathered


@dataclass(slots=True)
class _Begun:
    opening: Line
    lines: list[Line] = field(default_factory=list)
    held: int = 0


class Gathering:
    """The batches that have begun on one connection."""

    def __init__(self) -> None:
        self._begun: dict[str, _Begun] = {}

    def take(self, line: Line) -> Line | None:
        """The line, if it stands by itself; with the last one of a batch all of it as one; else None.

        That one has the line breaks of the message in its text, and what the batch says of it: whose it is,
        when and by what id, and in which other batch it came (history).
        """
        if line.command == "BATCH":
            return self._bracket(line)
        begun = self._begun.get(line.tags.get("batch", ""))
        if begun is None:
            return line
        begun.held += len(line.text)
        if line.command in ("PRIVMSG", "NOTICE") and begun.held <= MOST_HELD:
            begun.lines.append(line)
        return None

    def _bracket(self, line: Line) -> Line | None:
        sign, name = line.param(0)[:1], line.param(0)[1:]
        if sign == "+" and line.param(1) == CAPABILITY:
            self._begun[name] = _Begun(line)
            if len(self._begun) > MOST_OPEN:
                del self._begun[next(iter(self._begun))]
            return None
        begun = self._begun.pop(name, None) if sign == "-" else None
        if begun is None:
            return line
        return _whole(begun) if begun.lines else None


def _whole(begun: _Begun) -> Line:
    first, opening = begun.lines[0], begun.opening
    text = first.text + "".join(
        line.text if GOES_ON in line.tags else f"\n{line.text}" for line in begun.lines[1:]
    )
    tags = {name: value for name, value in first.tags.items() if name not in ("batch", GOES_ON)}
    return Line(
        first.command, (first.param(0), text), first.source or opening.source, tags | dict(opening.tags)
    )
