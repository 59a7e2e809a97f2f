"""The whole way of one message: what was said, where it had to go, what stands there, what went wrong.

Its text is no part of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.conf import settings

from monitor.lanes import MOST_COUNTED
from operating.chart import seconds
from sameroom import clock
from tubes.models import Delivery, Event, Post, Seat, Tube
from tubes.models.tubes import TubeQuerySet

MOST: Final = 200  # deliveries, follow-ups, Tubes on one page
NEXT: Final = 20  # deliveries shown of a lane: its head, which holds the others up, and what stands behind it


@dataclass(frozen=True, slots=True)
class Stop:
    """One destination of an event."""

    delivery: Delivery
    posts: Sequence[Post]

    @property
    def took_words(self) -> str:
        """From acceptance to its end; empty while it has not ended."""
        ended = self.delivery.finished_at
        if ended is None:
            return ""
        return seconds(max((ended - self.delivery.event.accepted_at).total_seconds(), 0.0))


@dataclass(frozen=True, slots=True)
class Way:
    """An event with everything that came of it."""

    event: Event
    text: str  # what is kept of its text, as a sentence
    stops: list[Stop]
    follow_ups: list[Event]
    is_cut: bool  # there are more stops than are shown


@dataclass(frozen=True, slots=True)
class LaneView:
    """A Seat, and how its lane stands."""

    seat: Seat
    tubes: list[Tube]
    is_held: bool
    rests_until: datetime | None  # where that is yet to come
    waiting: list[Delivery]  # the first of them, next first
    open: int  # how many wait, counted up to MOST_COUNTED
    is_more: bool  # than that


def way_of(event: Event) -> Way:
    """The way of an event loaded with `room` and `about__room`. Three queries."""
    deliveries = Delivery.objects.filter(event=event).order_by("pk")
    shown = list(deliveries.select_related("room", "seat__account", "carries", "lead")[: MOST + 1])
    posts: dict[int, list[Post]] = defaultdict(list)
    for post in Post.objects.filter(delivery__in=[one.pk for one in shown]).order_by("part"):
        posts[post.delivery_id or 0].append(post)
    for delivery in shown:
        delivery.event = event
    follow_ups = Event.objects.filter(about=event).select_related("room").order_by("pk")[:MOST]
    stops = [Stop(delivery, posts[delivery.pk]) for delivery in shown[:MOST]]
    return Way(event, _text(event), stops, list(follow_ups), len(shown) > MOST)


def lane_of(seat: Seat) -> LaneView:
    """How the lane of a Seat stands, loaded with `room`, `account` and `owner`. Three queries."""
    now = clock.now()
    rests = seat.lane_not_before if seat.lane_not_before and seat.lane_not_before > now else None
    is_held = seat.lane_lease_until is not None and seat.lane_lease_until > now
    rows = Delivery.objects.filter(seat=seat, status__in=Delivery.OPEN).order_by("pk")
    waiting = rows.select_related("event", "origin", "room", "seat__account")[:NEXT]
    number = len(rows.values_list("pk")[: MOST_COUNTED + 1])
    is_more, number = number > MOST_COUNTED, min(number, MOST_COUNTED)
    return LaneView(seat, list(tubes_at(seat)[:MOST]), is_held, rests, list(waiting), number, is_more)


def tubes_at(seat: Seat) -> TubeQuerySet:
    """The open Tubes at a Seat. No I/O."""
    found = (Tube.objects.filter(side_a=seat) | Tube.objects.filter(side_b=seat)).not_closed()
    return found.with_sides().order_by("-pk")


def _text(event: Event) -> str:
    if event.body is None:
        return "Not kept: it was erased, or reached nobody."
    files = len(event.attachments or ())
    with_files = f" with {files} file{'s' if files != 1 else ''}" if files else ""
    until = f"{settings.BODY_HOURS} h after its last delivery has ended"
    return f"Kept{with_files} until {until}. It is not shown here."
