"""Lanes: what is queued at one Seat is posted in order, by whoever holds its lease.

What comes from one room keeps its order; rooms take turns. A row becomes `sending` just before its own
request and leaves that state only by a confirmed end. A row found `sending` by a new holder of the lease
is settled with the service before the lane goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings

from connectors.base import Connector, Kind
from connectors.errors import ConnectorError, LoginRejected
from monitor import logs
from sameroom import clock
from sameroom.celery import stopping
from tubes.models import Delivery, Seat
from tubes.relay import expiry, guard, health, loading, sessions
from tubes.relay.leases import Lease, claim
from tubes.relay.moves import Lane, Status
from tubes.relay.refusals import postpone, refused
from tubes.relay.sending import Go, deliver
from tubes.relay.settling import settle

log = logging.getLogger(__name__)

TURN = 5.0  # seconds one drain works before it goes last in line


def drain(seat_id: int, *, ends: Callable[[], bool] = stopping) -> float | None:
    """Post what is due at this Seat for up to TURN seconds, or until `ends` says so.

    Network I/O under a lease; may be called any number of times by anybody. Returns after how many
    seconds there is something to do again; None where nothing waits, or somebody else has the lane or the
    connection by which alone its posts leave.
    """
    if guard.is_stopped():
        return None
    lease = claim(Seat, seat_id, "lane")
    if lease is None or not _work(seat_id, lease, ends):
        return None
    # Looked at after the release: a ring that came while we held the lease found it taken.
    return None if ends() else loading.next_due(seat_id)


def is_open(seat: Seat) -> bool:
    """Whether calls may be made for this Seat; while not, its messages wait."""
    return not seat.failure and seat.account.is_usable


def _work(seat_id: int, lease: Lease, ends: Callable[[], bool]) -> bool:
    """False where posts leave by a connection that is not held here."""
    lane = None
    try:
        seat = loading.seat(seat_id)
        if is_open(seat) and not (seat.lane_not_before and seat.lane_not_before > clock.now() + loading.NEAR):
            connector = seat.account.connector()
            if connector.capabilities.sends_by_session:
                held = sessions.of(seat.account_id)
                if held is None:
                    return False
                connector, ends = held, partial(_has_to_end, seat.account_id, held, ends)
            lane = Lane(seat, lease, connector, ends)
            _take_turns(lane, clock.monotonic() + TURN)
    except LoginRejected as error:  # a secret that no key opens any more
        health.needs_login(seat.account, str(error))
    finally:
        if lane is None:
            lease.release()
        else:
            lane.leave()
    return True


def _has_to_end(account_id: int, connector: Connector, ends: Callable[[], bool]) -> bool:
    """Also where the connection is about to be closed: what is on its way may arrive, no more begins."""
    return ends() or sessions.of(account_id) is not connector


def _take_turns(lane: Lane, ends: float) -> None:
    """Read what waits and bring each as far as it goes, until the time is over or nothing moves."""
    while clock.monotonic() < ends and not lane.ends() and lane.flush():
        queue = loading.queue(lane.seat)
        if _has_old(queue) and expiry.skip_old(lane.seat):
            continue
        went = _go_through(lane, queue, ends)
        if went is Go.ON and len(queue) < loading.AT_ONCE and lane.rest():
            # What has come since that statement is found by the look after the release.
            _has_caught_up(lane)
            return
        if went not in (Go.ON, Go.AGAIN):
            return


def _go_through(lane: Lane, queue: Sequence[Delivery], ends: float) -> Go:
    """ON: all of it has ended; AGAIN: read the queue anew; else the lane has to rest."""
    waiting: set[int | None] = set()  # rooms whose next delivery has to wait
    now = clock.now() + loading.NEAR
    for number, delivery in enumerate(queue):
        if delivery.origin_id in waiting or delivery.status not in Delivery.OPEN:
            continue
        if delivery.next_attempt_at > now:
            waiting.add(delivery.origin_id)
            continue
        if clock.monotonic() > ends or lane.ends():
            return Go.STOP
        may_share = lane.seat.throttled_since is not None or delivery.event.kind == Kind.REACTION
        behind = _behind(queue[number + 1 :], waiting) if may_share else ()
        went = _step(lane, delivery, behind)
        if went in (Go.STOP, Go.AGAIN):
            return went
        if went is Go.ELSEWHERE:
            waiting.add(delivery.origin_id)
    return Go.ELSEWHERE if waiting else Go.ON


def _behind(rest: Sequence[Delivery], waiting: set[int | None]) -> Sequence[Delivery]:
    """What may share the next post."""
    return [delivery for delivery in rest if delivery.origin_id not in waiting]


def _has_old(queue: Sequence[Delivery]) -> bool:
    oldest: datetime = clock.now() - timedelta(hours=settings.CATCH_UP_HOURS)
    return any(one.event.said_at < oldest and one.status == Status.QUEUED and not one.part for one in queue)


def _has_caught_up(lane: Lane) -> None:
    if lane.seat.throttled_since is not None:
        Seat.objects.filter(pk=lane.seat.pk).update(throttled_since=None)


def _step(lane: Lane, delivery: Delivery, behind: Sequence[Delivery]) -> Go:
    """Bring one delivery as far as it goes now."""
    with logs.context(seat=lane.seat.pk, delivery=delivery.pk, event=delivery.event_id):
        return _bring(lane, delivery, behind)


def _bring(lane: Lane, delivery: Delivery, behind: Sequence[Delivery]) -> Go:
    try:
        if delivery.status == Status.SENDING:
            return _settled(lane, delivery)
        return deliver(lane, delivery, behind)
    except ConnectorError as error:
        return refused(lane, delivery, error)
    except Exception as error:
        # Our bug, or the database's trouble. Nothing is marked as sent, and what may have left is
        # looked up before it could leave again.
        log.exception("A delivery met an unexpected error")
        if delivery.status not in Delivery.OPEN:
            return Go.STOP  # it had ended; the error came after
        return postpone(lane, delivery, Status(delivery.status), error)


def _settled(lane: Lane, delivery: Delivery) -> Go:
    """`settle`, with a history that cannot be read now as one more reason to wait."""
    if not lane.lease.lasts(lane.connector.capabilities.send_deadline + 5):
        return Go.STOP
    try:
        # Read again: others may have shared its post, and the rest of its parts may have changed.
        return Go.AGAIN if settle(lane, delivery) else Go.STOP
    except ConnectorError as error:
        return postpone(lane, delivery, Status.SENDING, error)
