"""The walk through the Tube Network: which Rooms an event reaches, and through which Seats.

Every physical Room is visited at most once, so cycles, diamonds and one room linked through two
accounts cannot echo. Tubes are walked breadth first, older ones first: the Seat by which a Room is
reached is the one at the end of the shortest path, then of the oldest Tube.

A Tube whose near Seat has lost its room is not walked: its owner may not see what is said there. A
far Seat that cannot post is taken only where no other leads to the room, and the walk ends there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Q

from accounts.models import LinkedAccount
from sameroom import clock
from tubes.models import Delivery, Event, Seat
from tubes.relay import sql

NO_WAY = "No open Tube leads to this room any more."


class Sieve(NamedTuple):
    """What a Seat keeps out of its room: see `screening`."""

    mutes: bool  # some authors
    words: str  # what holds one of these, one to a line
    takes_presence: bool  # who comes and goes is told


@dataclass(frozen=True, slots=True)
class Hop:
    """A Tube seen from one of its ends, as far as walking it goes."""

    tube: int
    source: int  # room ids
    target: int
    seat: int  # the Seat at the target, through which is posted
    owner: int  # whose Seat that is
    is_safe: bool  # the near account works, so its owner may see what is said here
    is_able: bool  # the far Seat can post
    has_failed: bool  # the far Seat has lost its room
    sieve: Sieve  # of the far Seat
    marker_id: str
    marker_time: datetime | None
    open_since: datetime
    earlier: tuple[datetime, datetime] | None = None  # the time before it was closed and brought back


@dataclass(frozen=True, slots=True)
class Way:
    """How a Room is reached: the Seat that posts there, whose it is, and the Tubes on the way."""

    seat: int
    owner: int
    tubes: tuple[int, ...]


# Every active Tube of the networks that these rooms belong to, whichever way it lets pass.
HOPS = """
    WITH RECURSIVE together(room_id) AS (
        SELECT r.id FROM tubes_room r WHERE r.id IN {rooms}
        UNION
        SELECT far.room_id FROM together
        JOIN tubes_seat near ON near.room_id = together.room_id
        JOIN tubes_tube t ON t.status = 'active' AND (t.side_a_id = near.id OR t.side_b_id = near.id)
        JOIN tubes_seat far ON far.id = CASE WHEN t.side_a_id = near.id THEN t.side_b_id ELSE t.side_a_id END)
    SELECT t.id, a.room_id, b.room_id, a.id, b.id, a.owner_id, b.owner_id,
           a.direction, b.direction, a.failure, b.failure, x.status, y.status,
           a.has_mutes, a.filtered_words, a.takes_presence, b.has_mutes, b.filtered_words, b.takes_presence,
           t.marker_a_id, t.marker_a_time, t.marker_b_id, t.marker_b_time, t.status_since,
           t.earlier_since, t.earlier_until
    FROM tubes_tube t
    JOIN tubes_seat a ON a.id = t.side_a_id JOIN accounts_linkedaccount x ON x.id = a.account_id
    JOIN tubes_seat b ON b.id = t.side_b_id JOIN accounts_linkedaccount y ON y.id = b.account_id
    WHERE t.status = 'active' AND a.room_id IN (SELECT room_id FROM together)
    ORDER BY t.id
