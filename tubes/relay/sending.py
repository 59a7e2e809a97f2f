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
from tubes.relay.routing import Reach
from tubes.relay.settling import LOOK_AGAIN

POISON_ATTEMPTS = 10
POISON_AGE = timedelta(minutes=15)
BACKOFF = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)  # seconds after the first, second, … failure
WAIT_FOR_LOGIN = 60.0  # seconds between two looks at an account on the way that needs a login


def deliver(lane: Lane, delivery: Delivery) -> bool:
    """Send what is left of a delivery; whether the lane may go on. Network I/O, not repeatable by itself.

    Raises what the connector raises, with the delivery in `sending`.
    """
    first = delivery.posts.count()
    if not first and not _is_wanted(lane, delivery):
        return delivery.status not in Delivery.OPEN
    parts = rendering.parts(delivery.event, lane.seat, lane.connector)
    if not parts:
        return end(lane, delivery, Status.SKIPPED, "Nothing to post.")
    for number in range(first, len(parts)):
        if stopping() or not lane.lease.renew():
            return False
        not_after = clock.monotonic() + lane.connector.capabilities.send_deadline
        if not move(lane, delivery, Status.SENDING, part=number, sending_since=clock.now()):
            return False
        part = replace(parts[number], idempotency_key=f"sameroom-{delivery.pk}-{number}", not_after=not_after)
        remote_id = lane.connector.send(RoomId(delivery.room.remote_id), part)
        if not confirm(lane, delivery, number, remote_id, is_last=number + 1 == len(parts)):
            return False
    if first >= len(parts):  # all of it has arrived; only the end was not noted
        on_the_wire = move(lane, delivery, Status.SENDING, part=first - 1, sending_since=clock.now())
        return on_the_wire and end(lane, delivery, Status.SENT, "")
    return True


def _is_wanted(lane: Lane, delivery: Delivery) -> bool:
    """Whether this delivery is still to be made, now; where not, it is ended or put off."""
    if clock.now() - delivery.event.said_at > timedelta(hours=settings.CATCH_UP_HOURS):
        end(lane, delivery, Status.SKIPPED, f"Older than {settings.CATCH_UP_HOURS} hours when its turn came.")
        return False
    match routing.reach(delivery):
        case Reach.NO:
            end(lane, delivery, Status.SKIPPED, routing.NO_WAY)
            return False
        case Reach.LATER:
            error = "Waits: an account on the way here needs a login."
            again(lane, delivery, Status.QUEUED, WAIT_FOR_LOGIN, error=error)
            return False
    return True


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
        case _:
            return postpone(lane, delivery, Status.QUEUED, error)


def postpone(lane: Lane, delivery: Delivery, to: Delivery.Status, error: Exception) -> bool:
    """Try again later; whether the lane may go on.

    A time that the service or our budget named, a refused login and a lost room are no failures of
    this message. Others count, with a pause that grows, and a message that fails where others pass
    fails alone; what may have been sent ends `unknown`, so that nobody takes it for lost.
    """
    if isinstance(error, LoginRejected):
        health.needs_login(lane.seat.account, str(error))
    elif isinstance(error, RoomGone):
        health.seat_failed(lane.seat, str(error))
    elif not (isinstance(error, RetryLater) and error.seconds is not None):
        return _count_failure(lane, delivery, to, error)
    seconds = error.seconds if isinstance(error, RetryLater) and error.seconds else BACKOFF[0]
    again(lane, delivery, to, seconds, error=str(error))
    return False


def _count_failure(lane: Lane, delivery: Delivery, to: Delivery.Status, error: Exception) -> bool:
    text = str(error) if isinstance(error, ConnectorError) else f"Internal error: {type(error).__name__}."
    attempts = delivery.attempts + 1
    since = delivery.failing_since or clock.now()
    if attempts >= POISON_ATTEMPTS and clock.now() - since >= POISON_AGE and _others_pass(delivery, lane):
        return end(lane, delivery, Status.UNKNOWN if to == Status.SENDING else Status.FAILED, text)
    pause = BACKOFF[min(attempts, len(BACKOFF)) - 1]
    again(lane, delivery, to, pause, attempts=attempts, failing_since=since, error=text)
    return False


def _others_pass(delivery: Delivery, lane: Lane) -> bool:
    """Whether others have got through to the same service since this one began to fail."""
    account = lane.seat.account
    return Delivery.objects.filter(
        status=Status.SENT,
        finished_at__gt=delivery.failing_since,
        seat__account__kind=account.kind,
        seat__account__server=account.server,
    ).exists()
