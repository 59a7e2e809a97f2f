"""Takes in what a stream brought: events and token commit together, under the account's lease."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial

from django.db import InterfaceError, OperationalError, transaction

from accounts.models import LinkedAccount
from connectors.base import Batch, IncomingEvent, RoomId
from monitor import counting, logs
from sameroom import clock
from tubes.models import Seat
from tubes.relay import guard, health, moving, sql
from tubes.relay.intake import Arrival, accept
from tubes.relay.pushing import NotNow, rooms_heard

log = logging.getLogger(__name__)

LASTS = timedelta(seconds=24)  # of a listening lease; who dies is replaced within 30 s
AT_ONCE = 500  # events of one transaction
UNWELCOME = timedelta(days=1)  # so long we stay out of a room that we were put out of
USABLE = ", ".join(f"'{status}'" for status in LinkedAccount.USABLE)
HOLD = f"""
    UPDATE accounts_linkedaccount SET stream_token = COALESCE(%s, stream_token), stream_lease_until = %s
    WHERE id = %s AND stream_fence = %s AND stream_lease_until IS NOT NULL AND status IN ({USABLE})
"""
Said = Sequence[tuple[RoomId, IncomingEvent]]


class Lost(Exception):
    """Somebody else listens to this account by now, or nobody may: nothing was stored."""


def take_batch(account: LinkedAccount, fence: int, batch: Batch, *, has_ids: bool) -> None:
    """Store the events of rooms that this account sits in, and the token after them.

    Database I/O; may be repeated: an event is taken in once. A long batch is several transactions, of which
    the last one moves the token. An event that cannot be stored is left out. Raises Lost, NotNow.
    """
    if guard.is_stopped():
        raise NotNow("The relay is stopped.")
    with logs.context(account=account.code):
        last = take(account, fence, batch.events, has_ids=has_ids, leave=AT_ONCE)
        _take(account, fence, replace(batch, events=last), batch.token, has_ids=has_ids)
        health.works(account)
    counting.stream_unreadable(account.kind, batch.unreadable)


def take(account: LinkedAccount, fence: int, said: Said, *, has_ids: bool, leave: int = 0) -> Said:
    """Store events, all but the last `leave`, which are returned. The token stays. As `take_batch`."""
    while len(said) > leave:
        _take(account, fence, Batch(said[:AT_ONCE], ""), None, has_ids=has_ids)
        said = said[AT_ONCE:]
    return said


def _take(account: LinkedAccount, fence: int, batch: Batch, token: str | None, *, has_ids: bool) -> None:
    try:
        _commit(account, fence, batch, token, has_ids=has_ids)
    except (Lost, OperationalError, InterfaceError):
        raise
    except Exception:
        if not batch.events:
            raise
        log.exception("What a stream brought met an unexpected error; each event is tried alone")
        for one in batch.events:
            _take_alone(account, fence, one, has_ids=has_ids)
        _commit(account, fence, replace(batch, events=()), token, has_ids=has_ids)


def _take_alone(
    account: LinkedAccount, fence: int, one: tuple[RoomId, IncomingEvent], *, has_ids: bool
) -> None:
    try:
        _commit(account, fence, Batch([one], ""), None, has_ids=has_ids)
    except (Lost, OperationalError, InterfaceError):
        raise
    except Exception as error:  # noqa: BLE001 - told above; the stream must not stop at it for ever
        log.error("An event that a stream brought was left out: %s", type(error).__name__)
        counting.stream_unreadable(account.kind, 1)


def _commit(account: LinkedAccount, fence: int, batch: Batch, token: str | None, *, has_ids: bool) -> None:
    changed = [*batch.lost, *batch.moved]
    by_room: dict[RoomId, list[IncomingEvent]] = defaultdict(list, {room: [] for room in changed})
    for room, event in batch.events:
        by_room[room].append(event)
    # The lost and the moved ones too: their rows change as well, and locks are taken in one order.
    heard = rooms_heard(account, by_room, has_ids=has_ids) if by_room else []
    arrivals = [Arrival(room.pk, by_room[room.remote_id], is_pushed=True) for room in heard]
    within = fenced(account, fence, token, waits=bool(arrivals), then=partial(_part, account, batch))
    if arrivals or changed:
        accept(arrivals, within=within)
    else:
        with within:
            pass


def _part(account: LinkedAccount, batch: Batch) -> None:
    """What becomes of rooms that are closed to this account from now on, or go on as others."""
    if batch.lost:
        seats = Seat.objects.filter(account=account, room__remote_id__in=list(batch.lost), failure="")
        for seat in seats.select_related("room").order_by("room"):
            room = RoomId(seat.room.remote_id)
            looks_after = UNWELCOME if room in batch.put_out else None
            health.seat_failed(seat, batch.lost[room], looks_after=looks_after)
    for old, new in sorted(batch.moved.items()):
        moving.room_moved(account, old, new)


@contextmanager
def fenced(
    account: LinkedAccount,
    fence: int,
    token: str | None = None,
    *,
    waits: bool = True,
    then: Callable[[], None] = lambda: None,
) -> Iterator[None]:
    """A transaction that moves the token and extends the lease, and ends with `then`. Raises Lost.

    The account's row comes first, the rooms' after it: whoever renews leases does not wait for rooms.
    """
    with transaction.atomic():
        statement = HOLD + ("" if waits else sql.without_waiting())
        until = sql.moment(clock.now() + LASTS)
        if sql.run(statement, [token, until, account.pk, fence]) != 1:
            raise Lost
        yield
        then()
