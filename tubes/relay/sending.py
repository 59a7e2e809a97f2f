"""One delivery, part by part, and what each kind of refusal means for it and for its lane."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from django.conf import settings

from connectors.base import RoomId
from connectors.errors import (
    ConnectorError,
    DeliveryUnknown,
    LoginRejected,
    MessageRejected,
    RetryLater,
    RoomGone,
    UnsupportedAction,
)
from sameroom import clock
from sameroom.celery import stopping
from tubes.models import Delivery
from tubes.relay import health, rendering, routing
from tubes.relay.moves import Lane, Status, again, confirm, end, move
from tubes.relay.settling import LOOK_AGAIN

POISON_ATTEMPTS = 10
POISON_AGE = timedelta(minutes=15)
BACKOFF = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0)  # seconds after the first, second, … failure


def deliver(lane: Lane, delivery: Delivery) -> bool:
    """Send what is left of a delivery; whether the lane may go on. Network I/O, not repeatable by itself.

    Raises what the connector raises, with the delivery in `sending`.
    """
    first = delivery.posts.count()
    if not first and (why := obsolete(delivery)):
        return _end_queued(lane, delivery, Status.SKIPPED, why)
    parts = rendering.parts(delivery.event, lane.seat, lane.connector)
    for number in range(first, len(parts)):
        if stopping() or not lane.lease.renew():
            return False
        if not move(lane, delivery, Status.SENDING, part=number, sending_since=clock.now()):
            return False
        part = replace(parts[number], idempotency_key=f"sameroom-{delivery.pk}-{number}")
        remote_id = lane.connector.send(RoomId(delivery.room.remote_id), part)
        if not confirm(lane, delivery, number, remote_id, is_last=number + 1 == len(parts)):
            return False
    if first >= len(parts):
        return _end_queued(
            lane, delivery, Status.SENT if first else Status.SKIPPED, "" if first else "Nothing to post."
        )
    return True


def obsolete(delivery: Delivery) -> str:
    """Why this delivery is not to be made any more, or an empty string."""
    if clock.now() - delivery.event.said_at > timedelta(hours=settings.CATCH_UP_HOURS):
        return f"Older than {settings.CATCH_UP_HOURS} hours when its turn came."
    if not routing.still_reachable(delivery):
        return "No open Tube leads to this room any more."
    return ""


def refused(lane: Lane, delivery: Delivery, error: ConnectorError) -> bool:
    """Act on the refusal of a send; whether the lane may go on with the next delivery."""
    text = str(error)
    match error:
        case MessageRejected():
            return end(lane, delivery, Status.FAILED, text)
        case UnsupportedAction():
            return end(lane, delivery, Status.SKIPPED, text)
        case DeliveryUnknown():
            again(lane, delivery, Status.SENDING, LOOK_AGAIN, error=text)
            return False
        case RetryLater() if error.seconds is not None:
            # The service, or our own budget, named the time: that is no failure, and not counted.
            again(lane, delivery, Status.QUEUED, error.seconds, error=text)
            return False
        case _:
            return postpone(lane, delivery, Status.QUEUED, error)


def postpone(lane: Lane, delivery: Delivery, to: Delivery.Status, error: Exception) -> bool:
    """Try again after a pause that grows; a message that fails where others pass fails alone."""
    attempts = delivery.attempts + 1
    text = str(error) if isinstance(error, ConnectorError) else f"Internal error: {type(error).__name__}."
    if isinstance(error, LoginRejected):
        health.needs_login(lane.seat.account, text)
    elif isinstance(error, RoomGone):
        health.seat_failed(lane.seat, text)
    elif attempts >= POISON_ATTEMPTS and _fails_alone(delivery, lane):
        return end(lane, delivery, Status.FAILED, text)
    pause = BACKOFF[min(attempts, len(BACKOFF)) - 1]
    again(lane, delivery, to, pause, attempts=attempts, error=text)
    return False


def _fails_alone(delivery: Delivery, lane: Lane) -> bool:
    """Whether others got through to the same service while this one has failed for long."""
    since = clock.now() - POISON_AGE
    if delivery.created_at > since:
        return False
    account = lane.seat.account
    passed = Delivery.objects.filter(
        status=Status.SENT,
        finished_at__gte=since,
        seat__account__kind=account.kind,
        seat__account__server=account.server,
    )
    return passed.exists()


def _end_queued(lane: Lane, delivery: Delivery, to: Delivery.Status, why: str) -> bool:
    """End a delivery for which no call is made: by way of `sending`, as the moves want it."""
    return move(lane, delivery, Status.SENDING) and end(lane, delivery, to, why)
