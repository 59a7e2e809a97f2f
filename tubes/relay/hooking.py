"""Hooks: having a service push to us that a room which we poll has news.

The Seat that reads a room has a hook there, no other. Making and ending one is a call to the service, so
`mark` only notes in the row that there is something to do; `settle` does it, outside of any transaction,
and is tried again until it is done. A hook is never relied on unheard: the room is polled as ever until
the first push has come, and again once news are found that no push announced.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.crypto import salted_hmac

from accounts.models import LinkedAccount
from connectors.base import Connector, RoomId
from connectors.errors import ConnectorError, LoginRejected, RoomGone
from connectors.registry import connectors
from sameroom import clock
from tubes.models import Room, Seat

log = logging.getLogger(__name__)

AT_ONCE = 100  # Seats looked at in one go
TRY_AGAIN = timedelta(minutes=5)
LOOK_AGAIN = timedelta(days=1)  # whether the service still has the hook
BEGUN = "?"  # a hook may have been made, by what name is not known yet
LEAVING = 5.0  # seconds for ending hooks of an account that is removed


def address_of(account: LinkedAccount) -> str:
    """Where a service pushes for this account. The secret in it cannot be guessed, and is stored nowhere."""
    return f"{settings.PUBLIC_URL}{reverse('tubes:hook', args=[account.code, secret_of(account)])}"


def secret_of(account: LinkedAccount) -> str:
    """The secret in an account's address."""
    return salted_hmac("tubes.hooks", account.code, algorithm="sha256").hexdigest()[:40]


def mark(seat_ids: Iterable[int | None]) -> None:
    """Note that these Seats may have to get a hook, or to lose it. One UPDATE; may be repeated."""
    kinds = [kind for kind, service in connectors().items() if service.capabilities.hooks]
    seats = Seat.objects.filter(pk__in=[pk for pk in seat_ids if pk], account__kind__in=kinds)
    seats.update(hook_due_at=clock.now())


def doubt(room: Room) -> None:
    """A room had news that nobody announced: poll it as ever, and see whether its hook is still there."""
    log.info("Room %s had news that were not announced; it is polled again", room.pk)
    Room.objects.filter(pk=room.pk).update(pushes=0, pushes_read=0)
    room.pushes = room.pushes_read = 0
    mark([room.reader_id])


def due_seats() -> list[int]:
    """Seats whose hooks have to be looked at, claimed by the caller. No network I/O."""
    now = clock.now()
    due = Seat.objects.filter(hook_due_at__lte=now).order_by("hook_due_at")
    return [
        pk
        for pk, since in due.values_list("pk", "hook_due_at")[:AT_ONCE]
        if Seat.objects.filter(pk=pk, hook_due_at=since).update(hook_due_at=now + TRY_AGAIN)
    ]


def settle(seat_id: int) -> None:
    """Make or end the hook of a Seat that `due_seats` gave. Network I/O; may be repeated."""
    seat = Seat.objects.select_related("account", "room").filter(pk=seat_id).first()
    if seat is None or not seat.account.is_usable:  # renewing the account marks its Seats
        Seat.objects.filter(pk=seat_id).update(hook_due_at=None)
        return
    try:
        connector = seat.account.connector()
        if connector.capabilities.hooks and _reads(seat):
            _keep(seat, _begin(seat, connector), LOOK_AGAIN)
        else:
            if seat.hook_id:
                _end(seat, connector)
            _keep(seat, "", None)
    except RoomGone:  # and the hook with it; who enters again, or reads, is marked
        _keep(seat, "", None)
    except LoginRejected:
        _keep(seat, seat.hook_id, None)
    except ConnectorError as error:
        log.info("The hook of Seat %s could not be settled: %s", seat.code, error)


def leave(seats: QuerySet[Seat]) -> None:
    """End the hooks of Seats that are about to be deleted, as far as that goes in LEAVING seconds.

    Network I/O. What is not ended pushes to an address that is not there any more, or to no purpose.
    """
    until = clock.monotonic() + LEAVING
    for seat in seats.exclude(hook_id="").select_related("account", "room"):
        if clock.monotonic() > until:
            return
        if not seat.account.is_usable:
            continue
        try:
            _end(seat, seat.account.connector())
        except ConnectorError as error:
            log.info("The hook of Seat %s stays at its service: %s", seat.code, error)


def _reads(seat: Seat) -> bool:
    """Whether this Seat reads its room, and the room is read at all."""
    watched = Room.objects.filter(pk=seat.room_id, reader=seat.pk, next_poll_at__isnull=False)
    return not seat.failure and watched.exists()


def _begin(seat: Seat, connector: Connector) -> str:
    if not seat.hook_id:  # noted first: whoever dies in between leaves a trace of it
        Seat.objects.filter(pk=seat.pk, hook_id="").update(hook_id=BEGUN)
    return connector.subscribe(RoomId(seat.room.remote_id), address_of(seat.account))


def _end(seat: Seat, connector: Connector) -> None:
    room, hook = RoomId(seat.room.remote_id), seat.hook_id
    if hook == BEGUN:
        hook = connector.subscribe(room, address_of(seat.account))
    connector.unsubscribe(room, hook)


def _keep(seat: Seat, hook: str, again: timedelta | None) -> None:
    """Note how it stands; a mark that was set meanwhile stays."""
    Seat.objects.filter(pk=seat.pk).update(hook_id=hook)
    due = clock.now() + again if again else None
    claimed = Q(hook_due_at=seat.hook_due_at) if seat.hook_due_at else Q(hook_due_at=None)
    Seat.objects.filter(claimed, pk=seat.pk).update(hook_due_at=due)
