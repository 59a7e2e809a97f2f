"""Drains lanes whose posts leave by the connections of this listener, in threads of its own."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from tubes.relay import lanes, loading, sessions
from tubes.relay.runner import LaneCrew


class Speakers(LaneCrew):
    """The lane threads of one listener. Thread safe."""

    what = "Session lane"

    def __init__(self, threads: int | None = None) -> None:
        super().__init__(threads, partial(lanes.drain, ends=self.is_ending))

    def is_ending(self) -> bool:
        """Whether lanes should come to an end."""
        return self._ends

    def look(self, accounts: Collection[int] | None = None) -> None:
        """Wake what is due for these accounts, or all whose connections are held here. One query, or none."""
        held = sessions.accounts() if accounts is None else accounts
        if held:
            for seat_id in loading.idle_lanes(held):
                self.wake(seat_id)

    def _drain(self, seat_id: int) -> float | None:
        """Rings reach every listener; who holds the connection goes on."""
        account_id = self._accounts.get(seat_id)
        if account_id is None:
            return super()._drain(seat_id) if seat_id not in self._places else None
        if sessions.of(account_id) is None:
            return None
        with sessions.use(account_id):
            return super()._drain(seat_id)
