"""The attendants of this process: threads that drain lanes as bells ring, if this is a worker."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class Attendants(Protocol):
    """Whoever drains lanes here."""

    def wake(self, seat_id: int) -> None: ...


_here: list[Attendants] = []


def here(attendants: Attendants | None) -> None:
    """Say who drains lanes in this process; None when nobody does any more."""
    _here[:] = [attendants] if attendants else []


def wake(seat_ids: Iterable[int]) -> bool:
    """Hand rings to the threads of this process; False where there are none."""
    for attendants in _here:
        for seat_id in seat_ids:
            attendants.wake(seat_id)
    return bool(_here)
