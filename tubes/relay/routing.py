"""The walk through the Tube Network: which Rooms an event reaches, and through which Seats.

Every physical Room is visited at most once, so cycles, diamonds and one room linked through two
accounts cannot echo. Tubes are walked breadth first, older ones first: the Seat by which a Room is
reached is the one at the end of the shortest path, then of the oldest Tube.

A Tube whose near Seat has lost its room is not walked: its owner may not see what is said there. A
far Seat that cannot post is taken only where no other leads to the room, and the walk ends there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from django.db import transaction
from django.db.models import Q

from sameroom import clock
from tubes.models import Delivery, Event, Room, Seat, Tube

NO_WAY = "No open Tube leads to this room any more."


class Reach(Enum):
    """Whether a Delivery may be made now."""

    YES = "yes"
    LATER = "later"  # an account on the way needs a login first
    NO = "no"  # no open Tube leads there any more


@dataclass(frozen=True, slots=True)
class Hop:
    """A Tube seen from one of its ends, as far as walking it goes."""

    tube: int
    source: int  # room ids
    target: int
    seat: int  # the Seat at the target, through which is posted
    is_safe: bool  # the near account works, so its owner may see what is said here
    is_able: bool  # the far Seat can post
    has_failed: bool  # the far Seat has lost its room
    marker_id: str
    marker_time: datetime | None
    open_since: datetime


def hops_from(rooms: Iterable[int]) -> Iterator[Hop]:
    """Every walkable way out of these rooms over active Tubes, oldest Tube first. One query."""
    wanted = set(rooms)
    touching = Q(side_a__room__in=wanted) | Q(side_b__room__in=wanted)
    tubes = Tube.objects.filter(touching, status=Tube.Status.ACTIVE).order_by("pk")
    for tube in tubes.select_related("side_a__account", "side_b__account"):
        a_to_b = (tube.side_a, tube.side_b, tube.marker_a_id, tube.marker_a_time)
        b_to_a = (tube.side_b, tube.side_a, tube.marker_b_id, tube.marker_b_time)
        for near, far, marker_id, marker_time in (a_to_b, b_to_a):
            if near.room_id in wanted and near.lets_out and far.lets_in and not near.failure:
                yield Hop(
                    tube=tube.pk,
                    source=near.room_id,
                    target=far.room_id,
                    seat=far.pk,
                    is_safe=near.account.is_usable,
                    is_able=not far.failure and far.account.is_usable,
                    has_failed=bool(far.failure),
                    marker_id=marker_id,
                    marker_time=marker_time,
                    open_since=tube.status_since,
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


Network = dict[int, list[Hop]]  # room id → ways out of it


def destinations(event: Event, *, network: Network | None = None, only_safe: bool = False) -> dict[int, int]:
    """Room id → Seat id for every Room that the event reaches, its own left out.

    `network` is a cache to share between the events of one transaction: a query per level of the
    network the first time, none afterwards. `only_safe` leaves out ways through accounts that need
    a login.
    """
    known: Network = {} if network is None else network
    assert event.room_id is not None, "notices without a room name their Seat themselves"
    reached: dict[int, int] = {}
    frontier = [event.room_id]
    while frontier:
        _fill(known, frontier)
        hops = [hop for room in frontier for hop in known[room] if hop.is_safe or not only_safe]
        frontier = []
        for hop in sorted(hops, key=lambda hop: (not hop.is_able, hop.tube)):
            if hop.target == event.room_id or hop.target in reached or not crosses(hop, event):
                continue
            reached[hop.target] = hop.seat
            if not hop.has_failed:
                frontier.append(hop.target)
    return reached


def _fill(network: Network, rooms: Iterable[int]) -> None:
    missing = [room for room in rooms if room not in network]
    if missing:
        network.update({room: [] for room in missing})
        for hop in hops_from(missing):
            network[hop.source].append(hop)


def reach(delivery: Delivery) -> Reach:
    """Whether the delivery's room can still be reached from its origin, by whatever Seat."""
    event = delivery.event
    if event.room_id is None:
        return Reach.YES
    network: Network = {}
    if delivery.room_id in destinations(event, network=network, only_safe=True):
        return Reach.YES
    return Reach.LATER if delivery.room_id in destinations(event, network=network) else Reach.NO


def kept_seats(origin: Room, rooms: Iterable[int]) -> dict[int, int]:
    """Room id → Seat id where something from `origin` is under way already.

    Such a pair keeps its Seat until that has ended: another lane could overtake it. A Seat whose
    Tubes are all closed is not kept: its account may not be used any more.
    """
    under_way = Delivery.objects.filter(
        status__in=Delivery.OPEN, room__in=set(rooms), event__room=origin, seat__in=Seat.objects.in_use()
    )
    return dict(under_way.order_by("pk").values_list("room_id", "seat_id"))


def retire(seat_id: int) -> None:
    """Hand what is queued at a Seat that is in use no more to the Seats that lead there now.

    What has begun to be sent stays. One transaction; may be repeated.
    """
    if Seat.objects.in_use().filter(pk=seat_id).exists():
        return
    with transaction.atomic():
        queued = Delivery.objects.filter(seat=seat_id, status=Delivery.Status.QUEUED, posts__isnull=True)
        for delivery in queued.select_related("event").order_by("pk"):
            mine = Delivery.objects.filter(pk=delivery.pk, status=Delivery.Status.QUEUED, seat=seat_id)
            seats = destinations(delivery.event) if delivery.event.room_id else {}
            if delivery.room_id in seats:
                mine.update(seat=seats[delivery.room_id])
            else:
                mine.update(status=Delivery.Status.SKIPPED, error=NO_WAY, finished_at=clock.now())
