"""The keys: whether they open what is stored, and whether old ones are still needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import Final

from django.conf import settings

from accounts.models import LinkedAccount
from accounts.secrets import key_of
from connectors.findings import Finding, error, ok, warning

SAMPLE: Final = 2_000  # accounts, half of them the oldest: those whose key may be gone
_KEEP: Final = "Keep a copy of ENCRYPTION_KEYS apart from the database's backup."


def keys() -> Iterator[Finding]:
    """Opens stored logins with the keys there are, and forgets them at once. Database I/O."""
    found: Counter[int | None] = Counter(map(key_of, _sealed()))
    looked_at, unreadable = found.total(), found.pop(None, 0)
    if not looked_at:
        yield ok(f"No login is stored yet. {_KEEP}")
        return
    if unreadable:
        yield error(
            f"{unreadable} of {looked_at} stored logins that were looked at can be opened with no key.",
            "Put the key that is missing back into ENCRYPTION_KEYS, behind the others. Where it is lost, "
            "each owner has to renew the account.",
        )
    old = found.total() - found[0]
    if old:
        yield warning(
            f"{old} of {looked_at} stored logins are still encrypted with an old key.",
            "Run manage.py rotate_keys; then the old keys can be taken out.",
        )
    elif not unreadable and len(settings.ENCRYPTION_KEYS) > 1:
        yield _unneeded(looked_at)
    elif not unreadable:
        yield ok(f"Every stored login that was looked at ({looked_at}) opens with the first key. {_KEEP}")


def _unneeded(looked_at: int) -> Finding:
    if looked_at < SAMPLE:
        return ok(
            "Every stored login opens with the first key: the others can be taken out of ENCRYPTION_KEYS."
        )
    return ok(
        f"All {looked_at} logins that were looked at open with the first key. Before you take others out, "
        "run manage.py rotate_keys."
    )


def _sealed() -> Iterator[bytes]:
    """Stored logins: all, or as many of the oldest as of the newest."""
    order = LinkedAccount.objects.values_list("pk", "sealed")
    oldest = list(order.order_by("pk")[: SAMPLE // 2])
    newest = order.order_by("-pk").exclude(pk__in=[pk for pk, _ in oldest])[: SAMPLE // 2]
    return (bytes(sealed) for _, sealed in chain(oldest, newest))
