"""What a lane reads: its Seat with account and room, and the deliveries that wait at it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import timedelta

from accounts.models import LinkedAccount
from sameroom import clock
from tubes.models import Delivery, Event, Room, Seat
from tubes.relay import sql

AT_ONCE = 64  # deliveries read at once
PER_ORIGIN = 16  # of each room, where more than that wait
# What is due so soon is due: whoever queued it may read the database's clock a little ahead of us.
NEAR = timedelta(milliseconds=20)

SEAT, ACCOUNT, ROOM = sql.Columns(Seat, "s"), sql.Columns(LinkedAccount, "a"), sql.Columns(Room, "r")
DELIVERY, EVENT = sql.Columns(Delivery, "d"), sql.Columns(Event, "e")
ONE_SEAT = f"""
    SELECT {SEAT.text}, {ACCOUNT.text}, {ROOM.text} FROM tubes_seat s
    JOIN accounts_linkedaccount a ON a.id = s.account_id JOIN tubes_room r ON r.id = s.room_id WHERE s.id = %s
"""
WAITING = f"""
    SELECT {DELIVERY.text}, {EVENT.text} FROM tubes_delivery d JOIN tubes_event e ON e.id = d.event_id
    WHERE d.seat_id = %s AND d.status IN ('queued', 'sending') {{and_}} ORDER BY d.id LIMIT {{most}}
"""
ORIGINS = """
    SELECT DISTINCT origin_id FROM tubes_delivery
    WHERE seat_id = %s AND status IN ('queued', 'sending') AND origin_id IS NOT NULL
"""
# Of each origin counts the first: what stands behind it is not due before. A lane that cannot work has
# nothing to do, whatever waits.
SOONEST = """
    SELECT d.next_attempt_at, s.lane_not_before FROM tubes_delivery d
    JOIN tubes_seat s ON s.id = d.seat_id JOIN accounts_linkedaccount a ON a.id = s.account_id
    WHERE d.id IN (
        SELECT MIN(id) FROM tubes_delivery WHERE seat_id = %s AND status IN ('queued', 'sending')
        GROUP BY origin_id)
    AND s.failure = '' AND a.status IN ('connected', 'retrying')
    ORDER BY d.next_attempt_at LIMIT 1
"""

# States stand in the text: SQLite takes a partial index for literals only.
IDLE = """
    SELECT DISTINCT d.seat_id, s.account_id FROM tubes_delivery d
    JOIN tubes_seat s ON s.id = d.seat_id JOIN accounts_linkedaccount a ON a.id = s.account_id
    WHERE d.status IN ('queued', 'sending') AND d.next_attempt_at <= %s
    AND (s.lane_not_before IS NULL OR s.lane_not_before <= %s)
    AND (s.lane_lease_until IS NULL OR s.lane_lease_until <= %s)
    AND s.failure = '' AND a.status IN ('connected', 'retrying') ORDER BY d.seat_id
"""


def seat(seat_id: int) -> Seat:
    """A Seat with its account and its room. One query. Raises Seat.DoesNotExist."""
    found = sql.rows(ONE_SEAT, [seat_id])
    if not found:
        raise Seat.DoesNotExist(f"Seat {seat_id} is gone.")
    row = found[0]
    loaded = SEAT.read(row[: SEAT.count])
    loaded.account = ACCOUNT.read(row[SEAT.count : SEAT.count + ACCOUNT.count])
    loaded.room = ROOM.read(row[SEAT.count + ACCOUNT.count :])
    return loaded


def queue(of: Seat) -> list[Delivery]:
    """The next deliveries in the order of their turns: what has begun first, then room by room.

    Of what has begun a part is on the wire or has arrived: nobody else's words are to come between.
    One query, or two and one per room where many wait.
    """
    found = _waiting(of, "", AT_ONCE)
    if len(found) == AT_ONCE:
        # Rooms that come later in a long queue get their turn as well.
        seen = {delivery.origin_id for delivery in found}
        for (origin,) in sql.rows(ORIGINS, [of.pk]):
            if origin not in seen:
                found += _waiting(of, "AND d.origin_id = %s", PER_ORIGIN, origin)
    turn: dict[int | None, int] = defaultdict(int)
    order: dict[int, tuple[bool, int, int]] = {}
    for delivery in found:
        has_begun = delivery.status == Delivery.Status.SENDING or delivery.part > 0
        order[delivery.pk] = (not has_begun, turn[delivery.origin_id], delivery.pk)
        turn[delivery.origin_id] += 1
    return sorted(found, key=lambda delivery: order[delivery.pk])


def _waiting(of: Seat, and_: str, most: int, *values: int) -> list[Delivery]:
    found = []
    for row in sql.rows(WAITING.format(and_=and_, most=most), [of.pk, *values]):
        delivery = DELIVERY.read(row[: DELIVERY.count])
        delivery.event, delivery.seat = EVENT.read(row[DELIVERY.count :]), of
        found.append(delivery)
    return found


def next_due(seat_id: int) -> float | None:
    """Seconds until this lane has something to do; None where nothing waits, or it cannot work. One query."""
    found = sql.rows(SOONEST, [seat_id])
    if not found:
        return None
    moments = [moment for moment in map(sql.read_moment, found[0]) if moment is not None]
    ahead = max(moments) - clock.now()
    return 0.0 if ahead <= NEAR else ahead.total_seconds()


def idle_lanes(accounts: Collection[int] | None = None) -> list[int]:
    """Seats with something due while nobody holds the lane, of these accounts or of all. One query."""
    now = sql.moment(clock.now())
    found = sql.rows(IDLE, [now, now, now])
    return [seat_id for seat_id, account_id in found if accounts is None or account_id in accounts]
