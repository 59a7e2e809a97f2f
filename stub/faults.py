"""What a test asks the service to do wrong, and for how long or how often."""

from __future__ import annotations

import math
import time
from collections import Counter
from dataclasses import dataclass

REQUESTS = frozenset({"status", "throttle", "hang", "drip", "reset", "latency"})
PUSHES = frozenset({"push_duplicate", "push_late", "push_drop_answer"})
# What a fault spoils, by what it says of `on`.
SPOILED = {
    "send": frozenset({"send"}),
    "write": frozenset({"send", "write"}),
    "read": frozenset({"read"}),
    "all": frozenset({"send", "write", "read"}),
}


@dataclass(slots=True)
class Fault:
    """One wish. It ends after `seconds`, or after it was applied `count` times, or with `clear_faults`."""

    kind: str
    room: str | None = None
    seconds: float | None = None
    count: int | None = None
    on: str = "write"  # a request: `send` a message, `write` anything, `read`, or `all`
    stored: bool = False  # what was asked for is done before things go wrong
    status: int = 500
    retry_after: float | None = None  # seconds; None: until this fault ends
    delay: float = 1.0  # of `latency` and `push_late`
    pause: float = 0.2  # seconds between two bytes of a `drip`
    ends: float = math.inf

    def __post_init__(self) -> None:
        if self.kind not in REQUESTS | PUSHES or self.on not in SPOILED:
            raise ValueError(f"no such fault: {self.kind} on {self.on}")
        if self.seconds is not None:
            self.ends = time.monotonic() + self.seconds

    def wait(self) -> int:
        """What `Retry-After` says: whole seconds, at least one."""
        left = min(self.ends - time.monotonic(), 60.0) if self.retry_after is None else self.retry_after
        return max(1, math.ceil(left))


class Faults:
    """The wishes that stand, oldest first."""

    def __init__(self) -> None:
        self._standing: list[Fault] = []
        self.applied: Counter[str] = Counter()
        self.doubts: Counter[str] = Counter()  # by room: sends whose caller cannot know what became of them

    def add(self, fault: Fault) -> None:
        self._standing.append(fault)

    def clear(self) -> None:
        self._standing.clear()

    def delay(self, room: str, what: str) -> float:
        """Seconds by which `latency` faults slow this request down."""
        fault = self._take("latency", room, what) if self._standing else None
        return fault.delay if fault else 0.0

    def spoil(self, room: str, what: str) -> Fault | None:
        """What is to go wrong with this request (`send`, `write` or `read`); used up by one."""
        fault = self._take("request", room, what) if self._standing else None
        if fault and what == "send" and fault.kind != "throttle":
            self.doubts[room] += 1
        return fault

    def push(self, kind: str, room: str) -> Fault | None:
        """The fault of this kind that a push meets; used up by one."""
        return self._take(kind, room, "push") if self._standing else None

    def _take(self, wanted: str, room: str, what: str) -> Fault | None:
        now = time.monotonic()
        self._standing = [fault for fault in self._standing if fault.ends > now and fault.count != 0]
        for fault in self._standing:
            kind = "request" if fault.kind in REQUESTS - {"latency"} else fault.kind
            is_meant = kind == wanted and fault.room in (None, room)
            if is_meant and (what == "push" or what in SPOILED[fault.on]):
                fault.count = None if fault.count is None else fault.count - 1
                self.applied[fault.kind] += 1
                return fault
        return None
