"""Leases in the database, with a fence that every claim changes and every finish checks.

A lease outlives every outside call made under it (the calls' deadlines are shorter), so whoever
claims an expired one knows that the former holder's last call has ended one way or the other.

Claims and releases do not wait for the disk (PostgreSQL): a crash of the database may undo one, and then
the row says what it said before. No fence comes twice, so whoever held the undone claim hits no row with
it; and a send is begun by a statement that does wait, and with it the claim is on the disk.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from django.db.models import Model

from sameroom import clock
from tubes.relay import sql

LEASE = timedelta(seconds=30)
MARGIN = timedelta(seconds=5)
FENCES = 2**62

ModelT = TypeVar("ModelT", bound=Model)


@dataclass(slots=True)
class Lease:
    """The right to work on one row, valid while the row carries this fence."""

    model: type[Model]
    pk: int
    prefix: str
    fence: int
    until: datetime

    def renew(self, seconds: float = 0.0) -> bool:
        """Extend the lease from now, beyond so many seconds; False when somebody else has it. One UPDATE."""
        until = clock.now() + max(LEASE, timedelta(seconds=seconds) + MARGIN)
        if not self._set(until, waits=True):
            return False
        self.until = until
        return True

    def lasts(self, seconds: float) -> bool:
        """Whether the lease is ours for so long; it is renewed where it would not be."""
        return self.until > clock.now() + timedelta(seconds=seconds) or self.renew(seconds)

    def release(self) -> None:
        """Give the lease back, if it is still ours, also where the connection was cut. One UPDATE."""
        sql.again(partial(self._set, None, waits=False))

    def _set(self, until: datetime | None, *, waits: bool) -> bool:
        statement = (
            f"UPDATE {self.model._meta.db_table} SET {self.prefix}_lease_until = %s "
            f"WHERE id = %s AND {self.prefix}_fence = %s{'' if waits else sql.without_waiting()}"
        )
        return sql.run(statement, [sql.moment(until) if until else None, self.pk, self.fence]) == 1


def claim(model: type[Model], pk: int, prefix: str, *, fence: int = 0) -> Lease | None:
    """Claim the lease of a row, or None while somebody holds it (or `fence` has passed). One UPDATE.

    `prefix` names the columns: `<prefix>_fence` and `<prefix>_lease_until`.
    """
    lease, statement, values = _claiming(model, pk, prefix, fence)
    return lease if sql.run(statement, values) == 1 else None


def claim_row(
    columns: sql.Columns[ModelT], pk: int, prefix: str, *, fence: int = 0
) -> tuple[ModelT, Lease] | None:
    """As `claim`, together with the row as it is then; `columns` of the table by its own name."""
    lease, statement, values = _claiming(columns.model, pk, prefix, fence)
    found = sql.rows(f"{statement} RETURNING {columns.text}", values)
    return (columns.read(found[0]), lease) if found else None


def _claiming(model: type[Model], pk: int, prefix: str, fence: int) -> tuple[Lease, str, list[object]]:
    now = clock.now()
    until = now + LEASE
    statement = f"""
        UPDATE {model._meta.db_table} SET {prefix}_fence = %s, {prefix}_lease_until = %s
        WHERE id = %s AND ({prefix}_lease_until IS NULL OR {prefix}_lease_until < %s)
        AND CAST(%s AS BIGINT) IN (0, {prefix}_fence){sql.without_waiting()}
    """
    mine = _new_fence()
    values = [mine, sql.moment(until), pk, sql.moment(now), fence]
    return Lease(model, pk, prefix, mine, until), statement, values


def _new_fence() -> int:
    return secrets.randbelow(FENCES) + 1


# ----------------------------------------------------------------- many rows at once


@dataclass(frozen=True, slots=True)
class Leases:
    """The leases that one process keeps on many rows of a table: each verb is one UPDATE.

    What it holds it is given and gives back as row → fence. A row that somebody else has locked is passed
    over, so that two who claim do not wait for each other, nor renewing for one slow transaction.
    """

    model: type[Model]
    prefix: str

    def claim(self, pks: Collection[int], lasts: timedelta) -> dict[int, int]:
        """Claim those of these rows that nobody holds, under one fresh fence."""
        if not pks:
            return {}
        now, fence = clock.now(), _new_fence()
        free = f"({self._until} IS NULL OR {self._until} < %s)"
        values = [fence, sql.moment(now + lasts), *self._among(pks), sql.moment(now)]
        return self._set(f"{self._fence} = %s, {self._until} = %s", pks, free, values)

    def renew(self, held: Mapping[int, int], lasts: timedelta) -> dict[int, int]:
        """Extend what is still held; the rest was lost, or is locked just now (see `still_held`)."""
        fences = sql.padded(sorted(set(held.values())))
        values = [sql.moment(clock.now() + lasts), *self._among(held), *fences]
        return self._mine(f"{self._until} = %s", held, fences, values)

    def release(self, held: Mapping[int, int]) -> None:
        """Give back what is still held."""
        fences = sql.padded(sorted(set(held.values())))
        self._mine(f"{self._until} = NULL", held, fences, [*self._among(held), *fences])

    def still_held(self, held: Mapping[int, int]) -> dict[int, int]:
        """Which of these rows carry our fence yet. One query."""
        if not held:
            return {}
        among = self._among(held)
        statement = f"SELECT id, {self._fence} FROM {self._table} WHERE id IN {sql.marks(among)}"
        return _matching(held, dict(sql.rows(statement, among)))

    def _mine(
        self, change: str, held: Mapping[int, int], fences: list[int], values: list[object]
    ) -> dict[int, int]:
        if not held:
            return {}
        return _matching(held, self._set(change, held, f"{self._fence} IN {sql.marks(fences)}", values))

    def _set(self, change: str, pks: Collection[int], condition: str, values: list[object]) -> dict[int, int]:
        chosen = f"SELECT id FROM {self._table} WHERE id IN {sql.marks(self._among(pks))} AND {condition}"
        if sql.is_postgres():
            chosen += " FOR NO KEY UPDATE SKIP LOCKED"
        statement = f"""
            UPDATE {self._table} SET {change} WHERE id IN ({chosen}){sql.without_waiting()}
            RETURNING id, {self._fence}
        """
        return dict(sql.rows(statement, values))

    @property
    def _table(self) -> str:
        return self.model._meta.db_table

    @property
    def _fence(self) -> str:
        return f"{self.prefix}_fence"

    @property
    def _until(self) -> str:
        return f"{self.prefix}_lease_until"

    @staticmethod
    def _among(pks: Collection[int]) -> list[int]:
        return sql.padded(sorted(pks))


def _matching(held: Mapping[int, int], found: Mapping[int, int]) -> dict[int, int]:
    return {pk: fence for pk, fence in held.items() if found.get(pk) == fence}
