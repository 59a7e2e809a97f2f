"""The Tube Network of a room: its rooms, its Tubes, and which way they let pass."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Final

from tubes.models import Room, Seat, Tube
from tubes.relay import networks

MOST_TUBES: Final = 2000  # of one network that are looked at


@dataclass(frozen=True, slots=True)
class Place:
    """A room as others of its network may know it: names, no ids."""

    room: Room
    name: str
    team: str
    label: str  # of the service
    distance: int  # Tubes from the room that was asked about

    @property
    def full_name(self) -> str:
        """The room's name with its team, or its service where there is none."""
        return f"{self.name} ({self.team or self.label})"


@dataclass(frozen=True, slots=True)
class Network:
    """Places by room id, nearest first, and the Tubes between them, oldest first."""

    places: dict[int, Place]
    tubes: list[Tube]
    is_whole: bool  # False: there is more than was looked at


def network_of(room: Room) -> Network:
    """The network that a room belongs to. Two queries, or three where it is joined to no other."""
    ids = networks.tubes_around(room.pk, MOST_TUBES + 1)
    found = list(Tube.objects.filter(pk__in=ids[:MOST_TUBES]).with_sides().order_by("pk"))
    seats: dict[int, Seat] = {}
    if not found:
        seats = {seat.room_id: seat for seat in room.seats.select_related("room", "account")[:1]}
    ways: dict[int, set[int]] = defaultdict(set)
    for tube in found:
        a, b = tube.side_a, tube.side_b
        ways[a.room_id].add(b.room_id)
        ways[b.room_id].add(a.room_id)
        for seat in (a, b):
            seats.setdefault(seat.room_id, seat)
    far = _distances(room.pk, ways)
    places = {room_id: _place(seats[room_id], far[room_id]) for room_id in far if room_id in seats}
    return Network(places, [tube for tube in found if tube.side_a.room_id in far], len(ids) <= MOST_TUBES)


def flow_of(tube: Tube) -> str:
    """Which way a Tube lets pass, loaded `with_sides()`: both, forward (A to B), back, none. No query."""
    a, b = tube.side_a, tube.side_b
    passes = (a.lets_out and b.lets_in, b.lets_out and a.lets_in)
    return {(True, True): "both", (True, False): "forward", (False, True): "back"}.get(passes, "none")


def _distances(start: int, ways: dict[int, set[int]]) -> dict[int, int]:
    far, todo = {start: 0}, deque([start])
    while todo:
        here = todo.popleft()
        for there in sorted(ways[here] - far.keys()):
            far[there] = far[here] + 1
            todo.append(there)
    return far


def _place(seat: Seat, distance: int) -> Place:
    return Place(seat.room, seat.room.name, seat.account.team_name, seat.account.label, distance)
