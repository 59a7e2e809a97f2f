"""Polls accounts in threads of its own: an alarm in memory costs a hundredth of a Celery task.

Whoever polled an account last keeps the alarm for the next time, and its fence: once somebody else has
polled, the alarm is void. A worker that goes takes its alarms along, and the sweep rings for what is overdue.
"""

from __future__ import annotations

from django.conf import settings

from tubes.relay import attendants, reading
from tubes.relay.crew import Crew


class Pollers(Crew):
    """The polling threads of one process. Thread safe."""

    what = "Account"

    def __init__(self) -> None:
        super().__init__(settings.WORKER_THREADS, self._poll)
        self._fences: dict[int, int] = {}  # account → the fence of its next poll

    def start(self) -> None:
        """Begin to take the alarms of this process."""
        super().start()
        attendants.accounts_are_polled_by(self)

    def stop(self, within: float = 3.0) -> None:
        """Take on nothing new, and wait so long for the reads under way."""
        attendants.accounts_are_polled_by(None)
        super().stop(within)

    def ring(self, account_id: int, fence: int, after: float) -> None:
        """Have the account polled so many seconds from now, unless somebody else was first."""
        with self._lock:
            self._fences[account_id] = fence
        if after > 0:
            self.wake_after(account_id, after)
        else:
            self.wake(account_id)

    def _poll(self, account_id: int) -> None:
        with self._lock:
            fence = self._fences.pop(account_id, None)
        if fence is not None:
            reading.poll(account_id, fence=fence)
