"""What people say, handed to the relay's intake as a process does that receives a service's pushes.

Several threads hand in; a room belongs to one of them, as a service pushes a room's events in order. The
times at which messages were handed in are kept by destination: the n-th time is that of message `#n`.
"""

from __future__ import annotations

import random
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db import connections

from bench.pairs import Pair, text
from connectors.base import Author, IncomingEvent, Kind, MessageId, UserId
from connectors.markup import plain
from tubes.relay.desk import desk
from tubes.relay.intake import Arrival

LOOK_EVERY = 0.1  # seconds between two looks at how much has been stored; each costs 2 ms of CPU
REST = 0.005  # seconds where no room may be handed anything
AUTHOR = Author(id=UserId("person-1"), name="Ann Example", username="ann")

Stored = Callable[[], Mapping[str, int]]


@dataclass
class Load:
    """What is handed in, and when. One for each measurement."""

    pairs: Sequence[Pair]
    threads: int
    seed: int
    name: str = field(default_factory=lambda: secrets.token_hex(4))
    times: dict[str, list[float]] = field(init=False)  # by destination; wall clock
    errors: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.times = {pair.destination: [] for pair in self.pairs}

    def saturate(self, *, seconds: float, most: int, backlog: int, stored: Stored) -> None:
        """Hand in as fast as the relay takes it, 1 to `most` events at a time, so that no lane is idle.

        A room's turn is passed over while `backlog` of its messages have not arrived yet.
        """
        ends, seen = time.monotonic() + seconds, dict[str, int]()

        def look() -> None:
            while time.monotonic() < ends:
                seen.update(stored())
                time.sleep(LOOK_EVERY)

        def work(number: int) -> None:
            mine, chance = self.pairs[number :: self.threads], random.Random(self.seed + number)
            while time.monotonic() < ends and not self.errors:
                moved = False
                for pair in mine:
                    waiting = len(self.times[pair.destination]) - seen.get(pair.destination, 0)
                    if waiting < backlog and time.monotonic() < ends:
                        self._hand_in(pair, chance.randint(1, most), time.time())
                        moved = True
                if not moved:
                    time.sleep(REST)

        self._in_threads([look], work)

    def trickle(self, *, rate: float, seconds: float) -> None:
        """Hand in single messages at random moments, so many a second, whatever becomes of them.

        The moments are drawn beforehand (Poisson), and they count: who comes late to hand in does not
        make a message look faster.
        """
        plans = [list[tuple[float, Pair]]() for _ in range(self.threads)]
        chance, at = random.Random(self.seed), 0.0
        while (at := at + chance.expovariate(rate)) < seconds:
            place = chance.randrange(len(self.pairs))
            plans[place % self.threads].append((at, self.pairs[place]))
        begins = time.time() + 0.05

        def work(number: int) -> None:
            for at, pair in plans[number]:
                time.sleep(max(0.0, begins + at - time.time()))
                self._hand_in(pair, 1, begins + at)

        self._in_threads([], work)

    def one_each(self, most: int) -> None:
        """One message for each of the first `most` rooms."""

        def work(number: int) -> None:
            for pair in self.pairs[number : most : self.threads]:
                self._hand_in(pair, 1, time.time())

        self._in_threads([], work)

    def _hand_in(self, pair: Pair, count: int, at: float) -> None:
        """Return once it is committed, as a push is acknowledged then."""
        times = self.times[pair.destination]
        events = [self._said(pair, number) for number in range(len(times), len(times) + count)]
        times.extend([at] * count)
        desk.take(Arrival(pair.room_id, events, is_pushed=True))

    def _said(self, pair: Pair, number: int) -> IncomingEvent:
        id_ = MessageId(f"{self.name}-{pair.origin}-{number}")
        return IncomingEvent(
            kind=Kind.MESSAGE,
            dedupe_key=id_,
            id=id_,
            author=AUTHOR,
            said_at=datetime.now(UTC),
            body=plain.parse(text(pair.origin, self.name, number)),
        )

    def _in_threads(self, beside: Sequence[Callable[[], None]], work: Callable[[int], None]) -> None:
        def guarded(do: Callable[[], None]) -> None:
            try:
                do()
            except BaseException as error:  # noqa: BLE001 - raised below
                self.errors.append(error)
            finally:
                connections.close_all()

        def nth(number: int) -> Callable[[], None]:
            return lambda: work(number)

        jobs = [*beside, *(nth(number) for number in range(self.threads))]
        threads = [threading.Thread(target=guarded, args=(job,), daemon=True) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.errors:
            raise self.errors[0]
