"""Taking back what was just ended: a Tube that was closed, a Portal that was deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from sameroom import clock
from tubes.models import Portal, Tube
from tubes.relay import health, news
from tubes.services.bringing_back import Followed, queue_bring_back, rooms_hold
from tubes.services.joining import JOINED, tube_between
from tubes.services.opening import (
    Side,
    TubeRefused,
    lock_rooms,
    saving,
    seat_take,
    set_markers,
)
from tubes.services.portal_visits import Door, look_at_portal, portal_door
from tubes.services.running import NOTHING_EARLIER, seat_look

WITHIN: Final = timedelta(minutes=10)  # who thinks longer opens a new one
TOO_LATE = "This cannot be taken back any more. Open a new one between the same rooms."
TURN: Final = 15.0  # seconds; whoever pressed Undo waits for it
TOO_SLOW = "The services of the others take too long. Send the Portal’s address once more."
MARKERS: Final = ("marker_a_id", "marker_a_time", "marker_b_id", "marker_b_time")
NO_PORTAL = "This Portal cannot be brought back any more. Create a new one."


@dataclass(frozen=True, slots=True)
class TubesBack:
    """What became of the Tubes that a deletion had closed."""

    joined: int
    stay_closed: list[str]  # for each of these why, a sentence
    followed: Followed


def tube_reopen(*, tube: Tube, by: User) -> Followed:
    """Let a Tube pass again that `by` has closed a moment ago; paused where it was so.

    What waited to cross it follows, in its order; what was said since does not. Each side shows again that
    it sees its room, for others may have come there. Network I/O: both rooms are read first. Then one
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
        closed_at = tube.status_since
        origins = rooms_hold(tube, closed_at)
        rooms = lock_rooms(*sides)
        _require_last(tube)
        _require_door(tube, by)  # once more: somebody may have taken the last place meanwhile
        tube.side_a, tube.side_b = (
            seat_take(owner=seat.owner, side=side, room=rooms[side.end])
            for seat, side in zip((tube.side_a, tube.side_b), sides, strict=True)
        )
        _pass_again(tube, by, *sides)
        if tube.status == Tube.Status.PAUSED:
            return Followed()
        return queue_bring_back(tube=tube, closed_at=closed_at, origins=origins)


def _pass_again(tube: Tube, by: User, side_a: Side, side_b: Side) -> None:
    """Compare-and-swap to what it was before it was closed. Raises TubeRefused where somebody was first."""
    closed_at = tube.status_since
    set_markers(tube, side_a.marker, side_b.marker)
    tube.status = Tube.Status.ACTIVE if tube.earlier_since else Tube.Status.PAUSED
    tube.status_by, tube.status_since = by, clock.now()
    tube.earlier_until = closed_at if tube.earlier_since else None
    changed = ("side_a", "side_b", "status", "status_by", "status_since", *NOTHING_EARLIER, *MARKERS)
    closed = Tube.objects.filter(pk=tube.pk, status=Tube.Status.CLOSED, status_since=closed_at)
    if not closed.update(**{name: getattr(tube, name) for name in changed}):
        raise TubeRefused(JOINED)
    for seat in (tube.side_a, tube.side_b):
        health.choose_reader(seat.room)
    news.opened(tube, {by.pk})


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


def portal_restore(*, portal: Portal) -> TubesBack:
    """Let people in again by a Portal, loaded `with_seat()`, that was deleted a moment ago.

    The Tubes that were closed with it pass again, each as by `tube_reopen`. Who waited for approval was
    declined and told so; that stays. Network I/O: its room is read first, then those of the Tubes, of which
    none is begun after TURN. One transaction for the Portal and for each Tube. Raises TubeRefused, and then
    nothing has been saved.
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
    return _tubes_reopen(portal, deleted_at)


def _tubes_reopen(portal: Portal, closed_at: datetime) -> TubesBack:
    owner = portal.seat.owner
    closed = Tube.objects.filter(portal=portal, status=Tube.Status.CLOSED, status_by=owner)
    closed = closed.filter(status_since=closed_at).with_sides().select_related("portal__seat__owner")
    tubes = list(closed.order_by("pk"))
    followed, stay_closed = Followed(), list[str]()
    ends = clock.monotonic() + TURN
    for tube in tubes:
        try:
            if clock.monotonic() > ends:
                raise TubeRefused(TOO_SLOW)
            followed += tube_reopen(tube=tube, by=owner)
        except TubeRefused as refusal:
            stay_closed.append(str(refusal))
    return TubesBack(len(tubes) - len(stay_closed), stay_closed, followed)


def _is_over(ended: datetime) -> bool:
    return clock.now() - ended > WITHIN
