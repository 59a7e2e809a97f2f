"""What each kind of refusal means for a delivery, for its lane and for its account."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

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
from tubes.models import Delivery
from tubes.relay import expiry, health
from tubes.relay.moves import Lane, Status, end, hold, move
from tubes.relay.sending import Go

POISON_ATTEMPTS = 10
POISON_AGE = timedelta(minutes=15)
BACKOFF = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)  # seconds after the first, second, … failure
LOOK_AGAIN = 1.0  # seconds between two looks into a history


def refused(lane: Lane, delivery: Delivery, error: ConnectorError) -> Go:
    """Act on the refusal of a step; how the lane goes on.

    Those that shared its post share its fate.
    """
    text = str(error)
    match error:
        case MessageRejected() if delivery.lead_id is not None and len(_group(delivery)) > 1:
            move_all(lane, delivery, Status.QUEUED)  # one of them is at fault: now each goes alone
            return _apart(lane)
        case MessageRejected():
            return Go.ON if end(lane, delivery, Status.FAILED, text) else Go.STOP
        case UnsupportedAction():
            return Go.ON if end(lane, delivery, Status.SKIPPED, text) else Go.STOP
        case DeliveryUnknown() if delivery.fingerprint:
            # From now on it may have arrived: its idempotency key counts from here.
            move(lane, delivery, Status.SENDING, error=text, failing_since=delivery.sending_since)
            hold(lane, LOOK_AGAIN)
            return Go.STOP
        case _:
            return postpone(lane, delivery, Status.QUEUED, error)


def _group(delivery: Delivery) -> Sequence[Delivery]:
    return list(Delivery.objects.filter(lead=delivery.lead_id, status=delivery.status).order_by("pk"))


def _apart(lane: Lane) -> Go:
    """Let no posts be shared until a limit holds the lane again."""
    type(lane.seat).objects.filter(pk=lane.seat.pk).update(throttled_since=None)
    lane.seat.throttled_since = None
    return Go.STOP


def move_all(lane: Lane, delivery: Delivery, to: Delivery.Status) -> bool:
    """Move a delivery and those that share its post; False where the lane was lost."""
    return all(move(lane, one, to) for one in _with_others(delivery))


def _with_others(delivery: Delivery) -> Sequence[Delivery]:
    others = [one for one in _group(delivery) if one.pk != delivery.pk] if delivery.lead_id else []
    return [delivery, *others]


def postpone(lane: Lane, delivery: Delivery, to: Delivery.Status, error: Exception) -> Go:
    """Let the lane try again later.

    A time that the service or our budget named, a refused login and a lost room are no failures of
    this message. Others count, with a pause that grows, and a message that fails where others pass, or
    for longer than one may be late, fails alone; what may have been sent ends `unknown`, so that nobody
    takes it for lost.
    """
    if isinstance(error, LoginRejected):
        health.needs_login(lane.seat.account, str(error))
    elif isinstance(error, RoomGone):
        health.seat_failed(lane.seat, str(error))
    elif not (isinstance(error, RetryLater) and error.seconds is not None):
        return _count_failure(lane, delivery, to, error)
    if move_all(lane, delivery, to):
        move(lane, delivery, to, error=str(error))
    named = error.seconds if isinstance(error, RetryLater) else None
    hold(lane, named or BACKOFF[0], is_limit=named is not None)
    return Go.STOP


def _count_failure(lane: Lane, delivery: Delivery, to: Delivery.Status, error: Exception) -> Go:
    text = str(error) if isinstance(error, ConnectorError) else f"Internal error: {type(error).__name__}."
    attempts = delivery.attempts + 1
    since = delivery.failing_since or clock.now()
    is_poison = attempts >= POISON_ATTEMPTS and clock.now() - since >= POISON_AGE
    if is_poison and (_others_pass(delivery, lane) or delivery.event.said_at < expiry.oldest()):
        ended = Status.UNKNOWN if to == Status.SENDING else Status.FAILED
        return Go.AGAIN if all(end(lane, one, ended, text) for one in _with_others(delivery)) else Go.STOP
    if move_all(lane, delivery, to):
        move(lane, delivery, to, attempts=attempts, failing_since=since, error=text)
    hold(lane, BACKOFF[min(attempts, len(BACKOFF)) - 1])
    return Go.STOP


def _others_pass(delivery: Delivery, lane: Lane) -> bool:
    """Whether others have got through to the same service since this one began to fail."""
    account = lane.seat.account
    return Delivery.objects.filter(
        status=Status.SENT,
        finished_at__gt=delivery.failing_since,
        seat__account__kind=account.kind,
        seat__account__server=account.server,
    ).exists()
