"""Says numbered things in every room, edits some and takes some back, and keeps account of it all.

Every piece of a text carries `#NUMBER.PIECE.VERSION`, by which the judge knows it wherever it arrives.
"""

from __future__ import annotations

import heapq
import itertools
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from chaos.network import Room
from chaos.services import SandboxSide, StubSide

WORDS = ("quick", "brown", "fox", "jumps", "over", "lazy", "dog", "while", "it", "rains", "far", "away")
PIECES = 24  # of a long message: about 2 000 characters, three posts at HipChat
TICK = 0.05
BURST = 8  # messages said at once, at the most


@dataclass(slots=True)
class Said:
    """One message, as its author wants it to stand."""

    number: int
    room: Room
    author: str
    pieces: int
    at: float
    id: str = ""
    version: int = 0  # how often it was edited
    is_deleted: bool = False


def text_of(said: Said) -> str:
    """The text as it stands: a line for each piece, the first beginning with the number."""
    chosen = random.Random(said.number * 100 + said.version)  # noqa: S311 - no secret
    return "\n".join(
        f"#{said.number:06d}.{piece:02d}.{said.version} {' '.join(chosen.choices(WORDS, k=12))}"
        for piece in range(said.pieces)
    )


@dataclass(order=True)
class _Change:
    at: float
    order: int
    said: Said = field(compare=False)
    is_delete: bool = field(compare=False)


class Talker(Protocol):
    """Whoever says things in the rooms, in a thread of their own."""

    @property
    def said(self) -> Sequence[Said]:
        """Every message, those of one room in the order in which it took them."""

    @property
    def done(self) -> int:
        """How many things were done so far."""

    @property
    def error(self) -> Exception | None:
        """What made it give up."""

    def start(self) -> None: ...

    def is_alive(self) -> bool: ...


class Generator(threading.Thread):
    """Does `total` things (messages, edits, deletes) at an even pace over `seconds`."""

    def __init__(
        self,
        stub: StubSide,
        sandbox: SandboxSide,
        origins: Sequence[Room],
        *,
        total: int,
        seconds: float,
        seed: int,
        only_messages: bool = False,
        first: int = 1,  # number; where several talk, each has numbers of its own
    ) -> None:
        super().__init__(name="generator", daemon=True)
        self._stub, self._sandbox, self._origins = stub, sandbox, list(origins)
        self._total, self._seconds, self._only_messages = total, seconds, only_messages
        self._random = random.Random(f"generator {seed}")  # noqa: S311 - no secret
        self._due: list[_Change] = []
        self._orders, self._numbers = itertools.count(), itertools.count(first)
        self.said: list[Said] = []
        self.done = 0
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self._generate()
        except Exception as error:  # noqa: BLE001 - kept for the thread that waits for us
            self.error = error

    def _generate(self) -> None:
        begun = time.monotonic()
        while self.done < self._total:
            now = time.monotonic() - begun
            target = min(self._total, int(self._total * now / self._seconds) + 1)
            self._change_what_is_due(now, everything=now > self._seconds)
            while self.done < target:
                self._say(min(target - self.done, self._random.randint(1, BURST)), now)
            time.sleep(TICK)

    def _say(self, count: int, now: float) -> None:
        """A burst in one room."""
        room = self._random.choice(self._origins)
        burst = [self._next(room, now) for _ in range(count)]
        side = self._sandbox if room.is_hipchat else self._stub
        ids = side.say([(said.room, said.author, text_of(said)) for said in burst])
        for said, id_ in zip(burst, ids, strict=True):
            said.id = id_
        self.said += burst
        self.done += count

    def _next(self, room: Room, now: float) -> Said:
        author = f"P{self._random.randint(1, 5)}"
        said = Said(next(self._numbers), room, author, 1, time.time())
        fate = self._random.uniform(0.0 if room.tells_changes and not self._only_messages else 0.16, 1.0)
        if fate < 0.16:
            is_delete = fate < 0.06
            if is_delete:
                said.author = f"D{said.number:06d}"  # a notice of its end names nobody else
            for _ in range(1 if is_delete else self._random.randint(1, 3)):
                # Half of them at once, while the message is still on its way.
                at = now + self._random.choice([0.0, self._random.expovariate(1 / 6)])
                heapq.heappush(self._due, _Change(at, next(self._orders), said, is_delete))
        elif fate > 0.97:
            said.pieces = PIECES
        return said

    def _change_what_is_due(self, now: float, *, everything: bool) -> None:
        while self._due and (everything or self._due[0].at <= now) and self.done < self._total:
            change = heapq.heappop(self._due)
            said = change.said
            self.done += 1
            if change.is_delete:
                said.is_deleted = True
                self._stub.control.delete(said.room.name, said.id)
            else:
                said.version += 1
                self._stub.control.edit(said.room.name, said.id, text_of(said))
