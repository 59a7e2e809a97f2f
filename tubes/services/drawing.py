"""A Tube Network as a picture: boxes in layers, from the room that was asked about to the right. No I/O.

Where each box stands is fast-sugiyama's doing: layers, few crossings, linear in practice.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from fast_sugiyama import from_edges

from tubes.models import Tube
from tubes.services.networks import Network, Place, flow_of
from tubes.services.state import TubeState, tube_state

MOST_ROOMS: Final = 200
MOST_LINES: Final = 600
WIDTH: Final = 150  # of a box, in the picture's units, which are pixels at its own size
HEIGHT: Final = 52
COLUMN: Final = WIDTH + 64
ROW: Final = HEIGHT + 20
MARGIN: Final = 6
NAME: Final = 12  # narrow letters that have room in a box
SMALL: Final = 17
UNIT: Final = 10.0  # the layout's distance between neighbours
# Of several Tubes between two rooms the line shows the best.
RANKS: Final = ("active", "waiting", "paused", "archived", "failed")
WORDS: Final = {"both": "both ways", "forward": "only to Side B", "back": "only to Side A", "none": "nothing"}
BACKWARDS: Final = {"forward": "back", "back": "forward"}


@dataclass(frozen=True, slots=True)
class Box:
    """A room."""

    x: float
    y: float
    place: Place
    name: str  # as much as has room
    where: str


@dataclass(frozen=True, slots=True)
class Line:
    """What joins two rooms, drawn from left to right."""

    path: str
    middle_x: float
    middle_y: float
    state: str
    flow: str  # both, forward (to the right), back, none
    label: str  # said beside it where all is not well
    title: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything the page's picture is made of."""

    width: float
    height: float
    boxes: list[Box]
    lines: list[Line]


@dataclass(frozen=True, slots=True)
class Row:
    """A Tube as the table lists it."""

    a: Place
    b: Place
    flow: str
    words: str
    state: TubeState


def rows_of(network: Network) -> list[Row]:
    """Every Tube, oldest first, in words that tell a stranger nothing about anybody's account."""
    places = network.places
    return [
        Row(
            places[tube.side_a.room_id],
            places[tube.side_b.room_id],
            flow_of(tube),
            WORDS[flow_of(tube)],
            tube_state(tube),
        )
        for tube in network.tubes
    ]


def drawing_of(network: Network) -> Drawing | None:
    """The picture; None where there are too many rooms for one, or only one."""
    joined = _joined(network)
    if not joined or len(network.places) > MOST_ROOMS or len(joined) > MOST_LINES or not network.is_whole:
        return None
    spots = _spots(list(joined))
    boxes = {room: _box(network.places[room], *spot) for room, spot in spots.items()}
    lines = [_line(boxes[left], boxes[right], tubes, left) for (left, right), tubes in joined.items()]
    return Drawing(
        width=max(box.x for box in boxes.values()) + WIDTH + MARGIN,
        height=max(box.y for box in boxes.values()) + HEIGHT + MARGIN,
        boxes=list(boxes.values()),
        lines=lines,
    )


def _joined(network: Network) -> dict[tuple[int, int], list[Tube]]:
    """The Tubes between each two rooms, the nearer room first."""
    order = {room: number for number, room in enumerate(network.places)}
    joined: dict[tuple[int, int], list[Tube]] = {}
    for tube in network.tubes:
        near, far = sorted((tube.side_a.room_id, tube.side_b.room_id), key=lambda room: order[room])
        joined.setdefault((near, far), []).append(tube)
    return joined


def _spots(edges: list[tuple[int, int]]) -> dict[int, tuple[float, float]]:
    """Where the upper left corner of each room's box stands."""
    layout = from_edges(edges, vertex_spacing=UNIT)[0]
    rooms = {room for edge in edges for room in edge}
    found = {room: spot for room, spot in layout[0] if room in rooms}
    top, last = max(y for _, y in found.values()), max(x for x, _ in found.values())
    return {
        room: (MARGIN + (top - y) / UNIT * COLUMN, MARGIN + (last - x) / UNIT * ROW)
        for room, (x, y) in sorted(found.items(), key=lambda one: (-one[1][1], -one[1][0]))
    }


def _box(place: Place, x: float, y: float) -> Box:
    where = f"{place.team} · {place.label}" if place.team else place.label
    return Box(round(x, 1), round(y, 1), place, _cut(place.name, NAME), _cut(where, SMALL))


def _line(left: Box, right: Box, tubes: list[Tube], left_room: int) -> Line:
    if left.x > right.x:
        left, right, left_room = right, left, right.place.room.pk
    best = min((tube_state(tube) for tube in tubes), key=lambda state: RANKS.index(state.name))
    flows = {_to_the_right(tube, left_room) for tube in tubes}
    passes = ("both" in flows or "forward" in flows, "both" in flows or "back" in flows)
    flow = {(True, True): "both", (True, False): "forward", (False, True): "back"}.get(passes, "none")
    x1, y1 = left.x + WIDTH, left.y + HEIGHT / 2
    x2, y2 = right.x, right.y + HEIGHT / 2
    bend = (x2 - x1) / 2
    title = f"{left.place.full_name} and {right.place.full_name}: {best.label}"
    label = best.label.lower() if best.name != "active" else "" if flow != "none" else "nothing passes"
    path = f"M{x1:g} {y1:g}C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2:g} {y2:g}"
    return Line(path, (x1 + x2) / 2, (y1 + y2) / 2, best.name, flow, label, title)


def _to_the_right(tube: Tube, left_room: int) -> str:
    flow = flow_of(tube)
    return flow if tube.side_a.room_id == left_room else BACKWARDS.get(flow, flow)


def _cut(text: str, room: int) -> str:
    """As much of a text as is as wide as so many narrow letters."""
    widths = list(_widths(text))
    if sum(widths) <= room:
        return text
    kept = room - 1
    for number, width in enumerate(widths):
        kept -= width
        if kept < 0:
            return text[:number].rstrip() + "…"
    return text


def _widths(text: str) -> Iterator[int]:
    for letter in text:
        wide = unicodedata.east_asian_width(letter) in "WF"
        yield 0 if unicodedata.combining(letter) else 2 if wide else 1
