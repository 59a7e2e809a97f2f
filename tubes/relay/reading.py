"""Polling: the rooms of an account that are due are read and taken in, under the account's lease."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.conf import settings
from django.db.models import Min, QuerySet

from accounts.models import LinkedAccount
from connectors.base import Connector, RoomId
from connectors.errors import ConnectorError, LoginRejected, RetryLater, RoomGone
from monitor import logs
from sameroom import clock
from sameroom.celery import stopping
from tubes.models import Room
from tubes.relay import bell, guard, health, sql
from tubes.relay.destinations import Destinations
from tubes.relay.intake import take_in
from tubes.relay.leases import Lease, claim

log = logging.getLogger(__name__)

TURN = 5.0  # seconds one task polls before it goes last in line
BACKOFF = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)  # seconds after the first, second, … failure
OVERDUE = timedelta(seconds=2)
FULL = 1.0  # seconds until an account is tried again whose service holds its share of the threads

readers = Destinations(settings.WORKER_THREADS)


def rooms_read_by(account_id: int) -> QuerySet[Room]:
    """The rooms that this account reads for everybody, soonest due first."""
    rooms = Room.objects.filter(reader__account=account_id, reader__failure="", next_poll_at__isnull=False)
    return rooms.order_by("next_poll_at")


def overdue_accounts() -> list[tuple[int, int]]:
    """(id, fence) of accounts with a room that nobody has come to read: their alarm was lost."""
    late = clock.now() - OVERDUE
    rooms = Room.objects.filter(next_poll_at__lt=late, reader__failure="")
    ids = rooms.values_list("reader__account_id", flat=True).distinct()
    idle = LinkedAccount.objects.usable().filter(pk__in=ids).exclude(poll_lease_until__gt=clock.now())
    return list(idle.values_list("pk", "poll_fence"))


def poll(account_id: int, *, fence: int = 0) -> None:
    """Read this account's due rooms for up to TURN seconds, then set the alarm for the next.

    Network I/O under a lease. May be called by anybody any number of times: with a fence, only
    the first of several rings counts, so an account has one alarm however often it was rung.
    """
    if guard.is_stopped():
        return
    lease = claim(LinkedAccount, account_id, "poll", fence=fence)
    if lease is None:
        return
    try:
        account = LinkedAccount.objects.get(pk=account_id)
        is_admitted = readers.admits(account.kind, account.server)
        if account.is_usable and is_admitted:
            _read_due(account, lease)
    finally:
        lease.release()
    if account.is_usable and not stopping():
        _set_alarm(account_id, lease.fence, at_least=0.0 if is_admitted else FULL)


def _set_alarm(account_id: int, fence: int, *, at_least: float) -> None:
    soonest = rooms_read_by(account_id).aggregate(at=Min("next_poll_at"))["at"]
    if soonest is not None:
        wait = (soonest - clock.now()).total_seconds()
        if wait < bell.FAR:
            bell.ring_account(account_id, fence=fence, after=max(at_least, wait))


def _read_due(account: LinkedAccount, lease: Lease) -> None:
    try:
        connector = account.connector()
    except LoginRejected as error:  # a secret that no key opens any more
        health.needs_login(account, str(error))
        return
    ends = clock.monotonic() + TURN
    for room in rooms_read_by(account.pk).filter(next_poll_at__lte=clock.now()):
        if clock.monotonic() > ends or stopping() or not account.is_usable or not lease.renew():
            return
        try:
            with logs.context(account=account.code, room=room.pk):
                pause = _read(connector, room)
        except ConnectorError as error:
            pause = _failed(account, room, error)
        except Exception as error:
            log.exception("Reading room %s met an unexpected error", room.pk)
            pause = _note_failure(room, f"Internal error: {type(error).__name__}.")
        else:
            _note_success(account, room)
        _due_in(account.pk, room, pause, connector)


def _read(connector: Connector, room: Room) -> float | None:
    """Read one room; 0.0 when there is more, else None: the usual interval."""
    sql.give_back()
    with readers.calling(connector.kind, connector.login.server):
        page = connector.read_after(RoomId(room.remote_id), room.cursor)
    if page.gap:
        log.warning("Room %s: the last item read is gone from its history; went on by time", room.pk)
    take_in(room.pk, page.events, read_from=room.cursor, cursor=page.cursor)
    return 0.0 if page.more else None


def _failed(account: LinkedAccount, room: Room, error: ConnectorError) -> float | None:
    """Act on a refused read; seconds until the next try, or None for the usual interval."""
    if isinstance(error, RetryLater) and error.seconds is not None:
        return error.seconds
    pause = _note_failure(room, str(error))
    if isinstance(error, LoginRejected):
        health.needs_login(account, str(error))
    elif isinstance(error, RoomGone) and room.reader is not None:
        health.seat_failed(room.reader, str(error))
    elif room.read_failures >= health.TROUBLED_AFTER:
        health.troubled(account, str(error))
    return pause


def _note_failure(room: Room, text: str) -> float:
    room.read_failures += 1
    Room.objects.filter(pk=room.pk).update(read_failures=room.read_failures, last_error=text)
    return BACKOFF[min(room.read_failures, len(BACKOFF)) - 1]


def _note_success(account: LinkedAccount, room: Room) -> None:
    health.works(account)
    if room.read_failures or room.last_error:
        Room.objects.filter(pk=room.pk).update(read_failures=0, last_error="")


def _due_in(account_id: int, room: Room, pause: float | None, connector: Connector) -> None:
    """Set when the room is read next; a room that lost its last Tube meanwhile stays unread."""
    if pause is None:
        rooms = rooms_read_by(account_id).count()
        pause = connector.budget.poll_interval(rooms, fastest=connector.capabilities.fastest_poll)
    unread = Room.objects.filter(pk=room.pk, next_poll_at__isnull=False, reader=room.reader_id)
    unread.update(next_poll_at=clock.now() + timedelta(seconds=pause))
