"""Leases in the database, with a fence that every claim raises and every finish checks.

A lease outlives every outside call made under it (the calls' deadlines are shorter), so whoever
claims an expired one knows that the former holder's last call has ended one way or the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F, Model, Q

from sameroom import clock

LEASE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on one row, valid while the row carries this fence."""

    model: type[Model]
    pk: int
    prefix: str
    fence: int

    @property
    def _mine(self) -> dict[str, int]:
        return {"pk": self.pk, f"{self.prefix}_fence": self.fence}

    def renew(self) -> bool:
        """Extend the lease from now; False when somebody else has it. One UPDATE."""
        rows = self.model._default_manager.filter(**self._mine)
        return rows.update(**{f"{self.prefix}_lease_until": clock.now() + LEASE}) == 1

    def release(self) -> None:
        """Give the lease back, if it is still ours. One UPDATE."""
        self.model._default_manager.filter(**self._mine).update(**{f"{self.prefix}_lease_until": None})


def claim(model: type[Model], pk: int, prefix: str, *, fence: int = 0) -> Lease | None:
    """Claim the lease of a row, or None while somebody holds it (or `fence` has passed).

    `prefix` names the columns: `<prefix>_fence` and `<prefix>_lease_until`. Two statements, no
    transaction needed: the fence read is the fence compared.
    """
    rows = model._default_manager.filter(pk=pk)
    current = rows.values_list(f"{prefix}_fence", flat=True).first()
    if current is None or (fence and fence != current):
        return None
    free = Q(**{f"{prefix}_lease_until__isnull": True}) | Q(**{f"{prefix}_lease_until__lt": clock.now()})
    changes = {f"{prefix}_fence": F(f"{prefix}_fence") + 1, f"{prefix}_lease_until": clock.now() + LEASE}
    if rows.filter(free, **{f"{prefix}_fence": current}).update(**changes) != 1:
        return None
    return Lease(model, pk, prefix, current + 1)
