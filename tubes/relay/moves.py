"""A lane we hold, and the moves of its deliveries: each a compare-and-swap under the lease's fence."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, InterfaceError, OperationalError, transaction

from connectors.base import Connector, MessageId
from monitor import counting
from sameroom import clock
from sameroom.celery import stopping
from tubes.models import Delivery, Seat
from tubes.relay import handover, health, notices, sql
from tubes.relay.intake import release_held
from tubes.relay.leases import Lease
from tubes.relay.routing import Network
from tubes.relay.wire import Arrived, Beginning, Release, write, write_together

log = logging.getLogger(__name__)

REST = timedelta(seconds=0.5)  # between two tries to reach the database
Status = Delivery.Status


@dataclass(slots=True)
class Lane:
    """A Seat whose lease we hold, with its connector logged in."""

    seat: Seat
    lease: Lease
    connector: Connector
    ends: Callable[[], bool] = stopping  # whether this process is asked to stop
    network: Network = field(default_factory=dict)
    network_until: float = 0.0  # monotonic; so long the network may be taken as it was read
    doubted: set[int] = field(default_factory=set)  # deliveries that could not be begun as they were read
    is_left: bool = False  # given back
    arrived: Arrived | None = None  # what is noted with the next statement

    # ------------------------------------------------------------ around a request

    def begin(self, beginning: Beginning) -> bool:
        """Note what arrived last, and move the next delivery to `sending`; False where that is not to be."""
        outcome = self._write(beginning)
        if outcome:
            delivery = beginning.delivery
            delivery.status = Status.SENDING
            delivery.sending_since = clock.now() + beginning.takes_longer
            delivery.fingerprint, delivery.lead_id = beginning.fingerprint, None
        return outcome

    def begin_together(self, beginnings: list[Beginning]) -> bool:
        """Move deliveries that share a post to `sending`, all or none."""
        return self.flush() and write_together(self.lease, beginnings)

    def note(self, deliveries: list[Delivery], remote_id: MessageId | None, *, is_last: bool) -> None:
        """A step has been carried out: it is stored with the next statement of this lane. No I/O."""
        first = deliveries[0]
        self.arrived = Arrived(deliveries, first.part, remote_id, first.fingerprint, is_last)
        for delivery in deliveries:
            delivery.part += 1
            delivery.status = Status.SENT if is_last else Status.QUEUED
        health.works(self.seat.account)

    def flush(self) -> bool:
        """Store what arrived; False where the lane was not ours any more. Its posts are stored anyway."""
        return self.arrived is None or self._write(None)

    def rest(self) -> bool:
        """Store what arrived and give the lane back, unless more waits by now; whether all is done."""
        if self.arrived is None:
            return True
        is_ours = self._write(None, release=Release.IF_EMPTY)
        return self.is_left or not is_ours

    def leave(self) -> None:
        """Store what arrived and give the lane back; the database may be away for a moment meanwhile.

        What has arrived must not be forgotten: where nobody can look it up, it would end `unknown`.
        """
        if self.arrived is None and not self.is_left:
            self.lease.release()
        while self.arrived is not None:
            try:
                self._write(None, release=Release.YES)
            except (OperationalError, InterfaceError):
                if clock.now() + REST > self.lease.until:
                    raise
                sql.drop_broken()
                time.sleep(REST.total_seconds())

    def _write(self, beginning: Beginning | None, *, release: Release = Release.NO) -> bool:
        arrived = self.arrived
        try:
            outcome = write(self.lease, self.seat.room_id, arrived, beginning, release=release)
        except IntegrityError:
            if arrived is None or Seat.objects.filter(pk=self.seat.pk).exists():
                raise
            return self._forsaken(arrived)
        self.arrived, self.is_left = None, outcome.released
        if arrived and arrived.is_last and outcome.ended:
            for delivery in arrived.deliveries:
                count_end(self, delivery, Status.SENT)
        if arrived and not outcome.ended:
            log.warning("Lane %s was taken over by somebody else; it stops here", self.seat.pk)
        if outcome.is_holding:
            release_held(self.seat.room_id)
        return outcome.begun if beginning else outcome.ended

    def _forsaken(self, arrived: Arrived) -> bool:
        """The Seat was deleted with what was on the wire, which has arrived."""
        self.arrived = None
        handover.keep_id(self.seat.room_id, arrived.fingerprint, arrived.remote_id or "")
        log.warning("Seat %s was deleted while something was on its way; its lane ends", self.seat.pk)
        return False


def move(lane: Lane, delivery: Delivery, to: Delivery.Status, **changes: Any) -> bool:
    """Move a delivery; False where it, or the lane, is no longer ours. One UPDATE.

    A former holder of the lease hits no row: the fence it knows is not the Seat's any more.
    """
    if to != delivery.status and to not in Delivery.MOVES[Status(delivery.status)]:
        raise ValueError(f"{delivery.status} → {to} is no legal move")
    if not lane.flush():
        return False
    rows = Delivery.objects.filter(
        pk=delivery.pk, status=delivery.status, seat=lane.seat.pk, seat__lane_fence=lane.lease.fence
    )
    if rows.update(status=to, **changes) != 1:
        log.warning("A delivery was moved by somebody else; this lane stops")
        return False
    delivery.status = to
    for name, value in changes.items():
        setattr(delivery, name, value)
    return True


def end(lane: Lane, delivery: Delivery, to: Delivery.Status, why: str) -> bool:
    """Finish a delivery; False where it was not ours to finish. Its owner hears of a loss."""
    # Whether all parts of an `unknown` one are there can still come out.
    parts = delivery.parts if to == Status.UNKNOWN else None
    if not lane.flush():
        return False
    with transaction.atomic():  # no loss is noted of which nobody is told
        moved = move(lane, delivery, to, error=why, finished_at=clock.now(), parts=parts)
        if moved and to == Status.FAILED:
            notices.lost(delivery, why)
        elif moved and to == Status.UNKNOWN:
            notices.unknown(delivery)
    if moved:
        count_end(lane, delivery, to)
    decide_held(delivery)
    return moved


def again(lane: Lane, delivery: Delivery, to: Delivery.Status, seconds: float, **changes: Any) -> None:
    """Put a delivery off; it stays at the head of its origin."""
    move(lane, delivery, to, next_attempt_at=in_(seconds), **changes)
    if to == Status.QUEUED:
        decide_held(delivery)


def hold(lane: Lane, seconds: float, *, is_limit: bool = False) -> None:
    """Let the whole lane rest. A limit that keeps it from emptying lets messages share posts later on."""
    seat, until = lane.seat, in_(seconds)
    changes: dict[str, Any] = {"lane_not_before": until}
    if is_limit and seat.throttled_since is None:
        changes["throttled_since"] = clock.now()
    Seat.objects.filter(pk=seat.pk, lane_fence=lane.lease.fence).update(**changes)
    for name, value in changes.items():
        setattr(seat, name, value)


def count_end(lane: Lane, delivery: Delivery, to: Delivery.Status) -> None:
    how = logging.DEBUG if to == Status.SENT else logging.INFO
    if log.isEnabledFor(how):
        told = {"delivery": delivery.pk, "event": delivery.event_id, "seat": lane.seat.pk}
        log.log(how, "Delivery ended: %s", to.value, extra=told)
    lag = (clock.now() - delivery.event.accepted_at).total_seconds() if to == Status.SENT else None
    counting.delivery_ended(lane.connector.kind, to.value, lag)


def decide_held(delivery: Delivery) -> None:
    """A send has ended: events that might have been it can be decided now."""
    held = "SELECT 1 FROM tubes_event WHERE room_id = %s AND held = 'waiting' LIMIT 1"
    if sql.rows(held, [delivery.room_id]):
        release_held(delivery.room_id)


def in_(seconds: float) -> datetime:
    """The moment so many seconds from now."""
    return clock.now() + timedelta(seconds=seconds)
