"""What `/metrics` shows. Labels name services, kinds and states, never a person, an account or a room."""

import logging
import platform
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Final

import django
from django.db.models import Count
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from accounts.models import LinkedAccount
from connectors.base import Kind
from connectors.errors import ConnectorError
from connectors.registry import connectors
from monitor import counting, lanes, pulse, streams
from monitor.probe import Probe
from monitor.store import Series, is_shared, store
from sameroom import clock
from sameroom.env import BASE_DIR
from tubes.models import Delivery, Installation, Notice, Room

log = logging.getLogger(__name__)

TIME_LIMIT: Final = 5.0  # seconds for all of them together; Prometheus waits 10
FRESH: Final = 3.0  # seconds for which several scrapers get the same answer
MOST_READERS: Final = 100  # accounts per connector whose budget is looked at: those that read most rooms

Families = list[Metric]


def counters() -> Families:
    """What the processes have counted. Cache I/O."""
    counting.flush()
    totals = store().totals()
    return [
        _counted(
            "sameroom_events_in",
            "Events taken in.",
            totals,
            counting.EVENTS,
            {"connector": connectors(), "kind": Kind},
        ),
        _counted(
            "sameroom_deliveries_ended",
            "Deliveries that came to an end.",
            totals,
            counting.ENDED,
            {"connector": connectors(), "status": [s for s in Delivery.Status if s not in Delivery.OPEN]},
        ),
        _lag(totals),
        *_streams_counted(totals),
    ]


def _streams_counted(totals: Counter[Series]) -> Families:
    ended = _counted(
        "sameroom_streams_ended",
        "Streams that ended, not by our doing.",
        totals,
        counting.STREAMS_ENDED,
        {"connector": connectors(), "why": ("service", "login", "internal")},
    )
    unreadable = CounterMetricFamily(
        "sameroom_stream_unreadable", "Events of streams that were left out.", labels=["connector"]
    )
    batches = SummaryMetricFamily(
        "sameroom_stream_batch_seconds", "From a batch's arrival to its commit.", labels=["connector"]
    )
    for connector in sorted(connectors()):
        unreadable.add_metric([connector], totals[counting.UNREADABLE, connector])
        seconds = totals[counting.BATCH_SUM, connector] / 1_000_000
        batches.add_metric([connector], totals[counting.BATCHES, connector], seconds)
    return [ended, unreadable, batches]


def _counted(
    name: str, text: str, totals: Counter[Series], series: str, known: dict[str, Iterable[str]]
) -> Metric:
    """A counter with two labels; known pairs are there from the start, so that rates see the first one."""
    family = CounterMetricFamily(name, text, labels=list(known))
    first, second = known.values()
    pairs = {(str(one), str(two)) for one in first for two in second}
    pairs |= {(found[1], found[2]) for found in totals if found[0] == series}
    for one, two in sorted(pairs):
        family.add_metric([one, two], totals[series, one, two])
    return family


def _lag(totals: Counter[Series]) -> Metric:
    family = HistogramMetricFamily(
        "sameroom_lag_seconds", "From an event's acceptance to the end of its send.", labels=["connector"]
    )
    ends = [*map(floatToGoString, counting.BUCKETS), "+Inf"]
    for connector in sorted({*connectors(), *(found[1] for found in totals if found[0] == counting.LAG)}):
        buckets, sum_so_far = [], 0
        for index, end in enumerate(ends):
            sum_so_far += totals[counting.LAG, connector, str(index)]
            buckets.append((end, float(sum_so_far)))
        family.add_metric([connector], buckets, totals[counting.LAG_SUM, connector] / 1_000_000)
    return family


def signs_of_life() -> Families:
    """Workers and beat, where this process can know of them. Cache I/O."""
    if not is_shared():
        return []
    workers = GaugeMetricFamily("sameroom_workers", "Workers seen within the last minute.", pulse.workers())
    sweep = GaugeMetricFamily(
        "sameroom_sweep_age_seconds",
        "Since the last sweep, which beat queues and a worker runs; +Inf where none is known.",
        pulse.seconds_since_sweep(),
    )
    return [workers, sweep]


def rows() -> Families:
    """What the database tells. Database I/O, a handful of indexed queries."""
    stopped = Installation.objects.exclude(stopped_because="").exists()
    notices = Notice.objects.filter(dismissed_at__isnull=True).values_list("kind").annotate(Count("pk"))
    return [
        *_depths(),
        _streams(),
        GaugeMetricFamily("sameroom_listeners", "Listeners that live.", streams.listeners()),
        _gauge("sameroom_lanes_busy", "Lanes that a worker holds.", lanes.busy()),
        _gauge("sameroom_due_age_seconds", "Since when something due waits for a worker.", _due_ages()),
        _gauge(
            "sameroom_notices", "Notices nobody has dismissed.", dict(notices.order_by()), Notice.Kind, "kind"
        ),
        GaugeMetricFamily("sameroom_relay_stopped", "1 while the relay may not run.", float(stopped)),
    ]


