"""The bulkhead: a service that hangs must not hold the threads that others need.

Every call to a service is counted while it lasts. One service may hold a quarter of the threads. While
its calls take long it gets new ones only as long as all that wait stay within that quarter, and once a
call has failed after a long wait, and none has worked since, one thread at a time tries it.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.conf import settings

from sameroom import clock

SLOW = 1.0  # seconds after which a call counts as waiting
Key = tuple[str, str]  # kind, server


@dataclass(slots=True)
class Destination:
    """One service, as this process sees it."""

    calls: dict[int, float] = field(default_factory=dict)  # number → since when, monotonic
    inside: set[int] = field(default_factory=set)  # threads let in, whether they call just now or not
    worked_at: float = float("-inf")
    hung_at: float = float("-inf")  # when a call that failed after a long wait had begun

    @property
    def is_suspect(self) -> bool:
        return self.hung_at > self.worked_at

    def slow(self, now: float) -> int:
        return sum(now - since > SLOW for since in self.calls.values())


class Destinations:
    """The calls of this process to services. Thread safe, no I/O."""

    def __init__(self, threads: int) -> None:
        self._share = max(1, threads // 4)
        self._known: dict[Key, Destination] = {}
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def admits(self, kind: str, server: str) -> bool:
        """Whether one more thread may go and call this service now."""
        with self._lock:
            known = self._known.get((kind, server))
            return known is None or self._has_room(known)

    def enter(self, kind: str, server: str) -> bool:
        """The same; and this thread counts from now on, until it leaves."""
        with self._lock:
            known = self._known.setdefault((kind, server), Destination())
            has_room = self._has_room(known)
            if has_room:
                known.inside.add(threading.get_ident())
            return has_room

    def leave(self, kind: str, server: str) -> None:
        """This thread calls the service no more."""
        with self._lock:
            if known := self._known.get((kind, server)):
                known.inside.discard(threading.get_ident())

    def _has_room(self, known: Destination) -> bool:
        taken = max(len(known.calls), len(known.inside))
        if not taken:
            return True
        if known.is_suspect or taken >= self._share:
            return False
        now = clock.monotonic()
        slow = known.slow(now)
        return not slow or slow + self._slow_elsewhere(known, now) < self._share

    def _slow_elsewhere(self, known: Destination, now: float) -> int:
        return sum(other.slow(now) for other in self._known.values() if other is not known)

    @contextmanager
    def calling(self, kind: str, server: str) -> Iterator[None]:
        """Around one call: counts it, and learns from how it ends."""
        number, since = next(self._numbers), clock.monotonic()
        with self._lock:
            known = self._known.setdefault((kind, server), Destination())
            known.calls[number] = since
        failed = True
        try:
            yield
            failed = False
        finally:
            now = clock.monotonic()
            with self._lock:
                known.calls.pop(number, None)
                if not failed:
                    known.worked_at = now
                elif now - since > SLOW:
                    known.hung_at = max(known.hung_at, since)

    def waiting(self) -> int:
        """How many calls have waited long by now."""
        now = clock.monotonic()
        with self._lock:
            return sum(known.slow(now) for known in self._known.values())


destinations = Destinations(settings.LANE_THREADS)