"""


def hops_from(rooms: Iterable[int]) -> Iterator[Hop]:
    """Every walkable way over active Tubes in the networks of these rooms, oldest Tube first. One query."""
    wanted = set(rooms)
    for row in sql.rows(HOPS.format(rooms=sql.marks(wanted)), [*wanted]):
        tube, room_a, room_b, seat_a, seat_b, owner_a, owner_b = row[:7]
        way_a, way_b, failure_a, failure_b, status_a, status_b = row[7:13]
        sieve_a, sieve_b = Sieve(*row[13:16]), Sieve(*row[16:19])
        id_a, time_a, id_b, time_b, since = row[19:24]
        earlier = _span(*row[24:])
        a_to_b = (room_a, room_b, seat_b, owner_b, way_a, way_b, failure_a, failure_b, status_a, status_b)
        b_to_a = (room_b, room_a, seat_a, owner_a, way_b, way_a, failure_b, failure_a, status_b, status_a)
        for side, sieve, marker_id, marker_time in (
            (a_to_b, sieve_b, id_a, time_a),
            (b_to_a, sieve_a, id_b, time_b),
        ):
            source, target, seat, owner, out, into, near_failure, far_failure, near, far = side
            lets_pass = out != Seat.Direction.IN and into != Seat.Direction.OUT
            if lets_pass and not near_failure:
                yield Hop(
                    tube=tube,
                    source=source,
                    target=target,
                    seat=seat,
                    owner=owner,
                    is_safe=near in LinkedAccount.USABLE,
                    is_able=not far_failure and far in LinkedAccount.USABLE,
                    has_failed=bool(far_failure),
                    sieve=sieve,
                    marker_id=marker_id,
                    marker_time=sql.read_moment(marker_time),
                    open_since=sql.read_moment(since) or clock.now(),
                    earlier=earlier,
                )


def _span(since: Any, until: Any) -> tuple[datetime, datetime] | None:
    begun, ended = sql.read_moment(since), sql.read_moment(until)
    return (begun, ended) if begun and ended else None


def crosses(hop: Hop, event: Event) -> bool:
    """Whether the event was said while this Tube was open: later than its marker.

    The marker is an item of the origin room, so it bounds Tubes that begin there. Further Tubes
    have no common clock with the origin; for them counts when we accepted the event. So it does for what
    waited to cross a Tube that was closed, and brought back.
    """
    if hop.earlier and hop.earlier[0] <= event.accepted_at < hop.earlier[1]:
        return True
    if event.room_id != hop.source:
        return event.accepted_at >= hop.open_since
    if hop.marker_time is None:
        return True
    return event.said_at > hop.marker_time or (
        event.said_at == hop.marker_time and event.remote_id != hop.marker_id
    )


Network = dict[int, list[Hop]]  # room id → ways out of it


def ways(event: Event, *, network: Network | None = None, only_safe: bool = False) -> dict[int, Way]:
    """Room id → Way for every Room that the event reaches, its own left out.

    `network` is a cache to share between the events of one transaction: a query for each network
    the first time, none afterwards. `only_safe` leaves out ways through accounts that need a login.
    """
    known: Network = {} if network is None else network
    assert event.room_id is not None, "notices without a room name their Seat themselves"
    reached: dict[int, Way] = {}
    frontier = [event.room_id]
    while frontier:
        fill(known, frontier)
        hops = [hop for room in frontier for hop in known[room] if hop.is_safe or not only_safe]
        frontier = []
        for hop in sorted(hops, key=lambda hop: (not hop.is_able, hop.tube)):
            if hop.target == event.room_id or hop.target in reached or not crosses(hop, event):
                continue
            before = reached[hop.source].tubes if hop.source in reached else ()
            reached[hop.target] = Way(hop.seat, hop.owner, (*before, hop.tube))
            if not hop.has_failed:
                frontier.append(hop.target)
    return reached


def destinations(event: Event, *, network: Network | None = None) -> dict[int, int]:
    """Room id → Seat id for every Room that the event reaches."""
    return {room: way.seat for room, way in ways(event, network=network).items()}


def fill(network: Network, rooms: Iterable[int]) -> None:
    """Have the ways out of these rooms in `network`. One query, or none."""
    missing = [room for room in rooms if room not in network]
    if missing:
        network.update({room: [] for room in missing})
        for hop in hops_from(missing):
            network.setdefault(hop.source, []).append(hop)
            network.setdefault(hop.target, [])


UNDER_WAY = """
    SELECT CAST(%s AS BIGINT), CAST(%s AS BIGINT), MIN(seat_id), MAX(seat_id) FROM tubes_delivery
    WHERE origin_id = %s AND room_id = %s AND status IN ('queued', 'sending')
"""
Pair = tuple[int, int]  # origin, destination: room ids
# Of these something is on the wire, or has arrived.
BEGUN = Q(status=Delivery.Status.SENDING) | Q(part__gt=0)


def kept_seats(pairs: Mapping[Pair, int]) -> dict[Pair, int]:
    """Of (origin, room) → Seat as now routed, those pairs that have something under way elsewhere.

    Such a pair keeps its Seat until that has ended, or was handed over: another lane could overtake
    it. One query, as a rule.
    """
    if not pairs:
        return {}
    asked = " UNION ALL ".join(UNDER_WAY for _ in pairs)
    found = sql.rows(asked, [value for pair in pairs for value in (*pair, *pair)])
    others = {
        (origin, room): low if low != pairs[origin, room] else high
        for origin, room, low, high in found
        if low is not None and (low, high) != (pairs[origin, room],) * 2
    }
    return _not_given_up(others) if others else {}


def _not_given_up(others: Mapping[Pair, int]) -> dict[Pair, int]:
    """Without pairs whose Seat is at no open Tube, or can only wait for a login: these are let go.

    But not while something of the pair is on the wire that can still be settled, or waits to be handed over.
    """
    working = set(Seat.objects.working().filter(pk__in=others.values()).values_list("pk", flat=True))
    joined = set(Seat.objects.joined().filter(pk__in=others.values()).values_list("pk", flat=True))
    rows = Delivery.objects.filter(seat__in=others.values(), status__in=Delivery.OPEN)
    rows = rows.filter(origin__in=[origin for origin, _ in others])
    begun = set(rows.filter(BEGUN).values_list("origin", "room", "seat").distinct())
    queued = set(rows.exclude(BEGUN).values_list("origin", "room", "seat").distinct())
    return {
        pair: seat
        for pair, seat in others.items()
        if (seat in joined and (seat in working or (*pair, seat) in queued))
        or (seat in working and (*pair, seat) in begun)
    }
