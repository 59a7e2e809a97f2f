"""Lists of events and deliveries, however many there are: nothing is counted, and no page looks at many rows.

A list is newest first and goes on by key. What it is narrowed to may be rare, or nowhere: so one page looks
through LOOKED rows at most, says so, and offers to look on. Times are found by the ids, which grow with them:
no index by time is needed, nor its writing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import md5
from typing import Any, Final, Generic, TypeVar

from django.db.models import Max, Min, Model, Q, QuerySet
from django.db.models.functions import MD5

from monitor import lanes
from operating.asking import Asked
from sameroom import clock
from tubes.models import Delivery, Event, Post, Room

ROWS: Final = 50
LOOKED: Final = 20_000
LOST: Final = {Delivery.Status.FAILED.value, Delivery.Status.UNKNOWN.value}
OPEN: Final = {status.value for status in Delivery.Status if status in Delivery.OPEN}

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows of a list."""

    rows: Sequence[Row]
    older: int | None = None  # the id before which the list goes on; None at its end
    is_cut: bool = False  # whether it ends because LOOKED rows were looked through


@dataclass(frozen=True, slots=True)
class Reason:
    """Why deliveries were lost."""

    text: str
    service: str
    count: int
    newest: datetime

    @property
    def digest(self) -> str:
        """By what an address names the text."""
        return md5(self.text.encode(), usedforsecurity=False).hexdigest()


def deliveries(asked: Asked) -> Page[Delivery]:
    """The deliveries asked for, with what a list shows of them. A handful of queries."""
    wanted, narrowed = set(asked.statuses), Q()
    found = Delivery.objects.select_related("event", "origin", "room", "seat__account")
    by = "pk"
    if wanted and (wanted <= LOST or wanted <= OPEN):  # these have indexes
        found = found.filter(status__in=asked.statuses)
        by = "finished_at" if wanted <= LOST and asked.seat is None else "pk"
    elif wanted:
        narrowed &= Q(status__in=asked.statuses)
    if asked.seat is not None:
        found = found.filter(seat=asked.seat)
    if asked.service:
        narrowed &= Q(room__kind=asked.service)
    if asked.reason:
        found = found.annotate(reason=MD5("error"))
        narrowed &= Q(reason=asked.reason)
    found = _ended_within(found, asked) if by == "finished_at" else _begun_within(found, asked, "created_at")
    return _page(found, narrowed, asked.before, by)


def events(asked: Asked) -> Page[Event]:
    """The events asked for. A handful of queries."""
    narrowed = Q()
    if asked.service:
        narrowed &= Q(room__kind=asked.service)
    if asked.kind:
        narrowed &= Q(kind=asked.kind)
    found = _begun_within(Event.objects.select_related("room"), asked, "accepted_at")
    return _page(found, narrowed, asked.before, "pk")


def all_deliveries(asked: Asked, most: int) -> list[Delivery]:
    """All that a list finds from its beginning on, up to `most`; a few queries for each ROWS of them."""
    found: list[Delivery] = []
    before = None
    for _ in range(most // ROWS):
        page = deliveries(replace(asked, before=before))
        found += page.rows
        if page.older is None:
            break
        before = page.older
    return found[:most]


def reasons(since: datetime, service: str = "") -> list[Reason]:
    """Why deliveries were lost since then, most frequent first: of the newest LOOKED of them. One query."""
    told = [Reason(*row) for row in lanes.lost(since, LOOKED)]
    found = [reason for reason in told if service in ("", reason.service)]
    return sorted(found, key=lambda reason: (-reason.count, reason.text))


def event_of(text: str) -> int | None:
    """The event that an id names: one that a service gave, or that of a delivery or event, as logs have them.

    Four indexed queries at most.
    """
    text = text.strip()
    if text.isdecimal() and len(text) < 19:
        known = Delivery.objects.filter(pk=int(text)).values_list("event")
        if found := known.first() or Event.objects.filter(pk=int(text)).values_list("pk").first():
            return int(found[0])
    post = Post.objects.filter(remote_id=text, delivery__isnull=False).values_list("delivery__event")
    # By the index that begins with the room: a probe for each.
    said = Event.objects.filter(room__in=Room.objects.values("pk"), remote_id=text).values_list("pk")
    found = (post.first() or said.order_by().first()) if text else None
    return int(found[0]) if found else None


def first_since(model: type[Model], column: str, moment: datetime) -> int | None:
    """The lowest id of the rows from `moment` on; None where there are none.

    Halves the ids, which grow with the time: some twenty queries by the primary key, of no time each.
    """
    rows = model._default_manager.order_by("pk")
    ends = rows.aggregate(low=Min("pk"), high=Max("pk"))
    if ends["high"] is None:
        return None
    low, high = ends["low"], ends["high"] + 1
    while low < high:
        middle = (low + high) // 2
        row = rows.filter(pk__gte=middle).values_list("pk", column).first()
        if row is None or row[1] >= moment:
            high = middle
        else:
            low = row[0] + 1
    return int(low) if low <= ends["high"] else None


def _begun_within(found: QuerySet[Row], asked: Asked, column: str) -> QuerySet[Row]:
    """Without what began outside the time asked for."""
    if asked.begins is not None:
        first = first_since(found.model, column, asked.begins)
        if first is None:
            return found.none()
        found = found.filter(pk__gte=first)
    if asked.ends is not None and asked.ends < clock.now():
        last = first_since(found.model, column, asked.ends)
        found = found if last is None else found.filter(pk__lt=last)
    return found


def _ended_within(found: QuerySet[Row], asked: Asked) -> QuerySet[Row]:
    """Without what ended outside the time asked for."""
    if asked.begins is not None:
        found = found.filter(finished_at__gte=asked.begins)
    return found if asked.ends is None else found.filter(finished_at__lt=asked.ends)


def _page(found: QuerySet[Row], narrowed: Q, before: int | None, by: str) -> Page[Row]:
    """The newest rows of `found` that are `narrowed`, looking through LOOKED of `found`.

    `by` is a column that has an index together with what `found` is filtered by.
    """
    ordered = _after(found, before, by).order_by(*dict.fromkeys((f"-{by}", "-pk")))
    floor: list[tuple[int, Any]] = (
        list(ordered.values_list("pk", by)[LOOKED - 1 : LOOKED]) if narrowed else []
    )
    some = ordered.filter(narrowed)
    if floor:
        some = some.filter(**{f"{by}__gte": floor[0][1]})
    rows = list(some[: ROWS + 1])
    if len(rows) > ROWS:
        return Page(rows[:ROWS], rows[ROWS - 1].pk)
    return Page(rows, floor[0][0], is_cut=True) if floor else Page(rows)


def _after(found: QuerySet[Row], before: int | None, by: str) -> QuerySet[Row]:
    """Where the list goes on after a row."""
    if before is None:
        return found
    if by == "pk":
        return found.filter(pk__lt=before)
    last = found.model._default_manager.filter(pk=before).values_list(by, flat=True).first()
    if last is None:  # it was queued again meanwhile: from the beginning
        return found
    return found.filter(Q(**{f"{by}__lt": last}) | Q(**{by: last}, pk__lt=before), **{f"{by}__lte": last})
