"""Marks Seats whose room their account's stream has to be told of; see `unheard`."""

from __future__ import annotations

from collections.abc import Iterable

from sameroom import clock
from tubes.models import Seat
from tubes.relay import bell
from tubes.relay.listening import wanted


def mark(seat_ids: Iterable[int]) -> None:
    """Note that what is said in these Seats' rooms may pass by unheard, and ring. One UPDATE."""
    seats = Seat.objects.filter(pk__in=list(seat_ids), account__kind__in=wanted.kinds())
    if seats.update(unheard_since=clock.now()):
        bell.ring_listeners_on_commit()
