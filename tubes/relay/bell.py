"""The alarm clock: asks a worker to look at a row. A lost ring costs time, never a message."""

import logging
from collections.abc import Iterable
from functools import partial

from celery import current_app
from django.db import transaction
from kombu.exceptions import KombuError

log = logging.getLogger(__name__)

DRAIN_LANE = "tubes.tasks.drain_lane"
POLL_ACCOUNT = "tubes.tasks.poll_account"

FAR = 60.0  # seconds; for what is further ahead no alarm is kept, the sweep is precise enough
STALE = 10.0  # seconds after its time a ring is void: the sweep has rung again


def _ring(task: str, *args: int, after: float = 0.0) -> None:
    try:
        current_app.send_task(
            task,
            args=args,
            countdown=after or None,
            expires=after + STALE,
            retry=False,
            ignore_result=True,
        )
    except (KombuError, OSError) as error:
        log.warning("The broker did not take %s (%s); the sweep will ring again", task, type(error).__name__)


def ring_lane(seat_id: int, *, fence: int = 0, after: float = 0.0) -> None:
    """Have the lane of a Seat drained, `after` seconds from now.

    With a fence the ring is void once somebody else has drained the lane since: a lane that waits
    has one alarm, however often it was rung.
    """
    _ring(DRAIN_LANE, seat_id, fence, after=after)


def ring_account(account_id: int, *, fence: int, after: float = 0.0) -> None:
    """Have the due rooms of an account polled; void once somebody else has polled since."""
    _ring(POLL_ACCOUNT, account_id, fence, after=after)


def ring_lanes_on_commit(seat_ids: Iterable[int]) -> None:
    """Ring each lane once the running transaction is committed."""
    for seat_id in sorted(set(seat_ids)):
        transaction.on_commit(partial(ring_lane, seat_id))
