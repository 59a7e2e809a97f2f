"""The chat services: what their connectors find amiss, and how the accounts at them stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from django.db.models import Count

from accounts.models import LinkedAccount
from connectors.base import Connector
from connectors.findings import Finding, ok, warning
from connectors.registry import connectors

_HALF = 0.5  # of the accounts at a service: more in trouble are no single owner's affair


def services() -> Iterator[Finding]:
    """Of each connector its own findings, then its accounts. Database I/O, and the connectors' network "
    "I/O."""
    states: Counter[tuple[str, str]] = Counter()
    counted = LinkedAccount.objects.values_list("kind", "status").annotate(Count("pk")).order_by()
    for kind, status, number in counted:
        states[kind, status] = number
    for cls in connectors().values():
        yield from cls.operator_findings()
        yield _accounts(cls, states)
    for kind in sorted({kind for kind, _ in states} - connectors().keys()):
        yield warning(
            f"There are accounts at {kind!r}, which is not among CONNECTORS: nothing of theirs is relayed.",
            f"Put {kind} back into CONNECTORS, or have the accounts removed.",
        )


def _accounts(cls: type[Connector], states: Counter[tuple[str, str]]) -> Finding:
    status = LinkedAccount.Status
    everything = sum(states[cls.kind, one] for one in status)
    refused, troubled = states[cls.kind, status.NEEDS_LOGIN], states[cls.kind, status.RETRYING]
    told = f"{cls.label}: {everything} account{'' if everything == 1 else 's'}"
    if refused or troubled:
        told += f", {refused} of them need a login, {troubled} have a problem at the service"
    if everything > 2 and refused + troubled > _HALF * everything:
        return warning(
            f"{told}.",
            "So many at once are no single owner's affair: see whether the service, or the way to it, is "
            "down.",
        )
    return ok(f"{told}.")
