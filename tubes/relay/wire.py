"""What a lane writes around each request: one statement ends one delivery and begins the next.

So at most one post of a lane is on the wire, and each message costs one commit. The statement says how
many rows it ended and began; whoever gets another number than expected has lost the lane.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from django.db import transaction

from connectors.base import MessageId
from sameroom import clock
from tubes.models import Delivery
from tubes.relay import sql
from tubes.relay.leases import Lease

POST_COLUMNS = ("delivery_id", "room_id", "part", "remote_id", "fingerprint", "is_seen", "posted_at")
FENCE = "EXISTS (SELECT 1 FROM tubes_seat WHERE id = %s AND lane_fence = %s)"

END = "(side_a_id = %s OR side_b_id = %s)"
IN_USE = (
    f"EXISTS (SELECT 1 FROM tubes_tube WHERE status <> 'closed' AND {END}) "
    "OR EXISTS (SELECT 1 FROM tubes_portal WHERE seat_id = %s AND deleted_at IS NULL)"
)


@dataclass(frozen=True, slots=True)
class Arrived:
    """A step that was carried out: what is to be noted of it."""

    deliveries: Sequence[Delivery]  # several where they share one post
    part: int
    remote_id: MessageId | None  # None: a step that posts nothing of its own
    fingerprint: str
    is_last: bool


@dataclass(frozen=True, slots=True)
class Beginning:
    """A delivery about to be sent, as it was read; and the Tubes by which it is reached."""

    delivery: Delivery
    fingerprint: str  # of the part; "" where the step may be repeated
    tubes: tuple[int, ...] = ()  # all must be active
    asks_seat: bool = False  # some Tube at the Seat must be active
    takes_longer: timedelta = timedelta(0)  # than any message: it counts as begun so much later


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the statement did."""

    ended: bool  # the arrived step was noted, and the lane was still ours
    begun: bool
    is_holding: bool  # something has arrived, and events of this room wait for a send to be decided
    released: bool


class Release(Enum):
    """Whether the lease is given back with the same statement."""

    NO = "no"
    IF_EMPTY = "if_empty"  # unless more waits at the Seat than what has just arrived
    YES = "yes"


Piece = tuple[str, list[object]]


def write(
    lease: Lease,
    room_id: int,
    arrived: Arrived | None,
    beginning: Beginning | None,
    *,
    release: Release = Release.NO,
) -> Outcome:
    """Note what arrived and begin the next delivery, or give the lease back.

    One statement on PostgreSQL, one commit.
    """
    now = clock.now()
    free = None if release is Release.NO else _release(lease, release, arrived)
    ending = _ending(lease, arrived, now) if arrived else None
    begin = _begin(lease, beginning, now) if beginning else None
    post = _post(arrived, room_id, now) if arrived and arrived.remote_id is not None else None
    wanted = len(arrived.deliveries) if arrived else 0
    do = _at_once if sql.is_postgres() else _one_by_one
    ended, begun, freed, holding = do(post, ending, begin, free, room_id, wanted)
    return Outcome(ended == wanted, begun == 1, holding, freed == 1)


def write_together(lease: Lease, beginnings: Sequence[Beginning]) -> bool:
    """Begin several deliveries that share one post: all of them or none. One transaction."""
    deliveries, fingerprint = [one.delivery for one in beginnings], beginnings[0].fingerprint
    now, ids = clock.now(), [delivery.pk for delivery in deliveries]
    unchanged = " ".join("WHEN CAST(%s AS BIGINT) THEN CAST(%s AS BIGINT)" for _ in deliveries)
    carried = [value for delivery in deliveries for value in (delivery.pk, delivery.carries_id or 0)]
    conditions, values = _is_open(lease, beginnings)
    with transaction.atomic():
        begun = sql.run(
            "UPDATE tubes_delivery "
            "SET status = 'sending', sending_since = %s, fingerprint = %s, lead_id = %s, parts = NULL "
            f"WHERE id IN {sql.marks(ids)} AND seat_id = %s AND status = 'queued' AND part = 0 AND {FENCE} "
            f"AND COALESCE(carries_id, 0) = CASE id {unchanged} END{conditions}",
            [sql.moment(now), fingerprint, ids[0], *ids, lease.pk, lease.pk, lease.fence, *carried, *values],
        )
        if begun != len(ids):
            transaction.set_rollback(True)
            return False
    for delivery in deliveries:
        delivery.status, delivery.sending_since = Delivery.Status.SENDING, now
        delivery.fingerprint, delivery.lead_id = fingerprint, ids[0]
    return True


def _post(arrived: Arrived, room_id: int, now: datetime) -> Piece:
    # Without ids a post is known by its text, until it was seen once.
    told = (arrived.part, arrived.remote_id, arrived.fingerprint, bool(arrived.remote_id), sql.moment(now))
    lines = [(delivery.pk, room_id, *told) for delivery in arrived.deliveries]
    return sql.insert("tubes_post", POST_COLUMNS, lines, "ON CONFLICT (delivery_id, part) DO NOTHING")


