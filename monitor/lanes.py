"""What the database tells about lanes: how deep, how busy, how long without a worker.

Every question costs by what is open, not by what there ever was. The open statuses stand in the SQL as
literals: SQLite uses a partial index only where it can read the index's condition in the query.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from django.db import connection
from django.db.models import Count
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce, Greatest

from accounts.models import LinkedAccount
from sameroom import clock
from tubes.models import Delivery, Seat

DEPTHS: Final = """
SELECT account.kind, sum(lane.queued), sum(lane.sending), max(lane.queued), min(lane.oldest)
FROM (
    SELECT seat_id,
           count(*) FILTER (WHERE status = 'queued') AS queued,
           count(*) FILTER (WHERE status = 'sending') AS sending,
           min(created_at) FILTER (WHERE status = 'queued') AS oldest
    FROM tubes_delivery
    WHERE status IN ('queued', 'sending')
    GROUP BY seat_id
) AS lane
JOIN tubes_seat AS seat ON seat.id = lane.seat_id
JOIN accounts_linkedaccount AS account ON account.id = seat.account_id
GROUP BY account.kind
"""
# Steps from lane to lane through the index `lanes`: a backlog of a million rows in ten lanes is ten steps.
HEADS: Final = """
WITH RECURSIVE lane(seat_id) AS (
    SELECT min(seat_id) FROM tubes_delivery WHERE status IN ('queued', 'sending')
    UNION ALL
    SELECT (SELECT min(later.seat_id) FROM tubes_delivery AS later
            WHERE later.status IN ('queued', 'sending') AND later.seat_id > lane.seat_id)
    FROM lane WHERE lane.seat_id IS NOT NULL
)
SELECT (SELECT min(head.id) FROM tubes_delivery AS head
        WHERE head.status IN ('queued', 'sending') AND head.seat_id = lane.seat_id)
FROM lane WHERE lane.seat_id IS NOT NULL
"""
# Counts no lane further than it is told to: the deepest are known by where the counting stopped.
DEEPEST: Final = """
WITH RECURSIVE lane(seat_id) AS (
    SELECT min(seat_id) FROM tubes_delivery WHERE status IN ('queued', 'sending')
    UNION ALL
    SELECT (SELECT min(later.seat_id) FROM tubes_delivery AS later
            WHERE later.status IN ('queued', 'sending') AND later.seat_id > lane.seat_id)
    FROM lane WHERE lane.seat_id IS NOT NULL
)
SELECT lane.seat_id,
       (SELECT count(*) FROM (
            SELECT 1 FROM tubes_delivery AS one
            WHERE one.status IN ('queued', 'sending') AND one.seat_id = lane.seat_id LIMIT %s) AS counted),
       (SELECT min(head.id) FROM tubes_delivery AS head
        WHERE head.status IN ('queued', 'sending') AND head.seat_id = lane.seat_id)
FROM lane WHERE lane.seat_id IS NOT NULL
ORDER BY 2 DESC, 3 LIMIT %s
"""
# Of the newest only: a service that was away for a night can have lost a million.
LOST: Final = """
SELECT lost.error, room.kind, count(*), max(lost.finished_at)
FROM (
    SELECT error, room_id, finished_at FROM tubes_delivery
    WHERE status IN ('failed', 'unknown') AND finished_at >= %s
    ORDER BY finished_at DESC LIMIT %s
) AS lost
JOIN tubes_room AS room ON room.id = lost.room_id
GROUP BY lost.error, room.kind
"""
MOST_COUNTED: Final = 1000  # deliveries of one lane; one more stands for "more than that"


@dataclass(frozen=True, slots=True)
class Deep:
    """A lane in which something is open."""

    seat: int
    open: int  # MOST_COUNTED + 1: more than MOST_COUNTED
    head: int  # the delivery that waits longest


@dataclass(frozen=True, slots=True)
class Depth:
    """What is open at one service's lanes together."""

    queued: int
    sending: int
    deepest: int  # queued in the one lane that has most
    oldest: datetime | None  # when the oldest queued one was queued


@dataclass(frozen=True, slots=True)
class Waiting:
    """A lane with something due that nobody works on. Equal to itself later only if nobody did meanwhile."""

    seat: int
    fence: int
    head: int
    kind: str
    since: datetime


def depths() -> dict[str, Depth]:
    """What is open, by connector. One query over the open deliveries."""
    with connection.cursor() as cursor:
        cursor.execute(DEPTHS)
        rows = cursor.fetchall()
    return {
        kind: Depth(int(queued), int(sending), int(deepest), _time(oldest))
        for kind, queued, sending, deepest, oldest in rows
    }


def deepest(most: int) -> list[Deep]:
    """The lanes with most open, deepest first; of those too deep to count, the oldest first. One query."""
    with connection.cursor() as cursor:
        cursor.execute(DEEPEST, [MOST_COUNTED + 1, most])
        return [Deep(*row) for row in cursor.fetchall()]


def lost(since: datetime, most: int) -> list[tuple[str, str, int, datetime]]:
    """Why deliveries ended without surely having arrived: error, connector, how many, when the last.

    One query, over the newest `most` that ended since then.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOST, [connection.ops.adapt_datetimefield_value(since), most])
        rows = cursor.fetchall()
    return [(error, kind, count, _time(newest) or since) for error, kind, count, newest in rows]


def busy() -> dict[str, int]:
    """Lanes that somebody works on now, by connector. One query over the Seats."""
    seats = Seat.objects.filter(lane_lease_until__gt=clock.now())
    return dict(seats.values_list("account__kind").annotate(Count("pk")).order_by())


def waiting(*, before: datetime | None = None) -> list[Waiting]:
    """Lanes whose oldest open delivery is due (since `before`), may be sent, and which nobody holds.

    One query. A lane between two turns is among them for a moment.
    """
    now = clock.now()
    due = Greatest("next_attempt_at", Coalesce("seat__lane_not_before", "next_attempt_at"))
    heads = RawSQL(HEADS, ())  # noqa: S611 - a constant
    able = Delivery.objects.filter(seat__failure="", seat__account__status__in=LinkedAccount.USABLE)
    late = able.filter(pk__in=heads).annotate(since=due).filter(since__lte=before or now)
    idle = late.exclude(seat__lane_lease_until__gt=now)
    rows = idle.values_list("seat", "seat__lane_fence", "pk", "seat__account__kind", "since")
    return [Waiting(*row) for row in rows]


def _time(value: datetime | str | None) -> datetime | None:
    """SQLite knows no times, and a query of our own is not translated for it."""
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else value
