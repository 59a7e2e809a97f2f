"""Pausing, resuming and closing Tubes, and which rooms are read because of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from accounts.models import LinkedAccount, User
from sameroom import clock
from tubes.models import Room, RoomListing, Seat, Tube
from tubes.relay import access, handover, health, hooking, news
from tubes.services.opening import Side, TubeRefused, look_at, set_markers

# Nothing that waited before a pause crosses after it.
NOTHING_EARLIER: Final = {"earlier_since": None, "earlier_until": None}


def tubes_of_account(account: LinkedAccount) -> QuerySet[Tube]:
    """The open Tubes that end when this account is removed."""
    ends = Q(side_a__account=account) | Q(side_b__account=account)
    return Tube.objects.filter(ends).not_closed().with_sides().order_by("-pk")


def tube_pause(*, tube: Tube, by: User, tells: bool = True) -> bool:
    """Let nothing pass until resumed; what is said meanwhile stays unsaid at the other side.

    Without `tells` whoever calls this tells the other owner.
    """
    if tube.status != Tube.Status.ACTIVE:
        return False
    with transaction.atomic():
        moved = _move(tube, Tube.Status.PAUSED, by)
        if moved and tells:
            news.paused(tube, by)
    return moved


def tube_resume(*, tube: Tube, by: User, is_operator: bool = False) -> bool:
    """Let pass what is said from now on. Network I/O: both rooms are read for where "now" is.

    Raises TubeRefused where a room cannot be read; the Tube then stays paused. Only operators are told why
    somebody else's side cannot.
    """
    if tube.status != Tube.Status.PAUSED:
        return False  # one that was closed comes back by `tube_reopen`
    side_a, side_b = (seat_look(seat, None if is_operator else by) for seat in (tube.side_a, tube.side_b))
    set_markers(tube, side_a.marker, side_b.marker)
    markers = {
        name: getattr(tube, name) for side in "ab" for name in (f"marker_{side}_id", f"marker_{side}_time")
    } | NOTHING_EARLIER
    with transaction.atomic():
        if moved := _move(tube, Tube.Status.ACTIVE, by, **markers):
            news.resumed(tube, by)
    return moved


def tube_retry(*, tube: Tube, by: User) -> None:
    """Look again whether the sides of `by` can enter their rooms. Network I/O; may be repeated."""
    for seat in (tube.side_a, tube.side_b):
        if seat.owner_id == by.pk:
            access.check(seat.pk)


def tube_close(*, tube: Tube, by: User, tells: bool = True) -> bool:
    """End a Tube for good. Its rooms are read on only where others need it. `tells` as for `tube_pause`."""
    with transaction.atomic():
        moved = tube_end(tube=tube, by=by)
        rooms_rewatch([tube.side_a.room_id, tube.side_b.room_id])
        if moved and tells:
            news.closed(tube, by)
    return moved


def tube_end(*, tube: Tube, by: User, at: datetime | None = None) -> bool:
    """Move a Tube to closed, and nothing else: whoever does has its rooms looked at, in the transaction.

    `at` is the moment to be noted, where it is to be the same for several.
    """
    was_active = tube.status == Tube.Status.ACTIVE
    since = Coalesce(F("earlier_since"), F("status_since")) if was_active else None
    return _move(tube, Tube.Status.CLOSED, by, at=at, earlier_since=since, earlier_until=None)


def rooms_rewatch(room_ids: Iterable[int]) -> None:
    """Stop reading rooms that no open Tube or Portal touches; find readers and ways for the others.

    Inside a transaction, which has closed or removed Tubes or Portals. The rooms are locked, always in one
    order, so that a Tube being opened at this moment is seen, or sees that its room is not read.
    """
    rooms = Room.objects.select_for_update(no_key=True).filter(pk__in=list(room_ids)).order_by("pk")
    for room in rooms:
        if not Seat.objects.in_use().filter(room=room).exists():
            Room.objects.filter(pk=room.pk).update(next_poll_at=None)
            hooking.mark(room.seats.exclude(hook_id="").values_list("pk", flat=True))
            continue
        health.choose_reader(room)
        unused = room.seats.exclude(pk__in=Seat.objects.joined().values("pk"))
        for seat_id in unused.values_list("pk", flat=True):
            handover.retire(seat_id)


def seat_look(seat: Seat, by: User | None) -> Side:
    """Read a Seat's room; one that had failed and can do so works again. Network I/O. Raises TubeRefused.

    Why the other party's side cannot be read is told to nobody but its owner, and operators (`by` None).
    """
    listing = RoomListing(account=seat.account, remote_id=seat.room.remote_id, name=seat.room.name)
    try:
        side = look_at(listing)
    except TubeRefused:
        if by is None or seat.owner_id == by.pk:
            raise
        raise TubeRefused("The other party's room cannot be read at the moment. Try again later.") from None
    health.seat_works(seat)
    return side


def _move(tube: Tube, to: Tube.Status, by: User, *, at: datetime | None = None, **changes: object) -> bool:
    """Compare-and-swap a Tube's state; False where it is there already or somebody was first."""
    if to not in Tube.MOVES[tube.status]:
        return False
    rows = Tube.objects.filter(pk=tube.pk, status=tube.status)
    moved = rows.update(status=to, status_by=by, status_since=at or clock.now(), **changes) == 1
    if moved:
        tube.status = to
    return moved
