"""What waited to cross a Tube when it was closed, queued once more where the closing is taken back."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from tubes.models import Delivery, Room, Seat, Tube
from tubes.relay import routing
from tubes.relay.queueing import MESSAGES
from tubes.services.again import NO_WAY, Prospect, prospects, queue_again

AT_ONCE = 200  # deliveries looked at in one go
SKIPPED = Delivery.Status.SKIPPED


@dataclass(frozen=True, slots=True)
class Followed:
    """How many messages that a closing had left out follow after all, and how many do not."""

    queued: int = 0
    left: int = 0

    def __add__(self, other: Followed) -> Followed:
        return Followed(self.queued + other.queued, self.left + other.left)


def rooms_hold(tube: Tube, closed_at: datetime) -> set[int]:
    """Lock the rooms of a Tube, and those in which something was said that waited when it was closed.

    Inside a transaction. All in one order, as whoever locks several does: an edit, or a deletion, of what
    is brought back comes before or after.
    """
    origins = _left_out(closed_at, _around(tube)).values_list("origin", flat=True).distinct()
    wanted = {tube.side_a.room_id, tube.side_b.room_id, *origins}
    rooms = Room.objects.select_for_update(no_key=True).filter(pk__in=wanted).order_by("pk")
    return set(rooms.values_list("pk", flat=True))


def queue_bring_back(*, tube: Tube, closed_at: datetime, origins: Collection[int]) -> Followed:
    """Queue what `closed_at` the closing of this Tube left out, and what was skipped since because of it.

    Inside the transaction that has let the Tube pass again and holds the rooms `origins`, so before
    anything said since can be queued. Left out stays what is not kept any more, or too old, and what
    something later has overtaken by another way. A few queries per AT_ONCE rows, one for each that is queued.
    """
    found = _left_out(closed_at, _around(tube)).filter(origin__in=origins)
    ids = list(found.order_by("pk").values_list("pk", flat=True))
    overtaken = _overtaken(closed_at, ids)
    followed = Followed()
    for start in range(0, len(ids), AT_ONCE):
        rows = Delivery.objects.filter(pk__in=ids[start : start + AT_ONCE]).order_by("pk")
        some = list(rows.select_related("event", "carries", "room", "seat"))
        known = prospects(some, among=(SKIPPED,))
        for delivery in some:
            followed += _queued(delivery, known[delivery.pk], overtaken)
    return followed


def _queued(delivery: Delivery, prospect: Prospect, overtaken: set[tuple[int | None, int]]) -> Followed:
    if prospect.why_not == NO_WAY:  # it was not this Tube that it was to cross
        return Followed()
    is_late = (delivery.origin_id, delivery.room_id) in overtaken
    is_queued = not prospect.why_not and not is_late and queue_again(delivery, prospect)
    if delivery.event.kind not in MESSAGES:  # people count what was said, not what was changed
        return Followed()
    return Followed(queued=1) if is_queued else Followed(left=1)


def _around(tube: Tube) -> set[int]:
    """The rooms that what crosses this Tube comes from, or goes to. One query."""
    ends = {tube.side_a.room_id, tube.side_b.room_id}
    return ends | {room for hop in routing.hops_from(ends) for room in (hop.source, hop.target)}


def _left_out(closed_at: datetime, rooms: Collection[int]) -> QuerySet[Delivery]:
    """What was skipped in these rooms since then because no open Tube led there any more."""
    # By the Seats as well: there SQLite finds an index to go by.
    return Delivery.objects.filter(
        seat__in=Seat.objects.filter(room__in=rooms).values("pk"),
        status=SKIPPED,
        error=routing.NO_WAY,
        finished_at__gte=closed_at,
        origin__isnull=False,
        event__accepted_at__lt=closed_at,
    )


def _overtaken(closed_at: datetime, ids: Collection[int]) -> set[tuple[int | None, int]]:
    """(origin, room) of those of these deliveries behind which something else was queued meanwhile."""
    if not ids:
        return set()
    rooms = Delivery.objects.filter(pk__in=ids).values("room")
    later = Delivery.objects.filter(
        seat__in=Seat.objects.filter(room__in=rooms).values("pk"),
        pk__gt=min(ids),
        created_at__gte=closed_at,
        origin__isnull=False,
    ).exclude(status=SKIPPED)
    return set(later.values_list("origin", "room").distinct())
