"""Portals as their owners have them: make one, change it, delete it, close what came through it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import LinkedAccount, User
from sameroom import clock
from tubes.models import Portal, PortalRequest, Room, RoomListing, Seat, Tube
from tubes.relay import health, news
from tubes.services import portal_letters
from tubes.services.opening import END, end_of, invitations_accepted, lock_rooms, look_at, seat_take
from tubes.services.options import OPTIONS
from tubes.services.running import rooms_rewatch, tube_end

AT_ONCE: Final = timedelta(seconds=10)  # within which the same Portal, asked for twice, is one


@dataclass(frozen=True, slots=True)
class Limits:
    """Whom a Portal lets in."""

    needs_approval: bool = False
    expires_at: datetime | None = None
    most_tubes: int | None = None


def portal_create(*, owner: User, listing: RoomListing, limits: Limits, options: Mapping[str, Any]) -> Portal:
    """Bind an address to a room that `owner` reaches through an account of theirs.

    Network I/O: the room is read first. Then one transaction. Asked for the same again at once, it gives the
    Portal that it has just made: of a double click one comes. Raises TubeRefused, and then nothing has been
    saved.
    """
    side = look_at(listing)
    with transaction.atomic():
        invitations_accepted(listing)
        room = lock_rooms(side)[side.end]
        seat = seat_take(owner=owner, side=side, room=room)
        wanted = asdict(limits) | {"options": _known(options)}
        portal = _just_made(seat, wanted) or Portal.objects.create(seat=seat, **wanted)
        health.choose_reader(room)
    return portal


def _just_made(seat: Seat, wanted: Mapping[str, Any]) -> Portal | None:
    lately = Portal.objects.not_deleted().filter(seat=seat, created_at__gt=clock.now() - AT_ONCE)
    same = (one for one in lately if all(getattr(one, name) == value for name, value in wanted.items()))
    return next(same, None)


def portal_change(*, portal: Portal, limits: Limits, options: Mapping[str, Any]) -> bool:
    """Let others in by new limits; for Tubes that are made from now on. False where it was deleted."""
    changed = Portal.objects.not_deleted().filter(pk=portal.pk)
    return bool(
        changed.update(
            options=_known(options),
            needs_approval=limits.needs_approval,
            expires_at=limits.expires_at,
            most_tubes=limits.most_tubes,
        )
    )


def portal_delete(*, portal: Portal, with_tubes: bool = False) -> bool:
    """Let nobody in any more; its Tubes stay, or are closed with it. Who waits for approval is declined.

    Its room is read on only where a Tube, or another Portal, needs it. False where it was gone.
    """
    now = clock.now()
    with transaction.atomic():
        deleted = Portal.objects.not_deleted().filter(pk=portal.pk).update(deleted_at=now)
        if deleted:
            waiting = PortalRequest.objects.waiting().filter(portal=portal)
            for request in list(waiting.with_rooms()):
                declined = {"status": PortalRequest.Status.DECLINED, "status_since": now}
                if waiting.filter(pk=request.pk).update(**declined):
                    portal_letters.declined(request)
            if with_tubes:
                portal_close_tubes(portal=portal, by=portal.seat.owner, at=now)
            rooms_rewatch([portal.seat.room_id])
    return bool(deleted)


def portal_close_tubes(*, portal: Portal, by: User, at: datetime | None = None) -> int:
    """End every Tube that was made through a Portal, also a deleted one; how many there were.

    All at one moment: by it, those that a deletion has closed are known (`portal_restore`).
    """
    at = at or clock.now()
    with transaction.atomic():
        tubes = tubes_of_portal(portal)
        closed = [tube for tube in tubes if tube_end(tube=tube, by=by, at=at)]
        rooms_rewatch({room for tube in closed for room in (tube.side_a.room_id, tube.side_b.room_id)})
        for tube in closed:
            news.closed(tube, by)
    return len(closed)


def tubes_of_portal(portal: Portal) -> QuerySet[Tube]:
    """The open Tubes that were made through a Portal, newest first."""
    return Tube.objects.filter(portal=portal).not_closed().with_sides().order_by("-pk")


def portals_of_account(account: LinkedAccount) -> QuerySet[Portal]:
    """The Portals that end when this account is removed."""
    return Portal.objects.not_deleted().filter(seat__account=account).with_seat().order_by("-pk")


def options_take(seat: Seat, options: Mapping[str, Any]) -> Seat:
    """Give a Seat these options, unsaved; those that are not named stay."""
    for name, value in _known(options).items():
        setattr(seat, name, value)
    return seat


def seat_like(listing: RoomListing) -> Seat:
    """The owner's Seat in a listed room if there is one, else an unsaved one: for what options would do."""
    account = listing.account
    where = {f"room__{name}": value for name, value in zip(END, end_of(listing), strict=True)}
    seats = Seat.objects.owned_by(listing.owner_id).filter(account=account, **where)
    room = Room(**dict(zip(END, end_of(listing), strict=True)), name=listing.name)
    unsaved = Seat(account=account, owner_id=listing.owner_id, room=room)
    return seats.select_related("room", "account").first() or unsaved


def _known(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in OPTIONS if name in options}
