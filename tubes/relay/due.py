"""What an account has to read: the statements that each poll makes, most of which find little to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from accounts.models import LinkedAccount
from sameroom import clock
from tubes.models import Room, Seat
from tubes.relay import leases, sql
from tubes.relay.leases import Lease

ACCOUNT = sql.Columns(LinkedAccount, LinkedAccount._meta.db_table)
ROOM, SEAT = sql.Columns(Room, "r"), sql.Columns(Seat, "s")
# The rooms that an account reads for everybody.
READ_BY = """
    FROM tubes_room r JOIN tubes_seat s ON s.id = r.reader_id
    WHERE s.account_id = %s AND s.failure = '' AND r.next_poll_at IS NOT NULL
"""
DUE = f"SELECT {ROOM.text}, {SEAT.text} {READ_BY} AND r.next_poll_at <= %s ORDER BY r.next_poll_at"
COUNTS = f"""
    SELECT COUNT(*), COALESCE(SUM(CASE WHEN r.pushes > 0 AND s.hook_id <> '' THEN 1 ELSE 0 END), 0) {READ_BY}
"""
RELEASE = f"""
    UPDATE accounts_linkedaccount SET poll_lease_until = NULL WHERE id = %s AND poll_fence = %s
    {{without_waiting}} RETURNING (SELECT MIN(r.next_poll_at) {READ_BY})
"""

COUNT_HOLDS = 10.0  # seconds; by it only the pace is set
MOST_COUNTED = 10_000  # accounts


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rooms an account reads."""

    all: int
    announced: int  # of them, whose service tells of their news


_counted: dict[int, tuple[float, Counts | None]] = {}


def claim(account_id: int, fence: int) -> tuple[LinkedAccount, Lease] | None:
    """An account and the lease to read for it, or None while somebody has it. One UPDATE. See `leases`."""
    return leases.claim_row(ACCOUNT, account_id, "poll", fence=fence)


def release(lease: Lease) -> datetime | None:
    """Give the lease back; when a room is due next, None where none is or the lease was lost. One UPDATE.

    Also where the connection was cut: else nobody would read for the account until the lease ends.
    """
    statement = RELEASE.format(without_waiting=sql.without_waiting())
    found = sql.again(partial(sql.rows, statement, [lease.pk, lease.fence, lease.pk]))
    return sql.read_moment(found[0][0]) if found else None


def rooms(account_id: int) -> list[Room]:
    """What is due now, soonest first, each with its reader. One query."""
    found = []
    for row in sql.rows(DUE, [account_id, sql.moment(clock.now())]):
        room = ROOM.read(row[: ROOM.count])
        room.reader = SEAT.read(row[ROOM.count :])
        found.append(room)
    return found


def counts(account_id: int) -> Counts:
    """As counted a few seconds ago at the most. One query, or none."""
    until, known = _counted.get(account_id, (0.0, None))
    if known is None or clock.monotonic() > until:
        [(every, announced)] = sql.rows(COUNTS, [account_id])
        known = Counts(every, announced)
        if len(_counted) > MOST_COUNTED:
            _counted.clear()
        _counted[account_id] = clock.monotonic() + COUNT_HOLDS, known
    return known


def forget() -> None:
    """Count anew, at the next call in this process."""
    _counted.clear()
