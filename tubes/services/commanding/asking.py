"""Commands that only ask: who is here, how it stands, where the map is."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db.models import Q
from django.urls import reverse

from connectors.base import Kind
from sameroom import clock
from tubes.models import Delivery, Event, Room, Seat, Tube
from tubes.models.tubes import TubeQuerySet
from tubes.relay.rendering import author_name
from tubes.services.commanding.asked import Answer, Asked
from tubes.services.maps import HOURS, map_link_make
from tubes.services.networks import Place, network_of
from tubes.services.state import Standing, TubeState, standing_of, tube_state
from tubes.services.undelivered import undelivered_words

SHOWN: Final = 20  # rooms of one answer
PEOPLE: Final = 8  # named per room
LATELY: Final = timedelta(hours=24)
LOOKED_AT: Final = 200  # newest events of a room


def show_map(asked: Asked) -> Answer:
    """A link to the picture of the network."""
    link = map_link_make(seat=asked.seat)
    address = f"{settings.PUBLIC_URL}{reverse('tubes:network-map', args=[link.key])}"
    return Answer(
        f"A map of the rooms that are joined to this one: {address} – it can be looked at for {HOURS} hours, "
        "by everybody who has this address."
    )


def who(asked: Asked) -> Answer:
    """The rooms of the network, nearest first, and who has said something there lately."""
    network = network_of(asked.command.room)
    lines = [_room_line(place, asked.seat) for place in [*network.places.values()][:SHOWN]]
    more = len(network.places) - SHOWN
    if more > 0 or not network.is_whole:
        lines.append(f"… and {max(more, 0)} rooms more; the map shows them.")
    return Answer("\n".join(["In these rooms people hear each other:", *lines]))


def _room_line(place: Place, seat: Seat) -> str:
    people = _people_of(place.room, seat)
    named = ", ".join(people[:PEOPLE])
    if len(people) > PEOPLE:
        named += f" and {len(people) - PEOPLE} more"
    here = " – this room" if place.distance == 0 else ""
    return f"• {place.full_name}{here}: {named or 'nobody has said anything lately'}"


def _people_of(room: Room, seat: Seat) -> list[str]:
    """Who has said something in a room within a day, as their names are shown here. One query."""
    newest = Event.objects.filter(
        room=room,
        number__gte=room.next_event_number - LOOKED_AT,
        kind=Kind.MESSAGE.value,
        held=Event.Held.NO,
        said_at__gt=clock.now() - LATELY,
    )
    events = newest.only("room_id", "author_id", "author_name", "author_username").order_by("-number")
    people = {event.author_id or event.author_name: author_name(event, seat.name_style) for event in events}
    return sorted(set(people.values()), key=str.casefold)


def status(asked: Asked) -> Answer:
    """How each Tube at this room stands: state, lag, what waits, last error."""
    tubes = list(tubes_here(asked.seat).with_sides().order_by("pk")[: SHOWN + 1])
    if not tubes:
        return Answer("No Tube of this connection touches this room.")
    owner = asked.seat.owner
    known = standing_of(tubes, owner, only_told=False)
    lines = [_tube_line(tube, asked.seat, tube_state(tube, owner, known), known) for tube in tubes[:SHOWN]]
    if len(tubes) > SHOWN:
        lines.append("… and more; Manage shows all of them.")
    return Answer("\n".join(["The Tubes of this room:", *lines]))


def tubes_here(seat: Seat) -> TubeQuerySet:
    """The open Tubes by which a Seat's owner joins its room to others."""
    mine = Q(side_a__room=seat.room_id, side_a__owner=seat.owner_id)
    return Tube.objects.not_closed().filter(mine | Q(side_b__room=seat.room_id, side_b__owner=seat.owner_id))


def far_side(tube: Tube, room_id: int) -> Seat:
    """The Seat at the other end of a Tube that touches this room."""
    return tube.side_b if tube.side_a.room_id == room_id else tube.side_a


def _tube_line(tube: Tube, seat: Seat, state: TubeState, known: Standing) -> str:
    far = far_side(tube, seat.room_id)
    parts = [f"• {far.room.name} ({far.account.team_name or far.account.label}): {state.label.lower()}"]
    there, here = _lag(seat.room, far.room), _lag(far.room, seat.room)
    if there:
        parts.append(f"the last message took {there} there")
    if here:
        parts.append(f"{here} back")
    sentences = [", ".join(parts) + ".", state.reason, undelivered_words(tube, known)]
    return " ".join(sentence for sentence in sentences if sentence)


def _lag(origin: Room, destination: Room) -> str:
    """How long the newest message took that has arrived; "" where none has lately. One query."""
    events = Event.objects.filter(room=origin, number__gte=origin.next_event_number - LOOKED_AT)
    sent = Delivery.objects.filter(
        event__in=events.values("pk"),
        room=destination,
        status=Delivery.Status.SENT,
        finished_at__isnull=False,
    )
    last = sent.select_related("event").order_by("-pk").first()
    if last is None or last.finished_at is None:
        return ""
    return spoken((last.finished_at - last.event.accepted_at).total_seconds())


def spoken(seconds: float) -> str:
    """A short time, for people."""
    if seconds < 10:
        return f"{max(seconds, 0.0):.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
