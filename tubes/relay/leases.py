"""Leases in the database, with a fence that every claim raises and every finish checks.

A lease outlives every outside call made under it (the calls' deadlines are shorter), so whoever
claims an expired one knows that the former holder's last call has ended one way or the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Model

from sameroom import clock
from tubes.relay import sql

LEASE = timedelta(seconds=30)


@dataclass(slots=True)
class Lease:
    """The right to work on one row, valid while the row carries this fence."""

    model: type[Model]
    pk: int
    prefix: str
    fence: int
    until: datetime

    def renew(self) -> bool:
        """Extend the lease from now; False when somebody else has it. One UPDATE."""
        until = clock.now() + LEASE
        if not self._set(until):
            return False
        self.until = until
        return True

    def lasts(self, seconds: float) -> bool:
        """Whether the lease is ours for so long; it is renewed where it would not be."""
        return self.until > clock.now() + timedelta(seconds=seconds) or self.renew()

    def release(self) -> None:
        """Give the lease back, if it is still ours. One UPDATE."""
        self._set(None)

    def _set(self, until: datetime | None) -> bool:
        table = self.model._meta.db_table
        return _changed(
            f"UPDATE {table} SET {self.prefix}_lease_until = %s WHERE id = %s AND {self.prefix}_fence = %s",
            sql.moment(until) if until else None,
            self.pk,
            self.fence,
        )


def claim(model: type[Model], pk: int, prefix: str, *, fence: int = 0) -> Lease | None:
    """Claim the lease of a row, or None while somebody holds it (or `fence` has passed). One UPDATE.

    `prefix` names the columns: `<prefix>_fence` and `<prefix>_lease_until`.
    """
    now = clock.now()
    until = now + LEASE
    statement = f"""
        UPDATE {model._meta.db_table} SET {prefix}_fence = {prefix}_fence + 1, {prefix}_lease_until = %s
        WHERE id = %s AND ({prefix}_lease_until IS NULL OR {prefix}_lease_until < %s)
        AND CAST(%s AS BIGINT) IN (0, {prefix}_fence) RETURNING {prefix}_fence
    """
    found = sql.rows(statement, [sql.moment(until), pk, sql.moment(now), fence])
    return Lease(model, pk, prefix, found[0][0], until) if found else None


def _changed(statement: str, *values: object) -> bool:
    return sql.run(statement, values) == 1
