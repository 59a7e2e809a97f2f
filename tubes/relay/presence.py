"""Who comes and goes: taken in only where some room wants to be told, and never of our own accounts."""

from __future__ import annotations

from collections.abc import Sequence

from accounts.models import LinkedAccount
from connectors.base import IncomingEvent
from tubes.models import Seat
from tubes.relay import routing


def wanted(room_id: int, events: Sequence[IncomingEvent]) -> Sequence[IncomingEvent]:
    """The events without those of presence that nobody is to be told.

    No query where there are none of presence, one where no Seat at all takes them, else three.
    """
    if not any(event.is_presence for event in events):
        return events
    ours: set[str] | None = None
    if _is_told(room_id):
        ours = set(LinkedAccount.objects.filter(seats__room=room_id).values_list("remote_user_id", flat=True))
    return [
        event
        for event in events
        if not event.is_presence or (ours is not None and event.author.id not in ours)
    ]


def _is_told(room_id: int) -> bool:
    if not Seat.objects.filter(takes_presence=True).exists():
        return False
    return any(hop.sieve.takes_presence and hop.target != room_id for hop in routing.hops_from([room_id]))
