"""Opening a Tube: nothing is saved before both rooms have been read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from django.db import IntegrityError, transaction

from accounts.models import LinkedAccount, User
from connectors.base import Cursor, Reading, RoomId, RoomInfo
from connectors.errors import ConnectorError
from connectors.markup.sanitize import clean_name
from sameroom import clock
from tubes.models import Event, Portal, Post, Room, RoomListing, Seat, Tube
from tubes.relay import bell, health, news
from tubes.relay.listening import marking

# A physical room: kind, space, remote id.
End = tuple[str, str, str]
END = ("kind", "space", "remote_id")
# How many newest items two owners' accounts compare to prove that they see the same room.
PROOF_ITEMS = 20


class TubeRefused(Exception):
    """A Tube cannot be opened or resumed; `str(error)` is the sentence for the user."""


@dataclass(frozen=True, slots=True)
class Side:
    """One end of a Tube to be: what its service has just said of the room."""

    account: LinkedAccount
    info: RoomInfo
    newest: Sequence[Cursor]
    is_polled: bool  # else its service pushes
    is_proved: bool = False  # to have been let in is to be in the very room that others are in

    @property
    def end(self) -> End:
        """The physical room, as its service names it."""
        return (self.account.kind, self.account.space, self.info.id)

    @property
    def name(self) -> str:
        """The room's name, cleaned."""
        return clean_name(self.info.name)

    @property
    def marker(self) -> Cursor | None:
        """The newest item: what was said up to there does not cross."""
        return self.newest[-1] if self.newest else None


@dataclass(frozen=True, slots=True)
class Taken:
    """A Seat at one end of a Tube to be, in a room that is locked, with what was just read there."""

    seat: Seat
    side: Side


def tube_open(*, owner: User, listing_a: RoomListing, listing_b: RoomListing) -> Tube:
    """Open a Tube between two rooms that `owner` reaches through accounts of theirs.

    Network I/O: both rooms are read first. Then one transaction. Raises TubeRefused, and then
    nothing has been saved.
    """
    for listing in (listing_a, listing_b):
        if listing.owner_id != owner.pk:
            raise TubeRefused("This room is not reached through an account of yours.")
    require_two_rooms(owner, end_of(listing_a), end_of(listing_b))
    side_a, side_b = look_at(listing_a), look_at(listing_b)
    require_two_rooms(owner, side_a.end, side_b.end)  # again, by what the services call them
    with saving():
        invitations_accepted(listing_a, listing_b)
        rooms = lock_rooms(side_a, side_b)
        seat_a = seat_take(owner=owner, side=side_a, room=rooms[side_a.end])
        seat_b = seat_take(owner=owner, side=side_b, room=rooms[side_b.end])
        return tube_save(Taken(seat_a, side_a), Taken(seat_b, side_b), by=owner)


@contextmanager
def saving() -> Iterator[None]:
    """The transaction that saves a Tube. TubeRefused where the same one was opened at the same moment."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise TubeRefused("These two rooms are joined by a Tube already.") from error


def invitations_accepted(*listings: RoomListing) -> None:
    """To read a room its invitation was accepted."""
    RoomListing.objects.filter(pk__in=[listing.pk for listing in listings]).update(is_invitation=False)


def require_two_rooms(owner: User, end_a: End, end_b: End) -> None:
    """TubeRefused where these are one room, or joined by a Tube of this owner's. Two queries."""
    if end_a == end_b:
        raise TubeRefused("A Tube needs two different rooms; these two are the same one.")
    if end_b in joined_to(owner, end_a):
        raise TubeRefused("These two rooms are joined by a Tube of yours already. You find it under Manage.")


def joined_to(owner: User, end: End) -> set[End]:
    """The physical rooms that open Tubes of this owner's join to one. Two queries."""
    joined: set[End] = set()
    for near, far in (("side_a", "side_b"), ("side_b", "side_a")):
        here = {f"{near}__room__{name}": value for name, value in zip(END, end, strict=True)}
        tubes = Tube.objects.owned_by(owner).not_closed().filter(**here)
        joined.update(tubes.values_list(*(f"{far}__room__{name}" for name in END)))
    return joined


def end_of(listing: RoomListing) -> End:
    """The physical room that a listing leads to."""
    return (listing.account.kind, listing.account.space, listing.remote_id)


def look_at(listing: RoomListing) -> Side:
    """Read a room through its account. Network I/O; may be repeated. TubeRefused where that fails."""
    account = listing.account
    if not account.is_usable:
        raise TubeRefused(f"The account {account} needs attention first: see Accounts.")
    try:
        connector = account.connector()
        info = connector.room(RoomId(listing.remote_id))
        can = connector.capabilities
        history = can.history
        newest = connector.newest(info.id, PROOF_ITEMS) if history and not info.is_archived else []
    except ConnectorError as error:
        raise TubeRefused(f"{listing.name}: {error}") from error
    if info.is_archived:
        raise TubeRefused(f"{listing.name} is archived at {account.label}. Unarchive it there first.")
    is_polled = can.reading is Reading.POLL
    return Side(account, info, newest, is_polled=is_polled, is_proved=can.entering_proves)


