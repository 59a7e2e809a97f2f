"""Lanes: what is queued at one Seat is posted strictly in order, by whoever holds its lease.

A row becomes `sending` just before its own request and leaves that state only by a confirmed end.
A row found `sending` by a new holder of the lease is settled with the service before the lane goes on.
"""

from __future__ import annotations

import logging

from django.db.models import Min

from accounts.models import LinkedAccount
from connectors.errors import ConnectorError, LoginRejected
from sameroom import clock
from sameroom.celery import stopping
from tubes.models import Delivery, Seat
from tubes.relay import bell, health, routing
from tubes.relay.leases import Lease, claim
from tubes.relay.moves import Lane, Status
from tubes.relay.sending import deliver, postpone, refused
from tubes.relay.settling import settle

log = logging.getLogger(__name__)

TURN = 5.0  # seconds one drain works before it goes last in line


def drain(seat_id: int, *, fence: int = 0) -> None:
    """Post what is due at this Seat for up to TURN seconds, then ring for the rest.

    Network I/O under a lease; may be called any number of times by anybody.
    """
    lease = claim(Seat, seat_id, "lane", fence=fence)
    if lease is None:
        return
    try:
        _work(seat_id, lease)
    finally:
        lease.release()
    if stopping():
        return  # whoever starts next finds the rest by its rows
    # Looked at after the release: a ring that came while we held the lease found it taken.
    head = _head(seat_id)
    if head is not None and is_open(_seat(seat_id)):
        wait = (head.next_attempt_at - clock.now()).total_seconds()
        if wait < bell.FAR:
            bell.ring_lane(seat_id, fence=lease.fence, after=max(0.0, wait))


def is_open(seat: Seat) -> bool:
    """Whether calls may be made for this Seat; while not, its messages wait."""
    return not seat.failure and seat.account.is_usable


def idle_lanes() -> list[int]:
    """Seats whose oldest unfinished delivery is due while nobody holds the lane."""
    now = clock.now()
    unfinished = Delivery.objects.filter(status__in=Delivery.OPEN)
    heads = unfinished.order_by().values("seat").annotate(head=Min("pk")).values("head")
    due = Delivery.objects.filter(pk__in=heads, next_attempt_at__lte=now)
    idle = due.exclude(seat__lane_lease_until__gt=now).filter(
        seat__failure="", seat__account__status__in=LinkedAccount.USABLE
    )
    return list(idle.values_list("seat", flat=True))


def _work(seat_id: int, lease: Lease) -> None:
    routing.retire(seat_id)
    seat = _seat(seat_id)
    if not is_open(seat):
        return
    try:
        lane = Lane(seat, lease, seat.account.connector())
    except LoginRejected as error:  # a secret that no key opens any more
        health.needs_login(seat.account, str(error))
        return
    ends = clock.monotonic() + TURN
    while clock.monotonic() < ends and not stopping():
        head = _head(seat_id)
        if head is None or head.next_attempt_at > clock.now() or not lease.renew():
            return
        if not _step(lane, head):
            return


def _seat(seat_id: int) -> Seat:
    return Seat.objects.select_related("account", "room").get(pk=seat_id)


def _head(seat_id: int) -> Delivery | None:
    """The lane's oldest unfinished delivery: the only one that may be worked on."""
    rows = Delivery.objects.filter(seat=seat_id, status__in=Delivery.OPEN).order_by("pk")
    return rows.select_related("event", "room").first()


def _step(lane: Lane, delivery: Delivery) -> bool:
    """Bring one delivery as far as it goes now; False where the lane has to stop here."""
    try:
        if delivery.status == Status.SENDING and not _settled(lane, delivery):
            return False
        return delivery.status not in Delivery.OPEN or deliver(lane, delivery)
    except ConnectorError as error:
        return refused(lane, delivery, error)
    except Exception as error:
        # Our bug, or the database's trouble. Nothing is marked as sent, and what may have left is
        # looked up before it could leave again.
        log.exception("Delivery %s met an unexpected error", delivery.pk)
        if delivery.status not in Delivery.OPEN:
            return False  # it had ended; the error came after
        return postpone(lane, delivery, Status(delivery.status), error)


def _settled(lane: Lane, delivery: Delivery) -> bool:
    """`settle`, with a history that cannot be read now as one more reason to wait."""
    try:
        return settle(lane, delivery)
    except ConnectorError as error:
        postpone(lane, delivery, Status.SENDING, error)
        return False
