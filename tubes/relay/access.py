"""Whether each Seat can still enter its room: asked hourly, for everybody's own account.

One Seat reads a room for all of them, so a Seat that was thrown out would not notice by itself, and
would go on getting what it may no longer see.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import Q

from accounts.models import LinkedAccount
from connectors.base import RoomId, RoomInfo
from connectors.errors import ConnectorError, LoginRejected, RoomGone
from connectors.markup.sanitize import clean_name
from connectors.registry import connectors
from sameroom import clock
from tubes.models import Room, Seat
from tubes.relay import health, moving

EVERY = timedelta(hours=1)
TRY_AGAIN = timedelta(
    minutes=5
)  # where the service had trouble, or the room was lost and nobody sees us look
FEWEST, TURNS = 50, 45  # Seats taken up in one go at the least; goes in which all have their turn


def stale_seats() -> list[int]:
    """Seats in use that were not confirmed within the hour, claimed by the caller. No network I/O."""
    now = clock.now()
    # Where a connection sits in the room, a look is another one that comes in, before everybody's eyes.
    seen = [kind for kind, cls in connectors().items() if cls.capabilities.sends_by_session]
    lost = ~Q(failure="") & ~Q(account__kind__in=seen)
    due = Q(checked_at__lt=now - EVERY) | (lost & Q(checked_at__lt=now - TRY_AGAIN))
    stale = Seat.objects.in_use().filter(due, account__status__in=LinkedAccount.USABLE)
    claimed = []
    most = max(FEWEST, Seat.objects.in_use().count() // TURNS)
    for seat_id, checked_at in stale.order_by("checked_at").values_list("pk", "checked_at")[:most]:
        if Seat.objects.filter(pk=seat_id, checked_at=checked_at).update(checked_at=clock.now()):
            claimed.append(seat_id)
    return claimed


def check(seat_id: int) -> None:
    """Ask the service whether this Seat's own account can enter the room. Network I/O; may be repeated."""
    seat = Seat.objects.select_related("account", "room").filter(pk=seat_id).first()
    if seat is None or not seat.account.is_usable:
        return
    try:
        connector = seat.account.connector()
        if connector.capabilities.sends_by_session and not seat.failure:
            return  # its connection sits in the room all the time, and tells when it is thrown out
        info = connector.room(RoomId(seat.room.remote_id))
    except RoomGone as error:
        health.seat_failed(seat, str(error))
    except LoginRejected as error:
        health.needs_login(seat.account, str(error))
    except ConnectorError:
        # Trouble says nothing about access; it stays unconfirmed.
        Seat.objects.filter(pk=seat.pk).update(checked_at=clock.now() - EVERY + TRY_AGAIN)
    else:
        if info.id != seat.room.remote_id and not _follow(seat, info.id):
            return
        _note(seat.room, info)
        if info.is_archived:  # it can be read, but nothing can be posted
            health.seat_failed(seat, "This room is archived at its service.")
        else:
            health.seat_works(seat)
            health.choose_reader(seat.room)


def _follow(seat: Seat, new: RoomId) -> bool:
    """The room goes on as another one, which no stream has told. False where it has a row of its own."""
    with transaction.atomic():
        return moving.room_moved(seat.account, RoomId(seat.room.remote_id), new)


def _note(room: Room, info: RoomInfo) -> None:
    """Mostly there is nothing new."""
    name = clean_name(info.name)
    if (name, info.is_archived) != (room.name, room.is_archived):
        Room.objects.filter(pk=room.pk).update(name=name, is_archived=info.is_archived)
