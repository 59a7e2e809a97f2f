"""The moves of a Delivery: each a compare-and-swap under the fence of its lane's lease."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from connectors.base import Connector, MessageId
from sameroom import clock
from tubes.models import Delivery, Event, Post, Seat
from tubes.relay import health
from tubes.relay.intake import release_held
from tubes.relay.leases import Lease

log = logging.getLogger(__name__)

Status = Delivery.Status


@dataclass(slots=True)
class Lane:
    """A Seat whose lease we hold, with its connector logged in."""

    seat: Seat
    lease: Lease
    connector: Connector


def move(lane: Lane, delivery: Delivery, to: Delivery.Status, **changes: Any) -> bool:
    """Move a delivery; False where it, or the lane, is no longer ours. One UPDATE.

    A former holder of the lease hits no row: the fence it knows is not the Seat's any more.
    """
    if to != delivery.status and to not in Delivery.MOVES[Status(delivery.status)]:
        raise ValueError(f"{delivery.status} → {to} is no legal move")
    rows = Delivery.objects.filter(
        pk=delivery.pk, status=delivery.status, seat=lane.seat.pk, seat__lane_fence=lane.lease.fence
    )
    if rows.update(status=to, **changes) != 1:
        log.warning("Delivery %s was moved by somebody else; this lane stops", delivery.pk)
        return False
    delivery.status = to
    for name, value in changes.items():
        setattr(delivery, name, value)
    return True


def end(lane: Lane, delivery: Delivery, to: Delivery.Status, why: str) -> bool:
    """Finish a delivery; False where it was not ours to finish."""
    moved = move(lane, delivery, to, error=why, finished_at=clock.now())
    decide_held(delivery)
    return moved


def again(lane: Lane, delivery: Delivery, to: Delivery.Status, seconds: float, **changes: Any) -> None:
    """Put a delivery off; it stays at the head of its lane."""
    move(lane, delivery, to, next_attempt_at=in_(seconds), **changes)
    if to == Status.QUEUED:
        decide_held(delivery)


def confirm(lane: Lane, delivery: Delivery, part: int, remote_id: MessageId, *, is_last: bool) -> bool:
    """Store the id of a part that has arrived, and with the last one the delivery's end.

    False where the lease was lost meanwhile; the id is stored all the same: it is a fact.
    """
    moved = True
    with transaction.atomic():
        Post.objects.get_or_create(
            delivery=delivery, part=part, defaults={"room": delivery.room, "remote_id": remote_id}
        )
        if is_last:
            moved = move(lane, delivery, Status.SENT, error="", finished_at=clock.now())
    health.works(lane.seat.account)
    if is_last:
        decide_held(delivery)
    return moved


def decide_held(delivery: Delivery) -> None:
    """A send has ended: events that might have been it can be decided now."""
    if Event.objects.filter(room=delivery.room_id, held=Event.Held.WAITING).exists():
        release_held(delivery.room_id)


def in_(seconds: float) -> datetime:
    """The moment so many seconds from now."""
    return clock.now() + timedelta(seconds=seconds)
