"""News of Tubes: opened, closed, paused, resumed, standing still, working again.

Told to the owner who did not bring it about, on Manage; said in a room only where its owner wants to hear
of that there. The same is told once an hour at the most.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.db import transaction
from django.db.models import F, Q

from accounts.models import User
from sameroom import clock
from tubes.models import Notice, Seat, Tube
from tubes.relay import notices

Kind = Notice.Kind


def opened(tube: Tube, known_to: Collection[int]) -> None:
    """A Tube was opened, of which these users know. Inside the caller's transaction; so are all of these."""
    _both(
        tube,
        known_to,
        Kind.OPENED,
        "A Tube to {room} is open: what is said in one room is heard in the other.",
    )


def paused(tube: Tube, by: User) -> None:
    """Somebody paused a Tube."""
    _both(tube, {by.pk}, Kind.PAUSED, "The Tube to {room} is paused: nothing passes until it is resumed.")


def resumed(tube: Tube, by: User) -> None:
    """Somebody resumed a Tube."""
    _both(tube, {by.pk}, Kind.RESUMED, "The Tube to {room} is resumed: what is said from now on passes.")


def closed(tube: Tube, by: User) -> None:
    """Somebody closed a Tube. A room that no other Tube touches hears it only if its lane is idle."""
    _both(tube, {by.pk}, Kind.CLOSED, "The Tube to {room} is closed.")


def ended(ends: Iterable[tuple[Seat, str]], by: User) -> None:
    """Tubes ended as what stood at their other side was removed: (the Seat that is left, the other room)."""
    for seat, room in ends:
        _tell(seat, Kind.CLOSED, f"The Tube to {room} is closed: its other side was removed.", {by.pk})


def ends_left_by(tubes: Iterable[Tube], gone: Iterable[int]) -> list[tuple[Seat, str]]:
    """What `ended` wants, of Tubes loaded `with_sides()` at Seats that are about to be deleted. No query."""
    lost = set(gone)
    left = []
    for tube in tubes:
        for seat, other in ((tube.side_a, tube.side_b), (tube.side_b, tube.side_a)):
            if other.pk in lost and seat.pk not in lost:
                left.append((seat, other.room.name))
    return left


def stands_still(seats: Iterable[int]) -> None:
    """These Seats cannot be used any more: what is said at the other sides waits."""
    text = (
        "The Tube to {room} stands still: its other side cannot be reached. What is said here follows later."
    )
    _across(seats, Kind.FAILING, text)


def works_again(seats: Iterable[int]) -> None:
    """These Seats can be used again."""
    _across(seats, Kind.WORKING, "The Tube to {room} works again.")


def _across(seats: Iterable[int], kind: Notice.Kind, text: str) -> None:
    """Tell the other sides of the active Tubes at these Seats: their owners, and rooms that take news."""
    mine = set(seats)
    tubes = Tube.objects.filter(Q(side_a__in=mine) | Q(side_b__in=mine), status=Tube.Status.ACTIVE)
    for tube in tubes.with_sides().order_by("pk"):
        for seat, other in ((tube.side_a, tube.side_b), (tube.side_b, tube.side_a)):
            if other.pk in mine and seat.pk not in mine:
                _tell(seat, kind, text.replace("{room}", other.room.name), {other.owner_id})


def _both(tube: Tube, known_to: Collection[int], kind: Notice.Kind, text: str) -> None:
    for seat, other in ((tube.side_a, tube.side_b), (tube.side_b, tube.side_a)):
        _tell(seat, kind, text.replace("{room}", other.room.name), known_to)


def _tell(seat: Seat, kind: Notice.Kind, text: str, known_to: Collection[int]) -> None:
    """Nothing is noted for an owner who knows, unless the room hears it: then it is put away already."""
    is_known = seat.owner_id in known_to
    if is_known and not seat.takes_news:
        return
    now = clock.now()
    with transaction.atomic():
        notices.one_at_a_time(seat)
        recent = Notice.objects.filter(seat=seat, kind=kind, text=text, created_at__gt=now - notices.AGAIN)
        if recent.update(count=F("count") + 1):
            return
        told = Notice.objects.create(
            owner_id=seat.owner_id,
            seat=seat,
            kind=kind,
            text=text,
            created_at=now,
            dismissed_at=now if is_known else None,
        )
        notices.drop_oldest(seat.owner_id)
        if seat.takes_news:
            notices.post(seat, f"notice-{told.pk}", text)
