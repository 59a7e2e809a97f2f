"""Polling: the rooms of an account that are due are read and taken in, under the account's lease."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings

from accounts.models import LinkedAccount
from connectors.base import Connector, RoomId
from connectors.errors import ConnectorError, LoginRejected, RetryLater, RoomGone
from monitor import logs
from sameroom import clock
from sameroom.celery import stopping
from tubes.models import Room
from tubes.relay import bell, due, guard, health, hooking, sql
from tubes.relay.destinations import Destinations
from tubes.relay.intake import take_in
from tubes.relay.leases import Lease

log = logging.getLogger(__name__)

TURN = 5.0  # seconds one task polls before it goes last in line
BACKOFF = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)  # seconds after the first, second, … failure
OVERDUE = timedelta(seconds=3)
# So long a room may wait for others to be read with it: this and a tenth of the interval, at the most.
GATHER, GATHER_MOST = 0.25, 3.0  # seconds
# From this interval on (seconds) an account's rooms are read at so many moments of it, several at once.
SLOW, MOMENTS = 4.0, 4
LONGEST = 20.0  # seconds that reading one room may take: several calls, where much was said
SAFETY = 240.0  # seconds between two reads of a room whose service announces its news
AT_ONCE = 0.25  # seconds between two reads because of announcements, while the budget allows
GOLDEN = (5**0.5 - 1) / 2  # its multiples, cut to their fractions, lie as far apart as they can
FULL = 1.0  # seconds until an account is tried again whose service holds its share of the threads

readers = Destinations(settings.WORKER_THREADS)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two reads of a room: of one that is polled, of one whose news are announced."""

    usual: float
    announced: float


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
    claimed = due.claim(account_id, fence)
    if claimed is None:
        return
    account, lease = claimed
    pause, soonest = FULL, None
    try:
        if account.is_usable and readers.admits(account.kind, account.server):
            pause = _read_due(account, lease)
    finally:
        soonest = due.release(lease)
    if account.is_usable and not stopping():
        _set_alarm(account_id, lease.fence, soonest, at_least=pause)


def _set_alarm(account_id: int, fence: int, soonest: datetime | None, *, at_least: float) -> None:
    if soonest is not None:
        wait = (soonest - clock.now()).total_seconds()
        if wait < bell.FAR:
            bell.ring_account(account_id, fence=fence, after=max(at_least, wait))


def _read_due(account: LinkedAccount, lease: Lease) -> float:
    """Read what is due; seconds to let pass at least, so that rooms due soon after are read together."""
    try:
        connector = account.connector()
    except LoginRejected as error:  # a secret that no key opens any more
        health.needs_login(account, str(error))
        return 0.0
    ends = clock.monotonic() + TURN
    pace = _pace(account.pk, connector)
    gather = min(pace.usual / 4, GATHER + pace.usual / 10, GATHER_MOST)
    for room in due.rooms(account.pk):
        if clock.monotonic() > ends or stopping() or not account.is_usable or not lease.lasts(LONGEST):
            return 0.0
        try:
            with logs.context(account=account.code, room=room.pk):
                pause, is_read = _read(connector, room, pace)
        except ConnectorError as error:
            pause, is_read = _failed(account, room, error), False
        except Exception as error:
            log.exception("Reading room %s met an unexpected error", room.pk)
            pause, is_read = _note_failure(room, f"Internal error: {type(error).__name__}."), False
        else:
            _note_success(account, room)
        _due_in(room, pause, rest=_rest(connector, room), is_read=is_read)
    return gather


def _pace(account_id: int, connector: Connector) -> Pace:
    """How often this account's rooms are read, as their number and its budget allow."""
    counts = due.counts(account_id)
    count, announced = counts.all, counts.announced if connector.capabilities.hooks else 0
    interval = partial(connector.budget.poll_interval, fastest=connector.capabilities.fastest_poll)
    if not announced:
        return Pace(interval(count), SAFETY)
    others = count - announced
    part = min(1.0, interval(max(1, others)) / SAFETY)  # of a polled room's reads that an announced one takes
    return Pace(interval(others + announced * part), max(SAFETY, interval(count)))


def _rest(connector: Connector, room: Room) -> float:
    """Seconds that announcements of news leave a room alone after a read."""
    return connector.budget.reread_after(fastest=AT_ONCE) if room.is_announced else AT_ONCE


def _read(connector: Connector, room: Room, pace: Pace) -> tuple[float, bool]:
    """Read one room; seconds until it is read next, and whether all of its news were read."""
    sql.give_back()
    with readers.calling(connector.kind, connector.login.server):
        page = connector.read_after(RoomId(room.remote_id), room.cursor)
    if page.gap:
        log.warning("Room %s: the last item read is gone from its history; went on by time", room.pk)
    new = 0
    if page.events or page.cursor != room.cursor:
        new = take_in(room.pk, page.events, read_from=room.cursor, cursor=page.cursor)
    if room.is_announced and new and room.pushes == room.pushes_read:
        hooking.doubt(room)
    if page.more:
        return 0.0, False
    return (pace.announced if room.is_announced else _together(room, pace.usual)), True


def _together(room: Room, usual: float) -> float:
    """About `usual` seconds: until a moment at which other rooms of the account are read as well.

    A turn costs as much as two reads. The moments of different accounts are spread.
    """
    if usual < SLOW or room.reader is None:
        return usual
    step, now = usual / MOMENTS, clock.now().timestamp()
    phase = room.reader.account_id * GOLDEN % 1.0
    return (round((now + usual) / step - phase) + phase) * step - now


def _failed(account: LinkedAccount, room: Room, error: ConnectorError) -> float:
    """Act on a refused read; seconds until the next try."""
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


def _due_in(room: Room, pause: float, *, rest: float, is_read: bool) -> None:
    """Set when the room is read next; a room that lost its last Tube meanwhile stays unread.

    News that were announced since the room was loaded may not have been read: then it is due sooner.
    """
    now = clock.now()
    due = now + timedelta(seconds=pause)
    soon = now + timedelta(seconds=min(rest, pause)) if is_read else due
    watched = "id = %s AND reader_id = %s AND next_poll_at IS NOT NULL"
    changes = "next_poll_at = %s, pushes_read = %s, read_no_sooner = %s"
    statement = f"UPDATE tubes_room SET {changes} WHERE {watched}"
    known = room.pushes if is_read else room.pushes_read
    values = [known, sql.moment(soon), room.pk, room.reader_id]
    as_loaded = statement + " AND pushes = %s" + sql.without_waiting()
    if not sql.run(as_loaded, [sql.moment(due), *values, room.pushes]):
        sql.run(statement + sql.without_waiting(), [sql.moment(soon), *values])
