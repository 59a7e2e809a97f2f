"""The alarm clock: has a worker look at a row. A lost ring costs time, never a message.

Lanes are rung for by the shortest way there is: to the threads of this very process, by a Redis list that
idle workers wait at, or by a Celery task. The list takes a third of the time of a task (docs/performance.md).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

import redis
from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import KombuError

from tubes.relay import attendants

log = logging.getLogger(__name__)

WAKE_LANES = "tubes.tasks.wake_lanes"
POLL_ACCOUNT = "tubes.tasks.poll_account"
CARRY_OUT = "tubes.tasks.carry_out"
ASK_LOGIN = "accounts.tasks.refresh_rooms"  # begins by asking what the login may do

FAR = 60.0  # seconds; for what is further ahead no alarm is kept, the sweep is precise enough
STALE = 10.0  # seconds after its time a ring is void: the sweep has rung again
LIST, LISTENERS = "sameroom:lanes", "sameroom:listeners"
AT_ONCE = 8  # rings that one worker takes: few, for others wait as well
LONGEST = 10_000  # rings kept while no worker takes any


def _ring(task: str, *args: object, after: float = 0.0) -> None:
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


def ring_lanes(seat_ids: Iterable[int]) -> None:
    """Have the lanes of these Seats drained now. One call to the broker at most."""
    seats = sorted(set(seat_ids))
    if not seats or attendants.wake(seats):
        return
    if settings.REDIS_URL:
        _push(seats)
    else:
        _ring(WAKE_LANES, seats)


def ring_account(account_id: int, *, fence: int, after: float = 0.0, anywhere: bool = False) -> None:
    """Have the due rooms of an account polled; void once somebody else has polled since.

    `anywhere`: by whichever worker has time, not by this process if it can.
    """
    if anywhere or not attendants.poll(account_id, fence=fence, after=after):
        _ring(POLL_ACCOUNT, account_id, fence, after=after)


def ring_command(command_id: int, after: float = 0.0) -> None:
    """Have a command carried out."""
    _ring(CARRY_OUT, command_id, after=after)


def ring_login(account_id: int) -> None:
    """Have the service asked whether a login still works. A ring that is lost costs up to an hour."""
    _ring(ASK_LOGIN, account_id)


def ring_listeners_on_commit() -> None:
    """Have the listeners look for new rooms once the running transaction is committed."""
    transaction.on_commit(ring_listeners)


def ring_listeners() -> None:
    """Have every listener look for new rooms and accounts now. A ring that is lost costs them seconds."""
    if settings.REDIS_URL:
        _tell_listeners("")
    else:
        attendants.look_for_streams()


def _tell_listeners(what: str) -> None:
    try:
        _redis().publish(LISTENERS, what)
    except redis.RedisError as error:
        log.warning("Redis did not take a ring (%s); listeners look by themselves", type(error).__name__)


def ring_speakers(seat_ids: Iterable[int]) -> None:
    """Have these lanes drained by whichever listener holds their connections. A lost ring costs seconds."""
    seats = sorted(set(seat_ids))
    if settings.REDIS_URL:
        _tell_listeners(",".join(map(str, seats)))
    else:
        attendants.speak(seats)


def ring_lanes_on_commit(seat_ids: Iterable[int]) -> None:
    """Ring for these lanes once the running transaction is committed."""
    seats = sorted(set(seat_ids))
    if seats:
        transaction.on_commit(partial(ring_lanes, seats))


# ----------------------------------------------------------------- the list

_client: redis.Redis | None = None


def _redis() -> redis.Redis:
    global _client
    if _client is None:
        _client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
    return _client


def _push(seats: list[int]) -> None:
    try:
        pipe = _redis().pipeline(transaction=False)
        pipe.lpush(LIST, *seats)
        pipe.ltrim(LIST, 0, LONGEST - 1)
        pipe.execute()
    except redis.RedisError as error:
        log.warning("Redis did not take a ring (%s); the sweep will ring again", type(error).__name__)


def wait_for_rings(seconds: float) -> list[int]:
    """The lanes rung for through the list; waits up to so long for the first. Redis I/O.

    Raises redis.RedisError.
    """
    found = _redis().blmpop(seconds, 1, LIST, direction="RIGHT", count=AT_ONCE)
    return [int(seat_id) for seat_id in found[1]] if found else []


@contextmanager
def rings_for_listeners() -> Iterator[Callable[[float], list[int] | None]]:
    """A question to ask again and again: what came within so many seconds. Redis I/O.

    The lanes that were rung for; none, where it was for new rooms; None where nothing came. Raises
    redis.RedisError.
    """
    with _redis().pubsub(ignore_subscribe_messages=True) as rings:  # type: ignore[no-untyped-call]
        rings.subscribe(LISTENERS)

        def came(seconds: float) -> list[int] | None:
            message = rings.get_message(timeout=seconds)
            return None if message is None else [int(seat) for seat in message["data"].split(b",") if seat]

        yield came
