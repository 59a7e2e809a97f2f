"""Portals from inside a room: its own addresses, and following somebody else's."""

from __future__ import annotations

import re
from typing import Final

from django.conf import settings
from django.urls import reverse

from tubes.models import Notice, Portal, PortalRequest, RoomListing, Tube
from tubes.relay import notices
from tubes.services.commanding.asked import Answer, Asked
from tubes.services.joining import tube_between, tube_join
from tubes.services.opening import TubeRefused
from tubes.services.portal_visits import Door, portal_door, portal_join

PORTAL: Final = re.compile(r"/p/(?P<key>[\w-]{1,64})")
MOST: Final = 5  # addresses of one answer
LEADS_NOWHERE: Final = "No Portal has this address. Ask whoever gave it to you for another one."


def portal(asked: Asked) -> Answer:
    """The addresses by which others join rooms of theirs to this one."""
    seat = asked.seat
    portals = Portal.objects.not_deleted().with_seat()
    here = portals.filter(seat__owner=seat.owner_id, seat__room=seat.room_id).order_by("-pk")
    found = [one for one in here if portal_door(one) in (Door.OPEN, Door.FULL)][:MOST]
    if not found:
        address = f"{settings.PUBLIC_URL}{reverse('tubes:portal-create')}"
        return Answer(f"This room has no Portal. The owner of this connection can make one: {address}")
    lines = [f"{settings.PUBLIC_URL}{one.path}" for one in found]
    return Answer("\n".join(["Whoever follows this address joins a room of theirs to this one:", *lines]))


def through_portal(asked: Asked, key: str) -> Answer:
    """Join this room to the one that a Portal leads to. Network I/O; may be repeated."""
    found = Portal.objects.not_deleted().with_seat().filter(key=key).first()
    if found is None:
        return Answer(LEADS_NOWHERE, is_wrong_guess=True)
    here, name = asked.seat, found.seat.room.name
    joined = f"This room and {name} are one conversation now. “-sameroom who” shows who is there."
    if tube_between(found.seat, here) is not None:
        is_ours = asked.command.attempts > 1  # a former attempt, of which nobody knows how it ended
        return Answer(joined if is_ours else f"This room and {name} are joined already.")
    try:
        made = _follow(asked, found)
    except TubeRefused as error:
        if asked.command.attempts > 1 and _has_asked(found, asked):
            return Answer(_asks(name))
        return Answer(str(error))
    told = f"{asked.by} typed a Portal’s address: {here.room.name} "
    if isinstance(made, PortalRequest):
        notices.tell(here, Notice.Kind.COMMAND, f"{told}asks to be joined to {name}.", in_room=False)
        return Answer(_asks(name))
    notices.tell(here, Notice.Kind.COMMAND, f"{told}is joined to {name}.", in_room=False)
    return Answer(joined)


def _follow(asked: Asked, found: Portal) -> Tube | PortalRequest:
    here = asked.seat
    if found.seat.owner_id == here.owner_id:  # both rooms are this owner's: nobody has to be let in
        return tube_join(seat_a=found.seat, seat_b=here, by=here.owner, typed_by=asked.by)
    listing = RoomListing(
        account=here.account, owner=here.owner, remote_id=here.room.remote_id, name=here.room.name
    )
    return portal_join(portal=found, visitor=here.owner, listing=listing, typed_by=asked.by)


def _has_asked(found: Portal, asked: Asked) -> bool:
    waiting = found.requests.waiting().filter(visitor=asked.seat.owner_id)
    return waiting.filter(remote_id=asked.seat.room.remote_id).exists()


def _asks(name: str) -> str:
    return f"The owner of {name} was asked. The Tube opens once they agree."
