"""What a test asks this Slack to do wrong, and for how long or how often."""

from __future__ import annotations

import math
import time
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase

# Of calls: HTTP `status`; 429; an `error` in the body; no answer; one byte after another; the connection cut
# off; an answer that is not JSON; an answer that comes late.
CALLS = frozenset({"status", "throttle", "error", "hang", "drip", "reset", "garbage", "latency"})
# Of events: sent again after it was acknowledged; held back; never sent; what it says is not as documented.
EVENTS = frozenset({"event_twice", "event_late", "event_lost", "event_malformed"})


@dataclass(slots=True)
class Fault:
    """One wish. It ends after `seconds`, or once it was applied `count` times, or with `clear`."""

    kind: str
    on: str = "*"  # a method (`chat.*`, `upload`, `download`) or an event's type
    seconds: float | None = None
    count: int | None = None
    stored: bool = False  # what was asked for is done all the same
    status: int = 500
    error: str = "internal_error"
    retry_after: int = 1  # seconds
    delay: float = 1.0  # seconds, of what is late
    pause: float = 0.2  # seconds between two bytes
    ends: float = math.inf

    def __post_init__(self) -> None:
        if self.kind not in CALLS | EVENTS:
            raise ValueError(f"No fault {self.kind!r}: {', '.join(sorted(CALLS | EVENTS))}")
        if self.seconds is not None:
            self.ends = time.monotonic() + self.seconds


class Faults:
    """The wishes that stand."""

    def __init__(self) -> None:
        self._standing: list[Fault] = []
        self.applied: Counter[str] = Counter()

    def add(self, fault: Fault) -> None:
        self._standing.append(fault)

    def clear(self) -> None:
        self._standing.clear()

    def of_call(self, method: str) -> Fault | None:
        """What a call meets; used up by one."""
        return self._take(CALLS, method)

    def of_event(self, kind: str) -> Fault | None:
        """What an event meets; used up by one."""
        return self._take(EVENTS, kind)

    def _take(self, kinds: frozenset[str], what: str) -> Fault | None:
        now = time.monotonic()
        self._standing = [fault for fault in self._standing if fault.ends > now and fault.count != 0]
        for fault in self._standing:
            if fault.kind in kinds and fnmatchcase(what, fault.on):
                fault.count = None if fault.count is None else fault.count - 1
                self.applied[fault.kind] += 1
                return fault
        return None
