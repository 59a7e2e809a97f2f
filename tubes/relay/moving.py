"""A room that goes on as another one at its service: its row gets the new id, and all that hangs on it stays.

Its Seats, its Tubes and what is queued into it lead to the new room from then on, for everybody: whoever
cannot enter that one finds out as with any room.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts.models import LinkedAccount
from connectors.base import RoomId
from sameroom import clock
from tubes.models import Notice, Room, Seat, Tube
from tubes.models.rooms import SeatQuerySet
from tubes.relay import health, notices
from tubes.relay.listening import marking

LINKED_ALREADY = (
    "This room goes on as a new one, which is linked here already. "
    "Close this Tube, and open one to the new room."
)


def room_moved(account: LinkedAccount, old: RoomId, new: RoomId) -> bool:
    """Let the Room that `account` sits in as `old` be `new` from now on, and tell the owners of its Tubes.

    Inside the caller's transaction; may be repeated. False where the new room has a row of its own: then this
    account's Seats in the old one fail.
    """
    mine = Seat.objects.in_use().filter(account=account, room__remote_id=old)
    known = Room.objects.select_for_update(no_key=True).filter(pk__in=mine.values("room"))
    room = known.first()
    if room is None:
        return True
    try:
        with transaction.atomic():
            Room.objects.filter(pk=room.pk).update(remote_id=new, is_archived=False)
    except IntegrityError:
        for seat in mine.select_related("room"):
            health.seat_failed(seat, LINKED_ALREADY)
        return False
    seats = Seat.objects.in_use().filter(room=room)
    marking.mark(seats.values_list("pk", flat=True))  # streams have to be told of the new id
    _look_soon(seats)
    _tell(room)
    return True


def _look_soon(seats: SeatQuerySet) -> None:
    """Have Seats that had lost the old room try the new one with the next look."""
    seats.exclude(failure="").update(checked_at=clock.now() - timedelta(days=1))


def _tell(room: Room) -> None:
    """Tell each owner of an open Tube that leads to the room, once."""
    ends = Q(side_a__room=room) | Q(side_b__room=room)
    told: set[int] = set()
    for tube in Tube.objects.not_closed().filter(ends).with_sides().order_by("pk"):
        near, far = sorted((tube.side_a, tube.side_b), key=lambda seat: seat.room_id != room.pk)
        for seat in (near, far):
            if seat.owner_id not in told:
                told.add(seat.owner_id)
                text = f"{room.name} goes on as a new room at {near.account.label}. Its Tubes lead there now."
                notices.tell(seat, Notice.Kind.MOVED, text, in_room=False)
