"""How much passed and how fast, minute by minute: written once a minute, read by the monitor's charts.

The rows hold what the processes count for Prometheus anyway (`monitor.counting`): counting the deliveries
themselves would cost by their number, and Redis alone forgets. Who looks compares with what the look
before has seen, so a look that is missed makes one longer row, and a Redis that was flushed makes counters
start again, which is taken for what it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

import redis
from django.db import IntegrityError, transaction

from monitor import counting
from monitor.store import is_shared, store
from operating.models import Watch
from sameroom import clock

KEPT: Final = timedelta(days=8)  # a day more than the longest chart shows
AT_ONCE: Final = 100  # old rows deleted by one look
SHOWN: Final = (counting.EVENTS, counting.ENDED, counting.LAG)

Totals = dict[str, int]


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was counted in some time."""

    since: datetime
    until: datetime
    counts: Counter[str]

    @property
    def minutes(self) -> float:
        return max((self.until - self.since).total_seconds(), 1.0) / 60

    def total(self, name: str, service: str = "", label: str = "") -> int:
        """All of a counter, of one service and label where they are given."""
        return sum(self._of(name, service, label).values())

    def lag(self, share: float, service: str = "") -> float | None:
        """Within how many seconds this share of what was sent was sent; None where nothing was.

        As exact as the buckets of the histogram are narrow.
        """
        buckets: Counter[int] = Counter()
        for series, count in self._of(counting.LAG, service).items():
            buckets[int(series.rsplit("|", 1)[1])] += count
        return quantile(buckets, share)

    def _of(self, name: str, service: str, label: str = "") -> dict[str, int]:
        found = {}
        for series, count in self.counts.items():
            counter, of, labelled = _parts(series)
            if counter == name and service in ("", of) and label in ("", labelled):
                found[series] = count
        return found


@lru_cache(maxsize=4096)
def _parts(series: str) -> tuple[str, str, str]:
    """A counter's name and its first two labels: the same few hundred in each stretch."""
    name, of, label = (*series.split("|"), "", "")[:3]
    return name, of, label


def note() -> bool:
    """Write down what was counted since the last look. False where somebody else just did, or nobody can.

    Database and cache I/O; may be repeated. Without a memory that the processes share, one of them knows
    nothing of what the others count, and nothing is written.
    """
    totals = _totals()
    if totals is None:
        return False
    now = clock.now()
    try:
        with transaction.atomic():
            last = Watch.objects.select_for_update().filter(is_newest=True).first()
            if last is not None:
                Watch.objects.filter(pk=last.pk).update(is_newest=False, totals=None)
            counts = _growth(last.totals or {}, totals) if last is not None else {}
            since = min(last.until, now) if last is not None else now
            Watch.objects.create(since=since, until=now, counts=counts, totals=totals)
    except IntegrityError:
        return False
    old = Watch.objects.filter(until__lt=now - KEPT).order_by("until").values("pk")[:AT_ONCE]
    Watch.objects.filter(pk__in=list(old.values_list("pk", flat=True))).delete()
    return True


def stretches(span: timedelta, parts: int) -> list[Stretch]:
    """What was counted within the last `span`, up to now, in about so many parts; oldest first.

    None where nothing is known. Each is as long as the looks it is made of: parts do not all begin at
    full minutes, and a time without looks is one long part. Two queries, one call to the cache.
    """
    now = clock.now()
    rows = Watch.objects.filter(until__gt=now - span).order_by("until")
    found = rows.values_list("since", "until", "counts")
    known = [Stretch(since, until, Counter(counts)) for since, until, counts in found]
    known += _running(now)
    return list(_joined(known, span / parts))


def quantile(buckets: Mapping[int, int], share: float) -> float | None:
    """A quantile of a histogram with the bounds of `counting.BUCKETS`, evenly spread in each. No I/O."""
    wanted = sum(buckets.values()) * share
    if not wanted:
        return None
    passed = 0
    for index in sorted(buckets):
        if passed + buckets[index] >= wanted:
            low = counting.BUCKETS[index - 1] if index else 0.0
            high = counting.BUCKETS[min(index, len(counting.BUCKETS) - 1)]
            return low + (high - low) * (wanted - passed) / buckets[index]
        passed += buckets[index]
    return None


def _running(now: datetime) -> list[Stretch]:
    """What was counted since the last look."""
    last = Watch.objects.filter(is_newest=True).first()
    totals = _totals() if last is not None else None
    if last is None or totals is None or now <= last.until:
        return []
    return [Stretch(last.until, now, Counter(_growth(last.totals or {}, totals)))]


def _joined(known: Sequence[Stretch], length: timedelta) -> Iterator[Stretch]:
    """Neighbours put together until each part is about so long; a short rest goes to the one before it."""
    parts: list[Stretch] = []
    for stretch in known:
        last = parts[-1] if parts else None
        if last is not None and (
            last.until - last.since < length * 0.75 or _is_short(stretch, known, length)
        ):
            last.counts.update(stretch.counts)
            parts[-1] = Stretch(last.since, stretch.until, last.counts)
        else:
            parts.append(stretch)
    yield from (part for part in parts if part.until > part.since)


def _is_short(stretch: Stretch, known: Sequence[Stretch], length: timedelta) -> bool:
    return stretch is known[-1] and stretch.until - stretch.since < length * 0.5


def _totals() -> Totals | None:
    """Where the counters stand; None where that cannot be known here and now."""
    if not is_shared():
        return None
    counting.flush()
    try:
        totals = store().totals()
    except redis.RedisError:
        return None
    return {"|".join(series): count for series, count in totals.items() if series[0] in SHOWN}


def _growth(before: Totals, after: Totals) -> Totals:
    """How much each counter grew. One that is less than it was has started again."""
    grown = {}
    for series, count in after.items():
        known = before.get(series, 0)
        grown[series] = count - known if count >= known else count
    return {series: count for series, count in grown.items() if count}
