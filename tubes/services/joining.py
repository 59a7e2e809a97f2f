"""A Tube between two Seats that are in use, whoever owns them."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q

from accounts.models import User
from sameroom import clock
from tubes.models import RoomListing, Seat, Tube
from tubes.services.opening import (
    END,
    End,
    Taken,
    TubeRefused,
    end_of,
    lock_rooms,
    saving,
    seat_keep,
    tube_save,
)
from tubes.services.running import seat_look

A_MOMENT = timedelta(minutes=1)
JOINED = "These two rooms are joined by a Tube already."


def tube_between(one: Seat, other: Seat) -> Tube | None:
    """The open Tube between two rooms with a side of either Seat's owner, if there is one. One query."""
    ends = Q(side_a__room=one.room_id, side_b__room=other.room_id)
    ends |= Q(side_a__room=other.room_id, side_b__room=one.room_id)
    owners = [one.owner_id, other.owner_id]
    mine = Q(side_a__owner__in=owners) | Q(side_b__owner__in=owners)
    return Tube.objects.not_closed().filter(ends, mine).first()


def tube_just_opened(*, by: User, far: End, code: str) -> Tube | None:
    """The Tube that `by` opened a moment ago between the room `far` and the listed one of this code.

    Who presses a button twice, where no script keeps them from it, wanted one Tube, and has it. Two queries.
    """
    listing = RoomListing.objects.owned_by(by).select_related("account").filter(code=code).first()
    if listing is None:
        return None
    near = end_of(listing)
    ends = Q(**_is_at("side_a", far), **_is_at("side_b", near))
    ends |= Q(**_is_at("side_a", near), **_is_at("side_b", far))
    fresh = Tube.objects.not_closed().filter(opened_by=by, created_at__gt=clock.now() - A_MOMENT)
    return fresh.filter(ends).order_by("-pk").first()


def _is_at(side: str, end: End) -> dict[str, str]:
    return {f"{side}__room__{name}": value for name, value in zip(END, end, strict=True)}


def tube_join(*, seat_a: Seat, seat_b: Seat, by: User, typed_by: str) -> Tube:
    """Open a Tube between two Seats in use, loaded with account, room and owner.

    Network I/O: both rooms are read first. Then one transaction. Raises TubeRefused, and then nothing has
    been saved. Why the room of another owner cannot be read is told to nobody else.
    """
    if seat_a.room_id == seat_b.room_id:
        raise TubeRefused("A Tube needs two different rooms; these two are the same one.")
    if tube_between(seat_a, seat_b):
        raise TubeRefused(JOINED)
    side_a, side_b = seat_look(seat_a, by), seat_look(seat_b, by)
    for seat, side in ((seat_a, side_a), (seat_b, side_b)):
        if side.end != (seat.room.kind, seat.room.space, seat.room.remote_id):
            raise TubeRefused(f"{seat.room.name} has gone on as another room. Open the Tube by hand.")
    with saving():
        rooms = lock_rooms(side_a, side_b)
        if Seat.objects.in_use().filter(pk__in=[seat_a.pk, seat_b.pk]).count() < 2:
            raise TubeRefused("One of these rooms was disconnected just now.")
        for seat, side in ((seat_a, side_a), (seat_b, side_b)):
            seat_keep(seat, side=side, room=rooms[side.end])
        return tube_save(Taken(seat_a, side_a), Taken(seat_b, side_b), by=by, typed_by=typed_by)
