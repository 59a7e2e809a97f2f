"""Counts deliveries that end without their lane: too old, taken back, led nowhere, over a limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import partial

from django.db import transaction

from monitor import counting
from tubes.models import Delivery, Room


def count_ends(rooms: Iterable[int], status: Delivery.Status) -> None:
    """Count one end for each destination room named, once the running transaction is committed. One query."""
    times = Counter(rooms)
    if not times:
        return
    kinds: Counter[str] = Counter()
    for room, kind in Room.objects.filter(pk__in=times).values_list("pk", "kind"):
        kinds[kind] += times[room]
    for kind, count in kinds.items():
        transaction.on_commit(partial(counting.deliveries_ended, kind, status.value, count))
