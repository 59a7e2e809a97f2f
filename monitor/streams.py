"""How the streams stand that listeners keep."""

from collections import Counter
from datetime import timedelta
from typing import Final

from django.db.models import Q, QuerySet

from accounts.models import LinkedAccount
from connectors.base import Reading
from connectors.registry import connectors
from sameroom import clock
from tubes.models import Listener, Seat

SEEN: Final = timedelta(seconds=30)  # a listener says every few seconds that it is there
STATES: Final = ("connected", "troubled", "waiting")


def listeners(host: str = "") -> int:
    """How many listeners live, on one host or anywhere. Database I/O."""
    seen = Listener.objects.filter(seen_at__gte=clock.now() - SEEN)
    return seen.filter(name__startswith=f"{host}:").count() if host else seen.count()


def wanted() -> QuerySet[LinkedAccount]:
    """Accounts that may be used, for an open Tube or a Portal, and are read by a stream. No I/O."""
    kinds = [kind for kind, cls in connectors().items() if cls.capabilities.reading is Reading.STREAM]
    streamed = Q(kind__in=kinds) | Q(stream_fence__gt=0)  # a service may stream for some accounts only
    return LinkedAccount.objects.usable().filter(streamed, pk__in=Seat.objects.able().values("account"))


def states() -> Counter[tuple[str, str]]:
    """How many of them are in which state, by service. Database I/O."""
    now, found = clock.now(), Counter[tuple[str, str]]()
    for kind, status, until in wanted().values_list("kind", "status", "stream_lease_until"):
        is_held, is_well = until is not None and until >= now, status == LinkedAccount.Status.CONNECTED
        found[kind, ("connected" if is_well else "troubled") if is_held else "waiting"] += 1
    return found
