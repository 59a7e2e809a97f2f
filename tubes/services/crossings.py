"""What crossed a Tube, as its owners may see it: who, when, how it ended and why. Never what was said."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import QuerySet

from accounts.models import User
from tubes.models import Delivery, Seat, Tube
from tubes.relay import sql
from tubes.relay.notices import STRANGE_ROOM
from tubes.relay.rendering import author_name
from tubes.services.again import LOST, prospects
from tubes.services.undelivered import kind_in_words, rooms_known

# What is behind one side of a Tube: the side's own room, and what other open Tubes join to it.
BEHIND = """
    WITH RECURSIVE behind(room_id) AS (
        SELECT r.id FROM tubes_room r WHERE r.id = %s
        UNION
        SELECT far.room_id FROM behind
        JOIN tubes_seat near ON near.room_id = behind.room_id
        JOIN tubes_tube t ON t.status <> 'closed' AND (t.side_a_id = near.id OR t.side_b_id = near.id)
        JOIN tubes_seat far ON far.id = CASE WHEN t.side_a_id = near.id THEN t.side_b_id ELSE t.side_a_id END
        WHERE far.room_id <> %s)
    SELECT room_id FROM behind
"""
THEIR_TROUBLE = "The other party’s side did not take it."
THEIR_DOUBT = "Whether the other party’s side took it is not known."


@dataclass(frozen=True, slots=True)
class Crossing:
    """One thing on its way over a Tube."""

    delivery: Delivery
    what: str
    author: str
    origin: str  # the name of the room it was said in, where the viewer may know it
    why: str  # why it ended so, a sentence; of the other party's side nothing that is theirs
    is_lost: bool  # it failed, or may have, at the viewer's own side
    why_not: str  # why it cannot be sent again; empty where it can


def crossings_of(
    *, tube: Tube, statuses: Collection[str] = (), before: int | None = None, most: int
) -> list[Delivery]:
    """The newest of what crossed a Tube, loaded `with_sides()`, and is older than `before` (a delivery's id).

    Four queries, each by an index, however much there is. Rooms to which both sides lead by other ways
    are left out: their messages may have come either way. Nothing is shown of the time before the Tube.
    """
    behind_a, behind_b = _behind(tube)
    found = [
        delivery
        for seat, origins in ((tube.side_a, behind_b), (tube.side_b, behind_a))
        for delivery in _into(seat, origins, tube, statuses, before)[:most]
    ]
    return sorted(found, key=lambda delivery: -delivery.pk)[:most]


def crossing_rows(*, deliveries: Collection[Delivery], tube: Tube, viewer: User) -> list[Crossing]:
    """These deliveries over the Tube, as a page shows them to an owner of it. Three queries, as a rule."""
    known = rooms_known(deliveries, tube, viewer)
    lost = [it for it in deliveries if it.seat.owner_id == viewer.pk and it.status in LOST]
    looked_at = prospects(lost)
    return [
        _crossing(delivery, viewer, known, looked_at[delivery.pk].why_not if delivery in lost else None)
        for delivery in deliveries
    ]


def _behind(tube: Tube) -> tuple[set[int], set[int]]:
    """The rooms that are surely behind Side A, and those behind Side B. Two queries."""
    ends = tube.side_a.room_id, tube.side_b.room_id
    behind_a, behind_b = ({room for (room,) in sql.rows(BEHIND, pair)} for pair in (ends, ends[::-1]))
    return behind_a - behind_b, behind_b - behind_a


def _into(
    seat: Seat, origins: Collection[int], tube: Tube, statuses: Collection[str], before: int | None
) -> QuerySet[Delivery]:
    found = Delivery.objects.filter(seat=seat, origin__in=origins, created_at__gte=tube.created_at)
    if tube.status == Tube.Status.CLOSED:
        found = found.filter(created_at__lte=tube.status_since)
    if statuses:
        found = found.filter(status__in=statuses)
    if before is not None:
        found = found.filter(pk__lt=before)
    return found.select_related("event__room", "carries", "room", "seat__account").order_by("-pk")


def _crossing(delivery: Delivery, viewer: User, known: Collection[int], why_not: str | None) -> Crossing:
    event = delivery.event
    return Crossing(
        delivery=delivery,
        what=kind_in_words(event),
        author=author_name(event, delivery.seat.name_style),
        origin=event.room.name if event.room and event.room_id in known else STRANGE_ROOM,
        why=_why(delivery) if delivery.seat.owner_id == viewer.pk else _why_theirs(delivery),
        is_lost=why_not is not None,
        why_not=why_not or "",
    )


def _why(delivery: Delivery) -> str:
    """What was wrong last; once it has arrived that is of no interest."""
    return "" if delivery.status == Delivery.Status.SENT else delivery.error


def _why_theirs(delivery: Delivery) -> str:
    """What a service says of somebody's account is for its owner."""
    troubles = {Delivery.Status.FAILED: THEIR_TROUBLE, Delivery.Status.UNKNOWN: THEIR_DOUBT}
    return troubles.get(Delivery.Status(delivery.status), "")
