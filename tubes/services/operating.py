"""What operators do to deliveries, Seats and Tubes, whoever owns them. Who may is asked by the pages."""

from __future__ import annotations

from django.db import transaction

from sameroom import clock
from tubes.models import Delivery, Post, Seat, Tube
from tubes.relay import access, bell, notices
from tubes.relay.ends import count_ends
from tubes.services.again import NotAgain, delivery_send_again

BY_OPERATOR = "An operator has left it out."


class NotPossible(Exception):
    """What an operator wants cannot be done; `str(error)` is the sentence for them."""


def delivery_retry(*, delivery: Delivery) -> None:
    """Have a delivery tried now: one that waits for its next attempt, or, once more, one that was lost.

    Raises NotPossible. Its lane is rung for on commit; a limit of its service is kept all the same.
    """
    if delivery.status == Delivery.Status.QUEUED:
        _hurry(delivery, Delivery.Status.QUEUED)
        return
    try:
        delivery_send_again(delivery=delivery, by=None)
    except NotAgain as error:
        raise NotPossible(str(error)) from error


def delivery_skip(*, delivery: Delivery) -> None:
    """Leave out a delivery that is queued, for good; its owner is told. Raises NotPossible.

    What is on the wire cannot be called back: it is settled first.
    """
    queued = Delivery.objects.filter(pk=delivery.pk, status=Delivery.Status.QUEUED)
    with transaction.atomic():
        skipped = queued.update(
            status=Delivery.Status.SKIPPED, error=BY_OPERATOR, finished_at=clock.now(), parts=None
        )
        if not skipped:
            raise NotPossible("It is not queued any more: it is being sent, or has ended.")
        count_ends([delivery.room_id], Delivery.Status.SKIPPED)
        notices.lost(delivery, BY_OPERATOR)
        bell.ring_lanes_on_commit([delivery.seat_id])  # what stood behind it may go


def delivery_settle(*, delivery: Delivery) -> None:
    """Have it looked up now whether a send that was cut off has arrived, by its lane. Raises NotPossible."""
    if delivery.seat.failure or not delivery.seat.account.is_usable:
        raise NotPossible("Its account or its room cannot be used. Verify them first.")
    _hurry(delivery, Delivery.Status.SENDING)


def delivery_arrived(*, delivery: Delivery) -> None:
    """Note that a delivery of which nobody could tell has arrived, as an operator has seen. For good.

    Should its text be read in the room later, it is still known as ours. Raises NotPossible.
    """
    unknown = Delivery.objects.filter(pk=delivery.pk, status=Delivery.Status.UNKNOWN)
    with transaction.atomic():
        # As another one tells it that sees it come by, but that nobody knows under which id.
        if not unknown.update(status=Delivery.Status.SENT, error="", parts=None):
            raise NotPossible("It has been settled meanwhile.")
        if delivery.fingerprint:
            Post.objects.create(
                room_id=delivery.room_id,
                fingerprint=delivery.fingerprint,
                posted_at=delivery.finished_at or clock.now(),
            )


def seat_verify(*, seat: Seat) -> None:
    """Ask whether this Seat can enter its room. Network I/O; may be repeated. Raises NotPossible."""
    if not seat.account.is_usable:
        raise NotPossible("Its account cannot be used. Verify the account first.")
    access.check(seat.pk)
    seat.refresh_from_db()
    if seat.failure:
        raise NotPossible(seat.failure)


def tube_verify(*, tube: Tube) -> None:
    """The same of both sides of a Tube."""
    for seat in (tube.side_a, tube.side_b):
        seat_verify(seat=seat)


def _hurry(delivery: Delivery, status: Delivery.Status) -> None:
    """Make an open delivery due, and ring for its lane."""
    with transaction.atomic():
        due = Delivery.objects.filter(pk=delivery.pk, status=status)
        if not due.update(next_attempt_at=clock.now()):
            raise NotPossible("It has gone on meanwhile.")
        bell.ring_lanes_on_commit([delivery.seat_id])