def _ending(lease: Lease, arrived: Arrived, now: datetime) -> Piece:
    ids = [delivery.pk for delivery in arrived.deliveries]
    if arrived.is_last:
        changes, values = "status = 'sent', finished_at = %s, error = '', parts = NULL", [sql.moment(now)]
    else:
        changes, values = "status = 'queued'", []
    statement = (
        f"UPDATE tubes_delivery SET {changes}, part = %s "
        f"WHERE id IN {sql.marks(ids)} AND status = 'sending' AND {FENCE}"
    )
    return statement, [*values, arrived.part + 1, *ids, lease.pk, lease.fence]


def _begin(lease: Lease, beginning: Beginning, now: datetime) -> Piece:
    delivery = beginning.delivery
    conditions, values = _is_open(lease, [beginning])
    statement = (
        "UPDATE tubes_delivery SET status = 'sending', sending_since = %s, fingerprint = %s, lead_id = NULL "
        "WHERE id = %s AND seat_id = %s AND status = 'queued' AND part = %s AND COALESCE(carries_id, 0) = %s "
        f"AND {FENCE}{conditions}"
    )
    begun = sql.moment(now + beginning.takes_longer)
    told: list[object] = [begun, beginning.fingerprint, delivery.pk, lease.pk, delivery.part]
    return statement, [*told, delivery.carries_id or 0, lease.pk, lease.fence, *values]


def _is_open(lease: Lease, beginnings: Sequence[Beginning]) -> Piece:
    """Conditions: the Tubes on the way let pass; where none are named, one at the Seat.

    For what we say ourselves it is enough that one is not closed, or that a Portal leads to the room.
    """
    conditions, values = "", list[object]()
    tubes = {tube for beginning in beginnings for tube in beginning.tubes}
    if tubes:
        active = f"status = 'active' AND id IN {sql.marks(tubes)}"
        conditions += f" AND (SELECT COUNT(*) FROM tubes_tube WHERE {active}) = %s"
        values += [*tubes, len(tubes)]
    asking = [beginning.delivery.origin_id for beginning in beginnings if beginning.asks_seat]
    if asking:
        if any(asking):
            conditions += f" AND EXISTS (SELECT 1 FROM tubes_tube WHERE status = 'active' AND {END})"
        else:
            conditions += f" AND ({IN_USE})"
        values += [lease.pk] * (2 if any(asking) else 3)
    return conditions, values


def _release(lease: Lease, how: Release, arrived: Arrived | None) -> Piece:
    statement = "UPDATE tubes_seat SET lane_lease_until = NULL WHERE id = %s AND lane_fence = %s"
    if how is Release.YES:
        return statement, [lease.pk, lease.fence]
    ended = [delivery.pk for delivery in arrived.deliveries] if arrived else []
    more = f"seat_id = %s AND status IN ('queued', 'sending') AND id NOT IN {sql.marks(ended)}"
    empty = f" AND NOT EXISTS (SELECT 1 FROM tubes_delivery WHERE {more})"
    return statement + empty, [lease.pk, lease.fence, lease.pk, *ended]


HOLDING = "EXISTS (SELECT 1 FROM tubes_event WHERE room_id = %s AND held = 'waiting')"


def _at_once(
    post: Piece | None,
    ending: Piece | None,
    begin: Piece | None,
    free: Piece | None,
    room_id: int,
    wanted: int,
) -> tuple[int, int, int, bool]:
    pieces: list[str] = []
    values: list[object] = []
    if post:
        pieces.append(f"posted AS ({post[0]})")
        values += post[1]
    if ending:
        pieces.append(f"ended AS ({ending[0]} RETURNING 1)")
        values += ending[1]
    if begin:
        condition = f" AND (SELECT COUNT(*) FROM ended) = {int(wanted)}" if ending else ""
        pieces.append(f"begun AS ({begin[0]}{condition} RETURNING 1)")
        values += begin[1]
    if free:
        pieces.append(f"freed AS ({free[0]} RETURNING 1)")
        values += free[1]
    ended_count = "(SELECT COUNT(*) FROM ended)" if ending else "0"
    begun_count = "(SELECT COUNT(*) FROM begun)" if begin else "0"
    freed_count = "(SELECT COUNT(*) FROM freed)" if free else "0"
    told = f"{ended_count}, {begun_count}, {freed_count}, {HOLDING if ending else 'FALSE'}"
    values += [room_id] if ending else []
    [(ended, begun, freed, holding)] = sql.rows(f"WITH {', '.join(pieces)} SELECT {told}", values)
    return ended, begun, freed, holding


def _one_by_one(
    post: Piece | None,
    ending: Piece | None,
    begin: Piece | None,
    free: Piece | None,
    room_id: int,
    wanted: int,
) -> tuple[int, int, int, bool]:
    with transaction.atomic():
        if post:
            sql.run(*post)
        ended = sql.run(*ending) if ending else 0
        begun = sql.run(*begin) if begin and ended == wanted else 0
        freed = sql.run(*free) if free else 0
        holding = bool(ending) and bool(sql.rows(f"SELECT 1 WHERE {HOLDING}", [room_id]))
    return ended, begun, freed, holding
