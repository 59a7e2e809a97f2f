"""The keys: whether they open what is stored, and whether old ones are still needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db.models import QuerySet

from accounts.models import LinkedAccount
from accounts.second_factor import SECRETS
from accounts.secrets import key_of
from connectors.findings import Finding, error, ok, warning

SAMPLE: Final = 2_000  # rows of a table, half of them the oldest: those whose key may be gone
_KEEP: Final = "Keep a copy of ENCRYPTION_KEYS apart from the database's backup."


def keys() -> Iterator[Finding]:
    """Opens logins of accounts and second steps with the keys there are, and forgets them. Database I/O."""
    found: Counter[int | None] = Counter(map(key_of, chain(_logins(), _second_steps())))
    looked_at, unreadable = found.total(), found.pop(None, 0)
    if not looked_at:
        yield ok(f"No secret is stored yet. {_KEEP}")
        return
    if unreadable:
        yield error(
            f"{unreadable} of {looked_at} stored secrets that were looked at can be opened with no key.",
            "Put the key that is missing back into ENCRYPTION_KEYS, behind the others. Where it is lost, "
            "owners have to renew their accounts, and manage.py second_factor_reset ends a second step.",
        )
    old = found.total() - found[0]
    if old:
        yield warning(
            f"{old} of {looked_at} stored secrets are still encrypted with an old key.",
            "Run manage.py rotate_keys; then the old keys can be taken out.",
        )
    elif not unreadable and len(settings.ENCRYPTION_KEYS) > 1:
        yield ok(
            f"All stored secrets that were looked at ({looked_at}) open with the first key. Run manage.py "
            "rotate_keys once more before you take the others out."
        )
    elif not unreadable:
        yield ok(f"All stored secrets that were looked at ({looked_at}) open with the key. {_KEEP}")


def _logins() -> Iterator[bytes]:
    return (bytes(sealed) for sealed in _sample(LinkedAccount.objects.all(), "sealed"))


def _second_steps() -> Iterator[bytes]:
    """Keys of people's apps, and what their recovery codes are made of."""
    for data in _sample(Authenticator.objects.all(), "data"):
        yield from (str(data[name]).encode() for name in SECRETS if data.get(name))


def _sample(rows: QuerySet[Any], column: str) -> Iterator[Any]:
    """A column of all rows, or of as many of the oldest as of the newest. Two queries."""
    order = rows.values_list("pk", column)
    oldest = list(order.order_by("pk")[: SAMPLE // 2])
    newest = order.order_by("-pk").exclude(pk__in=[pk for pk, _ in oldest])[: SAMPLE // 2]
    return (value for _, value in chain(oldest, newest))
