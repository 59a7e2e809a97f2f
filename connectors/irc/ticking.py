"""One clock for all connections of an event loop: thousands of timers would cost more than what they time."""

from __future__ import annotations

import asyncio
import logging
from typing import Final, Protocol
from weakref import WeakKeyDictionary

from sameroom import clock

log = logging.getLogger(__name__)

EVERY: Final = 1.0  # seconds


class Ticked(Protocol):
    """Who is told of the time."""

    def tick(self, now: float) -> None:
        """Every second. Must not raise, nor wait."""


_clocks: WeakKeyDictionary[asyncio.AbstractEventLoop, Clock] = WeakKeyDictionary()


class Clock:
    """The clock of one event loop; it stands while nobody listens."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._call_later = loop.call_later
        self._ticked: set[Ticked] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, one: Ticked) -> None:
        """Tell this one from now on."""
        self._ticked.add(one)
        if self._timer is None:
            self._timer = self._call_later(EVERY, self._tick)

    def remove(self, one: Ticked) -> None:
        """No more."""
        self._ticked.discard(one)
        if not self._ticked and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._timer = self._call_later(EVERY, self._tick)
        now = clock.monotonic()
        for one in tuple(self._ticked):
            try:
                one.tick(now)
            except Exception:  # the others' connections must not suffer
                log.exception("A connection met an unexpected error in its upkeep")


def clock_of_loop() -> Clock:
    """The running event loop's clock."""
    loop = asyncio.get_running_loop()
    found = _clocks.get(loop)
    if found is None:
        found = _clocks[loop] = Clock(loop)
    return found
