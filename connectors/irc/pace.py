"""How fast lines may go to a server before it cuts us off: a small burst, then one after the other.

Servers count commands against a bucket that refills with time, and either let us wait (which the wait for
each line's confirmation shows by itself) or end the connection: "Excess Flood". Which of them, and how much,
none says. So we keep below the defaults of the common ones, and become slower where that was too fast.
"""

from __future__ import annotations

from typing import Final

from django.core.cache import cache

BURST: Final = 6.0  # commands; InspIRCd's default lets ten go
COMMAND: Final = 1.1  # seconds for each command, with InspIRCd's default of one a second
SLOWEST: Final = 8.0  # times as slow as that
_KEPT: Final = 7 * 86400  # seconds for which it is remembered that a server was flooded


class Pace:
    """One connection's. `commands` are sent for each line."""

    def __init__(self, server: str, *, lines_per_second: float = 0.0) -> None:
        self._key, self._asked = f"irc:pace:{server}", lines_per_second
        self.slowed = 1.0
        self.commands = 1
        self.is_braked = False  # the server lets us wait by itself
        self._level, self._at = BURST, float("-inf")

    @property
    def interval(self) -> float:
        """Seconds from line to line, after the burst."""
        if self.is_braked:
            return 0.0
        if self._asked > 0:
            return self.slowed / self._asked
        return COMMAND * self.commands * self.slowed

    def due(self, now: float) -> float:
        """Seconds until the next line may go."""
        if self.is_braked:
            return 0.0
        return max(0.0, (1.0 - self._refilled(now)) * self.interval)

    def took(self, now: float, commands: int = 0) -> None:
        """A line goes now, or so many commands of another kind."""
        if self.is_braked:
            return
        self._level, self._at = self._refilled(now) - (commands or self.commands) / self.commands, now

    def _refilled(self, now: float) -> float:
        burst = BURST / self.slowed if self._asked <= 0 else max(BURST, self._asked)
        return min(max(1.0, burst / self.commands), self._level + (now - self._at) / self.interval)

    # ------------------------------------------------------------------ shared by all who connect there

    def recall(self) -> None:
        """What is known of the server. Asks the cache: blocking."""
        self.slowed = min(max(float(cache.get(self._key) or 1.0), 1.0), SLOWEST)

    def slow_down(self) -> None:
        """The server has cut us off for flooding. Asks the cache: blocking."""
        cache.set(self._key, min(self.slowed * 2, SLOWEST), _KEPT)