def _streams() -> Metric:
    found = streams.states()
    family = GaugeMetricFamily(
        "sameroom_streams", "Accounts that are read by a stream.", labels=["connector", "state"]
    )
    for connector in sorted(connectors()):
        for state in streams.STATES:
            family.add_metric([connector, state], found[connector, state])
    return family


def _depths() -> Families:
    depths, now = lanes.depths(), clock.now()
    open_ = GaugeMetricFamily(
        "sameroom_deliveries_open", "Deliveries that have not ended.", labels=["connector", "status"]
    )
    for connector in sorted({*connectors(), *depths}):
        depth = depths.get(connector)
        open_.add_metric([connector, Delivery.Status.QUEUED], depth.queued if depth else 0)
        open_.add_metric([connector, Delivery.Status.SENDING], depth.sending if depth else 0)
    deepest = {connector: depth.deepest for connector, depth in depths.items()}
    ages = {
        connector: max(0.0, (now - depth.oldest).total_seconds())
        for connector, depth in depths.items()
        if depth.oldest
    }
    return [
        open_,
        _gauge("sameroom_lane_depth_max", "Deliveries queued in the deepest lane.", deepest),
        _gauge("sameroom_oldest_queued_age_seconds", "Age of the oldest queued delivery.", ages),
    ]


def _due_ages() -> dict[str, float]:
    ages: dict[str, float] = {}
    for lane in lanes.waiting():
        age = max(0.0, (clock.now() - lane.since).total_seconds())
        ages[lane.kind] = max(age, ages.get(lane.kind, 0.0))
    return ages


def budgets() -> Families:
    """The least that any reading account may still poll. Database and cache I/O, for some accounts only."""
    family = GaugeMetricFamily(
        "sameroom_poll_budget_left",
        "Polls left in the running window, at the account that has least.",
        labels=["connector"],
    )
    for connector in sorted(connectors()):
        left = [number for number in map(_left, _readers(connector)) if number is not None]
        if left:
            family.add_metric([connector], min(left))
    return [family]


def _readers(kind: str) -> Sequence[LinkedAccount]:
    """The accounts of one service that read most rooms."""
    rooms = Room.objects.filter(kind=kind, next_poll_at__isnull=False, reader__isnull=False)
    most = rooms.values_list("reader__account").annotate(number=Count("pk")).order_by("-number")
    ids = [account for account, _ in most[:MOST_READERS]]
    return list(LinkedAccount.objects.usable().filter(pk__in=ids))


def _left(account: LinkedAccount) -> int | None:
    try:
        return account.connector().budget.left()
    except ConnectorError:  # a secret that no key opens any more: nobody polls with it
        return None


def _gauge(
    name: str,
    text: str,
    found: dict[str, int] | dict[str, float],
    known: Iterable[str] | None = None,
    label: str = "connector",
) -> Metric:
    """A gauge with one label; 0 for what is known and not found."""
    family = GaugeMetricFamily(name, text, labels=[label])
    for value in sorted({*map(str, connectors() if known is None else known), *found}):
        family.add_metric([value], found.get(value, 0))
    return family


@cache
def _version() -> str:
    project = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]
    return str(project["version"])


class Everything(Collector):
    """All collectors, asked at the same time; one that fails or hangs costs its own metrics only."""

    def __init__(self) -> None:
        parts = {"counters": counters, "workers": signs_of_life, "database": rows, "budgets": budgets}
        self._probes = {part: Probe(f"metrics: {part}", ask, fresh=FRESH) for part, ask in parts.items()}
        self._missing: set[str] = set()

    def collect(self) -> Iterator[Metric]:
        """The metrics of one scrape, within TIME_LIMIT."""
        ends = clock.monotonic() + TIME_LIMIT
        futures = {name: probe.start() for name, probe in self._probes.items()}
        up = GaugeMetricFamily(
            "sameroom_collector_up", "1 where these metrics could be had.", labels=["part"]
        )
        for name, future in futures.items():
            try:
                families = future.result(max(0.0, ends - clock.monotonic()))
            except Exception as error:  # noqa: BLE001 - whatever it was, the others are shown
                self._note_missing(name, error)
                up.add_metric([name], 0)
            else:
                self._missing.discard(name)
                up.add_metric([name], 1)
                yield from families
        yield up
        about = {"version": _version(), "python": platform.python_version(), "django": django.__version__}
        yield InfoMetricFamily("sameroom_build", "What runs here.", about)

    def _note_missing(self, name: str, error: Exception) -> None:
        """Say once what is wrong, not at every scrape."""
        if name not in self._missing:
            log.warning("The metrics about %s cannot be had", name, exc_info=error)
        self._missing.add(name)


current = Everything()
