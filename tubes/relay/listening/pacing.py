"""How soon a stream is opened anew: jittered, capped back-off per account, and turns per host.

When a server with hundreds of accounts comes back they must not all call it in the same second: whoever
wants to connect takes a turn, and there are only so many turns in a second.
"""

from __future__ import annotations

import random

from sameroom import clock

FIRST, MOST = 1.0, 60.0  # seconds after the first failure, and after many
RATE, BURST = 25.0, 25  # connections a second to one host; how many at once after a quiet time
Host = tuple[str, str]  # kind, server


def pause(failures: int, asked: float | None = None) -> float:
    """Seconds until the next try after so many failures in a row; never before what the service asked for."""
    usual = min(MOST, FIRST * 2.0 ** min(failures - 1, 16)) * random.uniform(0.5, 1.0)  # noqa: S311 - spreading
    return max(usual, (asked or 0.0) * random.uniform(1.0, 1.1))  # noqa: S311


class Turns:
    """The turns to connect to each host, of one process. For one thread, no I/O."""

    def __init__(self) -> None:
        self._next: dict[Host, float] = {}  # when the next turn is, where none was saved up

    def take(self, host: Host) -> float:
        """Take the next turn; in how many seconds that is."""
        now = clock.monotonic()
        turn = max(self._next.get(host, 0.0), now - (BURST - 1) / RATE)
        self._next[host] = turn + 1.0 / RATE
        return max(0.0, turn - now)
