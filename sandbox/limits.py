"""Rate limit and flood control.

HipChat API v2: a personal token has 100 requests in 5 minutes over all endpoints, and 30 sends a
minute into one room. Both are taken for fixed windows that open with the first request, and a
refused request does not extend its window. Counted in memory: a restart refills them.
"""

import math
import threading
from collections import Counter
from dataclasses import dataclass, field

from .clock import Clock

REQUEST_SECONDS = 300
FLOOD_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Quota:
    """Where a limiter stands, as its three headers tell it."""

    limit: int
    remaining: int
    reset: int
    is_exceeded: bool


@dataclass(slots=True)
class Limiter:
    """One fixed window per key."""

    clock: Clock
    limit: int
    seconds: int
    reset_as_delta: bool = False
    _windows: dict[str, tuple[float, int]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hit(self, key: str) -> Quota:
        return self._count(key, 1)

    def peek(self, key: str) -> Quota:
        return self._count(key, 0)

    def exhaust(self, key: str) -> None:
        """Make the next hit the first one too many."""
        self._count(key, self.limit)

    def clear(self) -> None:
        with self._lock:
            self._windows.clear()

    def _count(self, key: str, hits: int) -> Quota:
        with self._lock:
            now = self.clock.now()
            opened, used = self._windows.get(key, (now, 0))
            if now >= opened + self.seconds:
                opened, used = now, 0
            used += hits
            if hits:
                self._windows[key] = (opened, used)
        exceeded = used > self.limit
        # Seen on HipChat: while limited, the reset is sometimes "60" instead of an epoch.
        reset = 60 if exceeded and self.reset_as_delta else math.ceil(opened + self.seconds)
        return Quota(self.limit, max(0, self.limit - used), reset, exceeded)


class Limits:
    """Both limiters of a world, and how many requests each token has made."""

    def __init__(self, clock: Clock, *, request_limit: int, flood_limit: int) -> None:
        self.requests = Limiter(clock, request_limit, REQUEST_SECONDS)
        self.sends = Limiter(clock, flood_limit, FLOOD_SECONDS)
        self._counts: dict[str, Counter[str]] = {}
        self._lock = threading.Lock()

    def count(self, token: str, call: str) -> None:
        with self._lock:
            self._counts.setdefault(token, Counter())[call] += 1

    def counts(self) -> dict[str, dict[str, int]]:
        with self._lock:
            return {token: dict(counter) for token, counter in self._counts.items()}

    def clear(self) -> None:
        self.requests.clear()
        self.sends.clear()
        self.clear_counts()

    def clear_counts(self) -> None:
        with self._lock:
            self._counts.clear()
