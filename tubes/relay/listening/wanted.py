"""Which accounts have to be listened to, and which of their rooms matter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from django.db.models import Exists, OuterRef, Q

from accounts.models import LinkedAccount, LinkedAccountQuerySet
from connectors.base import Connector, RoomId
from connectors.registry import connectors
from sameroom import clock
from tubes.models import Seat


def kinds() -> list[str]:
    """The services that can stream, though perhaps not for every account."""
    return [kind for kind, service in connectors().items() if service.stream is not Connector.stream]


def accounts() -> LinkedAccountQuerySet:
    """Accounts of these services that may be used, for an open Tube or a Portal."""
    used = Seat.objects.in_use().filter(account=OuterRef("pk"), failure="")
    return LinkedAccount.objects.usable().filter(Exists(used), kind__in=kinds())


def free(most: int, *, without: Collection[int]) -> list[LinkedAccount]:
    """Some of them that nobody listens to. One query."""
    idle = Q(stream_lease_until=None) | Q(stream_lease_until__lt=clock.now())
    return list(accounts().filter(idle).exclude(pk__in=without).order_by("pk")[:most])


def rooms(account_ids: Collection[int]) -> dict[int, frozenset[RoomId]]:
    """The rooms that matter of each of these accounts; accounts without any are left out. One query."""
    found: dict[int, set[RoomId]] = defaultdict(set)
    seats = Seat.objects.able().filter(account__in=account_ids)
    for account, room in seats.values_list("account_id", "room__remote_id"):
        found[account].add(RoomId(room))
    return {account: frozenset(known) for account, known in found.items()}
