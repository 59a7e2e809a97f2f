"""Compares what was said with what stands in the destination rooms, message by message. No I/O."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from chaos.generator import Said
from chaos.network import Link, Room, reached
from chaos.rows import Unknown
from chaos.services import Line

TOKEN = re.compile(r"#(\d{6})\.(\d\d)\.(\d+)")
DELETION = "deleted a message"
WORDS = ("lost", "doubled", "out of order", "looped", "mis-edited", "unknown")
# What a send that nobody can look up may come to; everything else is judged there as well.
MAY_BE_UNKNOWN = ("lost", "mis-edited")
REACTIONS = ("reaction", "unreaction")


@dataclass(frozen=True, slots=True)
class Breach:
    """One broken promise; `at` is when it must have happened, more or less."""

    what: str  # one of WORDS
    number: int
    origin: Room
    room: Room
    at: float
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.what}: #{self.number:06d} from {self.origin.name} in {self.room.name} {self.detail}"


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of a message as it stands in a room."""

    number: int
    piece: int
    version: int
    place: tuple[float, int]  # when its post was made, and where in it


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came out."""

    breaches: list[Breach]  # `unknown` where the service would have told is one of them
    unknown: list[Breach]  # deliveries that ended so where nobody can look
    untold: list[Breach]  # those whose owner was told nothing
    late: int  # messages whose push was held back: their order is that of acceptance
    copies: int  # copies that had to arrive


class Copies:
    """What the relay posted in one room, by the numbers in its texts."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.by_number: dict[int, list[Piece]] = defaultdict(list)
        self.announced: set[str] = set()  # whose deletions are told
        for line in (line for line in lines if line.by_relay and not line.is_deleted):
            found = list(TOKEN.finditer(line.text))
            if not found and DELETION in line.text:
                self.announced.add(_author_of(line))
            for match in found:
                number, piece, version = (int(word) for word in match.groups())
                place = (line.at, match.start())
                self.by_number[number].append(Piece(number, piece, version, place))

    def of(self, said: Said) -> list[Piece]:
        """Every piece of a message that stands there, oldest first."""
        return sorted(self.by_number.get(said.number, []), key=lambda piece: piece.place)


def _author_of(line: Line) -> str:
    prefixed = re.match(r"\[([^\],·]+)", line.text)
    return prefixed[1].strip() if prefixed else line.name


def judge(
    said: Sequence[Said],
    plan: Sequence[Link],
    stands: Mapping[Room, Sequence[Line]],
    unknown: Collection[Unknown],
) -> Verdict:
    """Every promise for every copy of every message."""
    late = {line.id for lines in stands.values() for line in lines if line.is_late}
    copies = {room: Copies(lines) for room, lines in stands.items()}
    by_origin: dict[Room, list[Said]] = defaultdict(list)
    for one in said:
        by_origin[one.room].append(one)
    doubts = _doubts(unknown, said)
    hidden = [(doubt, row) for doubt, row in doubts if not doubt.room.lets_check]
    # A reaction in doubt says nothing of its message.
    explained = {(doubt.room, doubt.number) for doubt, row in hidden if row.kind not in REACTIONS}
    breaches: list[Breach] = []
    due = 0
    for origin, messages in by_origin.items():
        there = reached(plan, origin)
        due += len(messages) * len(there)
        for room in there:
            breaches += _judge_room(room, messages, copies[room], late, explained)
        for room in set(stands) - there:
            breaches += _strays(room, messages, copies[room])
    return Verdict(
        breaches=breaches + [doubt for doubt, _ in doubts if doubt.room.lets_check],
        unknown=[doubt for doubt, _ in hidden],
        untold=[doubt for doubt, row in doubts if not row.is_told],
        late=len(late),
        copies=due,
    )


def _judge_room(
    room: Room,
    messages: Sequence[Said],
    copies: Copies,
    late: Collection[str],
    explained: Collection[tuple[Room, int]],
) -> list[Breach]:
    """What is wrong in one room with what was said in another; what `unknown` explains is not."""
    found = [breach for one in messages for breach in _judge_one(one, room, copies, is_late=one.id in late)]
    # Of what may not have arrived perhaps only a later edit stands there.
    sure = [one for one in messages if one.id not in late and (room, one.number) not in explained]
    found += _disorder(room, sure, copies)
    return [one for one in found if one.what not in MAY_BE_UNKNOWN or (room, one.number) not in explained]


def _judge_one(one: Said, room: Room, copies: Copies, *, is_late: bool) -> list[Breach]:
    """Whether one message stands in one room exactly once, as its author wants it."""
    pieces = copies.of(one)
    if one.is_deleted:
        if pieces and one.author not in copies.announced and not is_late:
            return [_breach("mis-edited", one, room, pieces[0], "stands there, deleted at its origin")]
        return _doubled(one, room, pieces)
    missing = set(range(one.pieces)) - {piece.piece for piece in pieces}
    if missing:
        detail = f"{len(missing)} of {one.pieces} pieces" if one.pieces > 1 else ""
        return [Breach("lost", one.number, one.room, room, one.at, detail)]
    found = _doubled(one, room, pieces)
    versions = [piece.version for piece in pieces if piece.piece == 0]
    if not is_late and (versions[-1] != one.version or versions != sorted(versions)):
        found.append(_breach("mis-edited", one, room, pieces[-1], f"{versions} instead of {one.version}"))
    return found


def _doubled(one: Said, room: Room, pieces: Sequence[Piece]) -> list[Breach]:
    """An edit that is told in a line of its own carries another version: that is no second copy."""
    known: set[tuple[int, int]] = set()
    for piece in pieces:
        if (piece.piece, piece.version) in known:
            return [_breach("doubled", one, room, piece)]
        known.add((piece.piece, piece.version))
    return []


def _disorder(room: Room, messages: Sequence[Said], copies: Copies) -> list[Breach]:
    """What begins before something that was said earlier in the same room."""
    found: list[Breach] = []
    furthest = (0.0, 0)
    for one in messages:
        for first in copies.of(one)[:1]:
            if first.place < furthest:
                found.append(_breach("out of order", one, room, first))
            furthest = max(furthest, first.place)
    return found


def _strays(room: Room, messages: Sequence[Said], copies: Copies) -> list[Breach]:
    """What was posted where no Tube leads, its own room first of all."""
    return [
        _breach("looped", one, room, first, "in its own room" if room == one.room else "where nothing leads")
        for one in messages
        for first in copies.of(one)[:1]
    ]


def _doubts(unknown: Collection[Unknown], said: Sequence[Said]) -> list[tuple[Breach, Unknown]]:
    """Every delivery whose fate is unknown, with what it was to carry."""
    by_number = {one.number: one for one in said}
    by_id = {one.id: one for one in said}
    found = []
    for row in unknown:
        one = by_number.get(int(row.number)) if row.number else by_id.get(row.remote_id)
        if one is not None:
            detail = f"{row.kind}, delivery {row.delivery}"
            found.append((Breach("unknown", one.number, one.room, Room(row.room), one.at, detail), row))
    return found


def _breach(what: str, one: Said, room: Room, piece: Piece, detail: str = "") -> Breach:
    return Breach(what, one.number, one.room, room, piece.place[0], detail)
