"""What did not arrive at an owner's Seats, as that owner may see it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.utils.text import Truncator

from accounts.models import User
from connectors.base import Kind
from connectors.markup import plain
from connectors.markup.tree import from_json
from tubes.models import Delivery, Event, Tube
from tubes.relay.notices import STRANGE_ROOM
from tubes.relay.rendering import author_name
from tubes.relay.standing import MOST
from tubes.services.again import LOST, Prospect, prospects
from tubes.services.state import Standing

EXCERPT = 120  # characters of a text
_NAMES = {
    Kind.EDIT.value: "An edit",
    Kind.DELETE.value: "A deletion",
    Kind.REACTION.value: "A reaction",
    Kind.UNREACTION.value: "A reaction’s removal",
}


@dataclass(frozen=True, slots=True)
class Lost:
    """One delivery that did not arrive, or may not have."""

    delivery: Delivery
    what: str
    author: str
    origin: str  # the name of the room it was said in, where the viewer may know it
    text: str  # how it begins; empty where it is not kept, or not for the viewer to read
    why_not: str  # why it cannot be sent again; empty where it can


def undelivered_of(*, tube: Tube, viewer: User) -> QuerySet[Delivery]:
    """What did not arrive at the viewer's own sides of a Tube loaded `with_sides()`, newest first.

    Each owner is told of the lane they own: what is wrong with it is for them to mend.
    """
    own = [seat.pk for seat in (tube.side_a, tube.side_b) if seat.owner_id == viewer.pk]
    found = Delivery.objects.filter(seat__in=own, status__in=LOST, origin__isnull=False).order_by("-pk")
    return found.select_related("event__room", "carries", "room", "seat__account")


def undelivered_rows(*, deliveries: Collection[Delivery], tube: Tube, viewer: User) -> list[Lost]:
    """These deliveries of the viewer's, as a page shows them. Three queries, as a rule."""
    known = rooms_known(deliveries, tube, viewer)
    looked_at = prospects(deliveries)
    return [_lost(delivery, looked_at[delivery.pk], known) for delivery in deliveries]


def undelivered_words(tube: Tube, known: Standing) -> str:
    """How much did not arrive at the viewer's sides, as a sentence; empty where all did. No I/O."""
    counts = [known.undelivered[pk] for pk in (tube.side_a_id, tube.side_b_id) if pk in known.undelivered]
    failed, unknown = sum(count.failed for count in counts), sum(count.unknown for count in counts)
    if failed and unknown:
        return f"{_messages(failed, 'was', 'were')} not delivered, {_number(unknown)} may not have arrived."
    if failed:
        return f"{_messages(failed, 'was', 'were')} not delivered."
    return f"{_messages(unknown, 'may', 'may')} not have arrived." if unknown else ""


def kind_in_words(event: Event) -> str:
    """What sort of thing happened, as a sentence begins."""
    return _NAMES.get(event.kind, "A message")


def _messages(count: int, one: str, many: str) -> str:
    return f"1 message {one}" if count == 1 else f"{_number(count)} messages {many}"


def _number(count: int) -> str:
    return str(count) if count <= MOST else f"more than {MOST}"


def _lost(delivery: Delivery, prospect: Prospect, known: Collection[int]) -> Lost:
    event = delivery.event
    return Lost(
        delivery=delivery,
        what=kind_in_words(event),
        author=author_name(event, delivery.seat.name_style),
        origin=event.room.name if event.room and event.room_id in known else STRANGE_ROOM,
        text=_excerpt(prospect.says) if _may_read(delivery) else "",
        why_not=prospect.why_not,
    )


def _may_read(delivery: Delivery) -> bool:
    """What was to be posted in somebody's room, by their account, they would have read there.

    But only while they can enter that room.
    """
    seat = delivery.seat
    return not seat.failure and not delivery.room.is_archived and seat.account.is_usable


def _excerpt(event: Event) -> str:
    if event.body is None:
        return ""
    text = " ".join(plain.render(from_json(event.body)).split())
    return Truncator(text).chars(EXCERPT)


def rooms_known(deliveries: Collection[Delivery], tube: Tube, viewer: User) -> set[int]:
    """The rooms whose names the viewer knows: those at the other ends of their Tubes. One query."""
    origins = {delivery.origin_id for delivery in deliveries}
    ends = Q(side_a__room__in=origins) | Q(side_b__room__in=origins)
    tubes = Tube.objects.owned_by(viewer).not_closed().filter(ends)
    pairs = tubes.values_list("side_a__room", "side_b__room")
    return {room for pair in pairs for room in pair} | {tube.side_a.room_id, tube.side_b.room_id}
