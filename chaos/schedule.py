"""When which fault happens: decided by the seed alone."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass

from chaos.faults import FAULTS, Stage


@dataclass(frozen=True, slots=True)
class Planned:
    """One fault to come, with a seed of its own: what it chooses does not depend on the others."""

    at: float  # seconds after the start
    kind: str
    seed: int


def plan(seed: int, kinds: Sequence[str], *, seconds: float, count: int) -> list[Planned]:
    """`count` faults over `seconds`: each kind as often as any other, but for one."""
    chosen = random.Random(f"schedule {seed}")  # noqa: S311 - no secret
    rounds = itertools.chain.from_iterable(chosen.sample(list(kinds), len(kinds)) for _ in itertools.count())
    times = sorted(chosen.uniform(0.05, 0.95) * seconds for _ in range(count))
    return [Planned(at, next(rounds), chosen.getrandbits(32)) for at in times]


class Conductor(threading.Thread):
    """Starts each planned fault at its time; they overlap.

    Its threads live on until `close`: Linux ends a process when the thread that started it ends.
    """

    def __init__(self, stage: Stage, planned: Sequence[Planned]) -> None:
        super().__init__(name="conductor", daemon=True)
        self._stage, self._planned = stage, planned
        self._hands = ThreadPoolExecutor(max(1, len(planned)), thread_name_prefix="fault")
        self.errors: list[str] = []

    def run(self) -> None:
        begun, applied = time.monotonic(), []
        for one in self._planned:
            time.sleep(max(0.0, begun + one.at - time.monotonic()))
            applied.append(self._hands.submit(self._apply, one))
        wait(applied)

    def close(self) -> None:
        """Let the threads go, after the processes that they started."""
        self._hands.shutdown()

    def _apply(self, one: Planned) -> None:
        try:
            FAULTS[one.kind](self._stage, random.Random(one.seed))  # noqa: S311 - no secret
        except Exception as error:  # noqa: BLE001 - a fault that failed makes the run void, at its end
            self.errors.append(f"{one.kind}: {type(error).__name__}: {error}")
