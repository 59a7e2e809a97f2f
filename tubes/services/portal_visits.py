"""Portals as visitors meet them: whether one lets them in, joining a room, asking for it, deciding."""

from __future__ import annotations

from enum import Enum

from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts.models import User
from sameroom import clock
from tubes.models import Notice, Portal, PortalRequest, RoomListing, Tube
from tubes.relay import notices
from tubes.services import portal_letters
from tubes.services.opening import (
    END,
    End,
    Side,
    Taken,
    TubeRefused,
    end_of,
    invitations_accepted,
    lock_rooms,
    look_at,
    require_two_rooms,
    saving,
    seat_keep,
    seat_take,
    tube_save,
)
from tubes.services.options import options_set
from tubes.services.portals import options_take, tubes_of_portal

MOST_WAITING = 50  # of one Portal: nobody reads through more

Status = PortalRequest.Status


class Door(Enum):
    """Whether a Portal lets its visitor in; the value is the sentence for who is not."""

    OPEN = ""
    DELETED = "This Portal was deleted by its owner. Ask them for another one."
    EXPIRED = "This Portal has expired. Ask its owner to prolong it."
    FULL = "This Portal has as many Tubes as its owner lets it have. Try again when one was closed."
    OUT_OF_REACH = "The room that this Portal leads to cannot be reached at the moment. Try again later."
    OWN = "This Portal is your own. It is for others: send them its address."


# What its owner is told who lets somebody in that came before.
FOR_ITS_OWNER = {
    Door.DELETED: "You have deleted this Portal.",
    Door.EXPIRED: "This Portal has expired. Give it a later day under its options, then approve again.",
    Door.FULL: "This Portal has as many Tubes as you let it have. Close one, or let it have more under its "
    "options, then approve again.",
    Door.OUT_OF_REACH: "Your room cannot be reached at the moment. See Manage for why.",
}


def portal_door(portal: Portal, visitor: User | None = None, *, open_tubes: int | None = None) -> Door:
    """Whether this Portal, loaded `with_seat()`, lets its visitor in. One query where it has a maximum.

    None, where the number of its open Tubes is known.
    """
    seat = portal.seat
    if portal.deleted_at is not None:
        return Door.DELETED
    if visitor is not None and visitor.pk == seat.owner_id:
        return Door.OWN
    if portal.has_expired:
        return Door.EXPIRED
    is_usable = seat.account.is_usable and seat.owner.is_active
    if seat.failure or seat.room.is_archived or not is_usable:
        return Door.OUT_OF_REACH
    return Door.FULL if _is_full(portal, open_tubes) else Door.OPEN


def portal_join(
    *, portal: Portal, visitor: User, listing: RoomListing, typed_by: str = ""
) -> Tube | PortalRequest:
    """Join a room of the visitor's to a Portal's: by a Tube at once, or by asking where its owner approves.

    `typed_by` is who typed the command that asks for it.

    Network I/O: both rooms are read first. Then one transaction. Raises TubeRefused, and then nothing has
    been saved. What is wrong with the Portal's room is told to nobody but its owner.
    """
    if listing.owner_id != visitor.pk:
        raise TubeRefused("This room is not reached through an account of yours.")
    _require_open(portal, visitor)
    require_two_rooms(visitor, end_of_portal(portal), end_of(listing))
    theirs, own = look_at_portal(portal), look_at(listing)
    _require_not_joined(portal, visitor, theirs, own)
    if portal.needs_approval:
        return _ask(portal, visitor, listing, own)
    with saving():
        invitations_accepted(listing)
        return _join(_locked(portal, visitor), visitor, theirs, own, typed_by=typed_by)


def portal_request_approve(*, request: PortalRequest, by: User) -> Tube:
    """Open the Tube that a visitor has asked for. Network I/O, as `portal_join`; raises TubeRefused."""
    portal, visitor = request.portal, request.visitor
    listing = RoomListing(account=request.account, remote_id=request.remote_id, name=request.room_name)
    theirs = look_at_portal(portal, by=by)
    try:
        own = look_at(listing)
    except TubeRefused:
        raise TubeRefused(
            f"{request.room_name} cannot be read at the moment. Try again later, or decline."
        ) from None
    _require_not_joined(portal, visitor, theirs, own)
    with saving():
        locked = _locked(portal, visitor, by=by)
        if not _move(request, Status.APPROVED):
            raise TubeRefused("This request is not waiting any more.")
        tube = _join(locked, visitor, theirs, own, told=False)
        PortalRequest.objects.filter(pk=request.pk).update(tube=tube)
        portal_letters.approved(request, tube)
    return tube


