"""How Seats stand, for pages: whose lane does not get on, and how much did not arrive. Reads only.

Live pages ask this every few seconds. So each answer is one statement, served by the partial indexes
however long a queue is, and nothing is counted further than MOST.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sameroom import clock
from tubes.relay import sql
from tubes.relay.queueing import WAITS

MOST = 1000  # one more stands for "more than that"
RESTS = timedelta(seconds=5)  # a lane that rests no longer than this is not worth a word
PATIENCE = timedelta(seconds=30)  # so long a message may fail before it is


@dataclass(frozen=True, slots=True)
class StuckLane:
    """A lane in which something waits while its service takes nothing."""

    waiting: int
    error: str  # what the service said last, a sentence; may be empty
    again_at: datetime | None  # where a limit is what it waits for: when that ends


@dataclass(frozen=True, slots=True)
class Undelivered:
    """What ended without surely having arrived."""

    failed: int
    unknown: int


# A lane by its first message: {which} of those that do not get on.
LANE = """
    FROM tubes_seat s JOIN tubes_delivery h ON h.id = (
        SELECT MIN(d.id) FROM tubes_delivery d WHERE d.seat_id = s.id AND d.status IN ('queued', 'sending'))
    WHERE s.id IN {which} AND (s.lane_not_before > %s
        OR (h.error NOT IN ('', %s) AND COALESCE(h.failing_since, h.created_at) < %s))
"""
STUCK = f"""
    SELECT s.id, s.lane_not_before, s.throttled_since, h.failing_since, h.error,
        (SELECT COUNT(*) FROM (
            SELECT 1 FROM tubes_delivery w
            WHERE w.seat_id = s.id AND w.status IN ('queued', 'sending') LIMIT %s) counted)
    {LANE}
"""
# Of all Tubes of an owner: their ends are not sent there and back, for there may be thousands.
STUCK_OF = f"""
    WITH ends AS (
        SELECT t.side_a_id AS a, t.side_b_id AS b FROM tubes_tube t
        JOIN tubes_seat x ON x.id = t.side_a_id JOIN tubes_seat y ON y.id = t.side_b_id
        WHERE t.status = 'active' AND (x.owner_id = %s OR y.owner_id = %s))
    SELECT s.id {LANE.format(which="(SELECT a FROM ends UNION SELECT b FROM ends)")}
"""
COUNT = """
    (SELECT COUNT(*) FROM (
        SELECT 1 FROM tubes_delivery d WHERE d.seat_id = s.id AND d.status IN ('failed', 'unknown')
        AND d.status = '{status}' AND d.origin_id IS NOT NULL LIMIT %s) {status})
"""
UNDELIVERED = f"""
    SELECT s.id, {COUNT.format(status="failed")}, {COUNT.format(status="unknown")}
    FROM tubes_seat s WHERE s.id IN {{seats}}
"""
# The owner has not put the notice away that told of it.
TOLD = """
    AND EXISTS (SELECT 1 FROM tubes_notice n
        WHERE n.seat_id = s.id AND n.kind IN ('loss', 'unknown') AND n.dismissed_at IS NULL)
"""


def stuck_lanes(seat_ids: Iterable[int]) -> dict[int, StuckLane]:
    """Seat id → its lane, for those of these Seats whose lane does not get on. One query.

    What waits for another account's login is no trouble of this lane's.
    """
    seats = list(seat_ids)
    now = clock.now()
    soon = now + RESTS
    values = [MOST + 1, *seats, sql.moment(soon), WAITS, sql.moment(now - PATIENCE)]
    found = {}
    for row in sql.rows(STUCK.format(which=sql.marks(seats)), values):
        seat, rests_until, throttled_since, failing_since, error, waiting = row
        again_at = sql.read_moment(rests_until)
        is_limit = throttled_since is not None and failing_since is None and again_at and again_at > soon
        found[seat] = StuckLane(waiting, "" if error == WAITS else error, again_at if is_limit else None)
    return found


def stuck_seats_of(owner_id: int) -> list[int]:
    """The Seats at either end of this owner's active Tubes whose lane does not get on. One query."""
    now = clock.now()
    values = [owner_id, owner_id, sql.moment(now + RESTS), WAITS, sql.moment(now - PATIENCE)]
    return [seat for (seat,) in sql.rows(STUCK_OF, values)]


def undelivered(seat_ids: Iterable[int], *, only_told: bool = False) -> dict[int, Undelivered]:
    """Seat id → how much did not arrive, for those of these Seats where that is anything. One query.

    `only_told` leaves out Seats whose owner has dismissed the notices about it. Our own notices do
    not count.
    """
    seats = list(seat_ids)
    statement = UNDELIVERED.format(seats=sql.marks(seats)) + (TOLD if only_told else "")
    rows = sql.rows(statement, [MOST + 1, MOST + 1, *seats])
    return {seat: Undelivered(failed, unknown) for seat, failed, unknown in rows if failed or unknown}
