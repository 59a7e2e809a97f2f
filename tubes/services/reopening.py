"""Taking back what was just ended: a Tube that was closed, a Portal that was deleted."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from sameroom import clock
from tubes.models import Portal, Tube
from tubes.relay import health
from tubes.services.joining import JOINED, tube_between
from tubes.services.opening import (
    Taken,
    TubeRefused,
    lock_rooms,
    saving,
    seat_take,
    tube_save,
)
from tubes.services.portal_visits import Door, look_at_portal, portal_door
from tubes.services.running import seat_look, tube_pause

WITHIN: Final = timedelta(minutes=10)  # who thinks longer opens a new one
TOO_LATE = "This cannot be taken back any more. Open a new one between the same rooms."
NO_PORTAL = "This Portal cannot be brought back any more. Create a new one."


def tube_reopen(*, tube: Tube, by: User, is_paused: bool = False) -> Tube:
    """Join the rooms of a Tube anew that `by` has closed a moment ago, paused where it was so.

    It is a new Tube: what was said in between does not cross it. Each side shows again that it sees its
    room, for others may have come there since. Network I/O: both rooms are read first. Then one
    transaction. Raises TubeRefused, and then nothing has been saved.
    """
    is_own = tube.status == Tube.Status.CLOSED and tube.status_by_id == by.pk
    if not is_own or _is_over(tube.status_since):
        raise TubeRefused(TOO_LATE)
    _require_last(tube)
    _require_door(tube, by)
    if tube_between(tube.side_a, tube.side_b):
        raise TubeRefused(JOINED)
    sides = [seat_look(tube.side_a, by), seat_look(tube.side_b, by)]
    with saving():
        rooms = lock_rooms(*sides)
        _require_last(tube)
        a, b = (
            Taken(seat_take(owner=seat.owner, side=side, room=rooms[side.end]), side)
            for seat, side in zip((tube.side_a, tube.side_b), sides, strict=True)
        )
        anew = tube_save(a, b, by=by, portal=tube.portal, typed_by=tube.typed_by, known_to={by.pk})
        if is_paused:
            tube_pause(tube=anew, by=by)
    return anew


def _require_last(tube: Tube) -> None:
    """Whoever closed a later one between the same rooms wanted it closed, and is not overruled by this."""
    a, b = tube.side_a.room_id, tube.side_b.room_id
    ends = Q(side_a__room=a, side_b__room=b) | Q(side_a__room=b, side_b__room=a)
    if Tube.objects.filter(ends, pk__gt=tube.pk, status=Tube.Status.CLOSED).exists():
        raise TubeRefused(TOO_LATE)


def _require_door(tube: Tube, by: User) -> None:
    """A visitor comes back by the Portal they came through, or not at all."""
    portal = tube.portal
    if portal is None or portal.seat.owner_id == by.pk:
        return
    door = portal_door(portal, by)
    if door is not Door.OPEN:
        raise TubeRefused(door.value)


def portal_restore(*, portal: Portal) -> None:
    """Let people in again by a Portal, loaded `with_seat()`, that was deleted a moment ago.

    Who waited for approval was declined and told so; that stays. Network I/O: its room is read first. Then
    one transaction. Raises TubeRefused, and then nothing has been saved.
    """
    deleted_at = portal.deleted_at
    if deleted_at is None or _is_over(deleted_at):
        raise TubeRefused(NO_PORTAL)
    side = look_at_portal(portal, by=portal.seat.owner)
    with transaction.atomic():
        room = lock_rooms(side)[side.end]
        seat_take(owner=portal.seat.owner, side=side, room=room)
        Portal.objects.filter(pk=portal.pk, deleted_at=deleted_at).update(deleted_at=None)
        health.choose_reader(room)


def _is_over(ended: datetime) -> bool:
    return clock.now() - ended > WITHIN
