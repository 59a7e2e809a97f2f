"""The walk through the Tube Network: which Rooms an event reaches, and through which Seats.

Every physical Room is visited at most once, so cycles, diamonds and one room linked through two
accounts cannot echo. Tubes are walked breadth first, older ones first: the Seat by which a Room is
reached is the one at the end of the shortest path, then of the oldest Tube.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from tubes.models import Delivery, Event, Room, Seat, Tube


@dataclass(frozen=True, slots=True)
class Hop:
    """A Tube seen from one of its ends, as far as walking it goes."""

    tube: int
    source: int  # room ids
    target: int
    seat: int  # the Seat at the target, through which is posted
    marker_id: str
    marker_time: datetime | None
    open_since: datetime


def hops_from(rooms: Iterable[int]) -> Iterator[Hop]:
    """Every walkable way out of these rooms over active Tubes, oldest Tube first. One query."""
    wanted = set(rooms)
    tubes = (
        Tube.objects.filter(
            Q(side_a__room__in=wanted) | Q(side_b__room__in=wanted), status=Tube.Status.ACTIVE
        )
        .select_related("side_a", "side_b")
        .order_by("pk")
    )
    for tube in tubes:
        for near, far, marker_id, marker_time in (
            (tube.side_a, tube.side_b, tube.marker_a_id, tube.marker_a_time),
            (tube.side_b, tube.side_a, tube.marker_b_id, tube.marker_b_time),
        ):
            if near.room_id in wanted and near.lets_out and far.lets_in:
                yield Hop(
                    tube.pk, near.room_id, far.room_id, far.pk, marker_id, marker_time, tube.status_since
                )


def crosses(hop: Hop, event: Event) -> bool:
    """Whether the event was said while this Tube was open: later than its marker.

    The marker is an item of the origin room, so it bounds Tubes that begin there. Further Tubes
    have no common clock with the origin; for them counts when we accepted the event.
    """
    if event.room_id != hop.source:
        return event.accepted_at >= hop.open_since
    if hop.marker_time is None:
        return True
    return event.said_at > hop.marker_time or (
        event.said_at == hop.marker_time and event.remote_id != hop.marker_id
    )


def destinations(event: Event, *, hops_of: dict[int, list[Hop]] | None = None) -> dict[int, int]:
    """Room id → Seat id for every Room that the event reaches, its own left out.

    `hops_of` is a cache to share between the events of one transaction: a query per level of the
    network the first time, none afterwards.
    """
    cache = {} if hops_of is None else hops_of
    assert event.room_id is not None, "notices without a room name their Seat themselves"
    reached: dict[int, int] = {}
    frontier = [event.room_id]
    while frontier:
        _fill(cache, frontier)
        following = []
        for hop in sorted((hop for room in frontier for hop in cache[room]), key=lambda hop: hop.tube):
            if hop.target == event.room_id or hop.target in reached or not crosses(hop, event):
                continue
            reached[hop.target] = hop.seat
            following.append(hop.target)
        frontier = following
    return reached


def _fill(cache: dict[int, list[Hop]], rooms: Iterable[int]) -> None:
    missing = [room for room in rooms if room not in cache]
    if missing:
        cache.update({room: [] for room in missing})
        for hop in hops_from(missing):
            cache[hop.source].append(hop)


def still_reachable(delivery: Delivery) -> bool:
    """Whether the delivery's room can still be reached from its origin, by whatever Seat."""
    event = delivery.event
    return event.room_id is None or delivery.room_id in destinations(event)


def kept_seats(origin: Room, rooms: Iterable[int]) -> dict[int, int]:
    """Room id → Seat id where something from `origin` is under way already.

    Such a pair keeps its Seat until that has ended: another lane could overtake it.
    """
    under_way = Delivery.objects.filter(
        status__in=Delivery.OPEN, room__in=set(rooms), event__room=origin
    ).order_by("pk")
    kept = dict(under_way.values_list("room_id", "seat_id"))
    usable = set(Seat.objects.filter(pk__in=kept.values()).values_list("pk", flat=True))
    return {room: seat for room, seat in kept.items() if seat in usable}