def portal_request_decline(*, request: PortalRequest) -> bool:
    """Open no Tube; the visitor is told by mail. False where it was decided, or withdrawn, already."""
    with transaction.atomic():
        moved = _move(request, Status.DECLINED)
        if moved:
            portal_letters.declined(request)
    return moved


def portal_request_withdraw(*, request: PortalRequest) -> bool:
    """Its visitor does not want it any more, or has read that it was declined. False where it is over."""
    return _move(request, Status.WITHDRAWN)


def end_of_portal(portal: Portal) -> End:
    """The physical room that a Portal leads to."""
    room = portal.seat.room
    return (room.kind, room.space, room.remote_id)


def look_at_portal(portal: Portal, by: User | None = None) -> Side:
    """Read a Portal's room. Network I/O; may be repeated. Only its owner is told in TubeRefused why not."""
    seat = portal.seat
    try:
        side = look_at(RoomListing(account=seat.account, remote_id=seat.room.remote_id, name=seat.room.name))
    except TubeRefused:
        if by is not None and by.pk == seat.owner_id:
            raise
        raise TubeRefused(Door.OUT_OF_REACH.value) from None
    if side.end != end_of_portal(portal):  # it goes on as another one: its owner's account will tell
        raise TubeRefused(Door.OUT_OF_REACH.value)
    return side


def _is_full(portal: Portal, open_tubes: int | None) -> bool:
    if portal.most_tubes is None:
        return False
    known = open_tubes if open_tubes is not None else tubes_of_portal(portal).count()
    return known >= portal.most_tubes


def _require_open(portal: Portal, visitor: User, *, by: User | None = None) -> None:
    door = portal_door(portal, visitor)
    if door is not Door.OPEN:
        is_owner = by is not None and by.pk == portal.seat.owner_id
        raise TubeRefused(FOR_ITS_OWNER.get(door, door.value) if is_owner else door.value)


def _require_not_joined(portal: Portal, visitor: User, theirs: Side, own: Side) -> None:
    """By what the services call the rooms. Whoever can read a room may know what it is joined to."""
    require_two_rooms(visitor, theirs.end, own.end)
    tubes = tubes_of_portal(portal)
    same = {f"side_b__room__{name}": value for name, value in zip(END, own.end, strict=True)}
    if tubes.filter(**same).exists():
        raise TubeRefused(f"{own.name} is joined to this Portal’s room already, by somebody else.")


def _locked(portal: Portal, visitor: User, *, by: User | None = None) -> Portal:
    """The Portal as it stands, if it still lets this visitor in. Inside a transaction: one at a time."""
    fresh = Portal.objects.select_for_update(no_key=True, of=("self",)).with_seat().get(pk=portal.pk)
    _require_open(fresh, visitor, by=by)
    return fresh


def _join(
    portal: Portal, visitor: User, theirs: Side, own: Side, *, told: bool = True, typed_by: str = ""
) -> Tube:
    rooms = lock_rooms(theirs, own)
    at_seat = Q(side_a=portal.seat) | Q(side_b=portal.seat)
    is_first = not Tube.objects.not_closed().filter(at_seat).exists()
    near = seat_keep(portal.seat, side=theirs, room=rooms[theirs.end])
    if is_first:  # later ones must not undo what its owner has set for the room meanwhile
        options_set(seat=options_take(near, portal.options))
    far = seat_take(owner=visitor, side=own, room=rooms[own.end])
    tube = tube_save(Taken(near, theirs), Taken(far, own), by=visitor, portal=portal, typed_by=typed_by)
    if told:
        notices.tell(near, Notice.Kind.PORTAL, portal_letters.words_of_joining(tube), in_room=False)
        portal_letters.joined(tube)
    return tube


def _ask(portal: Portal, visitor: User, listing: RoomListing, own: Side) -> PortalRequest:
    try:
        with transaction.atomic():
            invitations_accepted(listing)
            locked = _locked(portal, visitor)
            if locked.requests.waiting().count() >= MOST_WAITING:
                raise TubeRefused("Too many wait for this Portal’s owner already. Try again later.")
            request = PortalRequest.objects.create(
                portal=locked,
                visitor=visitor,
                account=listing.account,
                remote_id=own.info.id,
                room_name=own.name,
            )
            portal_letters.asked(request)
    except IntegrityError as error:
        raise TubeRefused(f"You have asked for {own.name} already. Its owner has not decided yet.") from error
    return request


def _move(request: PortalRequest, to: PortalRequest.Status) -> bool:
    """Compare-and-swap a request's state; False where somebody was first."""
    if to not in PortalRequest.MOVES[request.status]:
        return False
    rows = PortalRequest.objects.filter(pk=request.pk, status=request.status)
    moved = rows.update(status=to, status_since=clock.now()) == 1
    if moved:
        request.status = to
    return moved