def tube_save(
    a: Taken,
    b: Taken,
    *,
    by: User,
    portal: Portal | None = None,
    typed_by: str = "",
    known_to: Collection[int] | None = None,
) -> Tube:
    """Save an open Tube between two Seats that were just taken; their owners may differ.

    Inside the transaction that has locked the rooms. `known_to` are the users who need not be told; without
    it, whoever will be told otherwise.
    """
    tube = Tube(
        side_a=a.seat,
        side_b=b.seat,
        portal=portal,
        typed_by=typed_by,
        opened_by=by,
        status_by=by,
        status_since=clock.now(),
    )
    set_markers(tube, a.side.marker, b.side.marker)
    tube.save()
    for taken in (a, b):
        health.choose_reader(taken.seat.room)
    if known_to is None:  # what came of a Portal or a command both owners are told as that
        known_to = {a.seat.owner_id, b.seat.owner_id} if portal or typed_by else {by.pk}
    news.opened(tube, known_to)
    return tube


def lock_rooms(*sides: Side) -> dict[End, Room]:
    """The rows of the sides' rooms, made where there are none, locked until the transaction ends.

    Always in one order: A to B and B to A, opened at once, would wait for each other. TubeRefused where
    the purge has just taken one away, in which nobody had a Seat any more.
    """
    found = [
        Room.objects.get_or_create(**dict(zip(END, side.end, strict=True)), defaults={"name": side.name})[0]
        for side in sorted(sides, key=lambda side: side.end)
    ]
    locked = Room.objects.select_for_update(no_key=True).filter(pk__in=[room.pk for room in found])
    rooms = {(room.kind, room.space, room.remote_id): room for room in locked.order_by("pk")}
    if len(rooms) < len(found):
        raise TubeRefused("A room was being tidied up at this moment. Try again.")
    return rooms


def set_markers(tube: Tube, marker_a: Cursor | None, marker_b: Cursor | None) -> None:
    """Note where each side's room stands; the row is not saved."""
    tube.marker_a_id, tube.marker_a_time = (marker_a.id, marker_a.time) if marker_a else ("", None)
    tube.marker_b_id, tube.marker_b_time = (marker_b.id, marker_b.time) if marker_b else ("", None)


def seat_take(*, owner: User, side: Side, room: Room) -> Seat:
    """The owner's Seat in a room that was just read and is locked, made where there is none.

    Inside a transaction. Raises TubeRefused where a room of somebody else's cannot be proved to be
    the same one.
    """
    others = Seat.objects.in_use().filter(room=room).exclude(owner=owner)
    if others.exists() and not (side.is_proved or _sees_the_same(room, side.newest)):
        raise TubeRefused(
            f"{room.name} is connected by somebody else, and what your account reads there does not "
            "match yet. Say something in the room, wait a few seconds, and try again."
        )
    seat, _ = Seat.objects.get_or_create(owner=owner, account=side.account, room=room)
    return seat_keep(seat, side=side, room=room)


def seat_keep(seat: Seat, *, side: Side, room: Room) -> Seat:
    """A Seat whose room was just read and is locked works, and has its room read from here on.

    Inside a transaction; what proves that its owner sees that room was shown when it was taken.
    """
    seat.room = room
    health.seat_works(seat)
    marking.mark([seat.pk])
    _watch(room, side)
    return seat


def _sees_the_same(room: Room, newest: Sequence[Cursor]) -> bool:
    """Whether an item that the room's reader has read is among the newest that this account reads."""
    ids = [cursor.id for cursor in newest]
    if room.read_id in ids:
        return True
    return (
        Event.objects.filter(room=room, remote_id__in=ids).exists()
        or Post.objects.filter(room=room, remote_id__in=ids).exists()
    )


def _watch(room: Room, side: Side) -> None:
    """Have the room read from here on; where it is read already, reading just goes on."""
    if room.next_poll_at is None:
        marker = side.marker
        room.read_id, room.read_time = (marker.id, marker.time) if marker else ("", None)
        room.next_poll_at = clock.now() if side.is_polled else None
    room.name, room.is_archived = side.name, side.info.is_archived
    told = ["name", "folded_name", "is_archived"]
    room.save(update_fields=["read_id", "read_time", "next_poll_at", *told])
    transaction.on_commit(partial(_ring_reader, room.pk))


def _ring_reader(room_id: int) -> None:
    """Have a freshly watched room read at once."""
    reader = LinkedAccount.objects.filter(seats__pk__in=Room.objects.filter(pk=room_id).values("reader"))
    for account_id, fence in reader.values_list("pk", "poll_fence"):
        bell.ring_account(account_id, fence=fence)
