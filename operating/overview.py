"""What the monitor's first page shows: how much passes, what fails and why, what waits, who is to act.

Everything here is a handful of queries whose cost is bounded, however many rows there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import redis
from django.db.models import Case, Count, When

from accounts.models import LinkedAccount
from connectors.budget import Left
from connectors.errors import ConnectorError
from connectors.findings import Finding, Severity, error
from monitor import counting, lanes
from monitor.doctor.running import processes
from operating import chart, finding, history
from operating.chart import Chart, Column, Frame, Wanted
from operating.finding import Reason
from operating.history import Stretch
from sameroom import clock
from tubes.models import Delivery, Room, Seat

# What a chart may show: in words, how long, and after how many seconds it is worth drawing anew.
SPANS: Final = {
    "1h": ("1 hour", timedelta(hours=1), 5),
    "6h": ("6 hours", timedelta(hours=6), 15),
    "24h": ("24 hours", timedelta(days=1), 30),
    "7d": ("7 days", timedelta(days=7), 60),
}
PARTS: Final = 60  # of a chart
URGENT: Final = (LinkedAccount.Status.NEEDS_LOGIN, LinkedAccount.Status.RETRYING)
DEEPEST, TROUBLED, BUDGETS, REASONS = 20, 20, 12, 20  # rows shown at most


@dataclass(frozen=True, slots=True)
class LaneRow:
    """A lane in which something waits."""

    seat: Seat
    open: int
    is_more: bool  # than `open`: it was not counted further
    head: Delivery


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """What an account may still ask of its service."""

    account: LinkedAccount
    left: Left


@dataclass(frozen=True, slots=True)
class Overview:
    """The first page."""

    span: str
    service: str
    charts: list[Chart]
    reasons: Sequence[Reason]
    lost: int
    is_lost_more: bool
    lanes: list[LaneRow]
    accounts: list[LinkedAccount]
    are_accounts_more: bool
    budgets: list[BudgetRow]
    begins: int  # seconds since 1970
    alarms: list[Finding]  # what keeps all of it from being relayed

    @property
    def is_stopped(self) -> bool:
        """Whether something that everything needs does not run."""
        return any(alarm.severity is Severity.ERROR for alarm in self.alarms)

    @property
    def renewed(self) -> int:
        """After how many seconds the page asks anew."""
        return SPANS[self.span][2]

    @property
    def table(self) -> list[tuple[Column, list[str]]]:
        """What the charts draw, in words, newest first: each stretch, and a value for each line of both."""
        amounts, lags = (reversed(one.columns) for one in self.charts)
        return [(column, [*column.values, *lag.values]) for column, lag in zip(amounts, lags, strict=True)]

    @property
    def heads(self) -> list[str]:
        """What these values are."""
        return [line.label for one in self.charts for line in one.lines]

    @property
    def facts(self) -> tuple[Any, ...]:
        """What tells two of these apart. What was counted in the minute still running is left out: it
        changes all the time, and is seen once the minute is over."""
        columns = [column.values for one in self.charts for column in one.columns[:-1]]
        rows = [(row.seat.pk, row.open, row.head.pk, row.head.error, row.head.status) for row in self.lanes]
        accounts = [(account.pk, account.status, account.status_reason) for account in self.accounts]
        budgets = [(row.account.pk, row.left.polls, row.left.sends) for row in self.budgets]
        minute = int(clock.now().timestamp()) // 60
        alarms = [alarm.text for alarm in self.alarms]
        return columns, list(self.reasons), rows, accounts, budgets, alarms, minute


def overview(span: str, service: str) -> Overview:
    """The first page as things are now. Some twenty-five queries, and cache I/O."""
    length = SPANS[span][1]
    now = clock.now()
    begins = now - length
    told = finding.reasons(begins, service)
    lost = sum(reason.count for reason in told)
    troubled = troubled_accounts(service)
    return Overview(
        span=span,
        service=service,
        charts=charts(history.stretches(length, PARTS), Frame(begins, now), service),
        reasons=told[:REASONS],
        lost=lost,
        is_lost_more=lost >= finding.LOOKED,
        lanes=deepest_lanes(service),
        accounts=troubled[:TROUBLED],
        are_accounts_more=len(troubled) > TROUBLED,
        budgets=budgets(service),
        begins=int(begins.timestamp()),
        alarms=alarms(),
    )


def alarms() -> list[Finding]:
    """What the doctor finds amiss with workers, beat and listeners. A handful of queries, and cache I/O.

    Takes half a second longer where something due waits for a worker.
    """
    try:
        return [finding for finding in processes() if finding.severity is not Severity.OK]
    except redis.RedisError:
        return [error("Redis does not answer.", "See that it runs, and that this machine reaches it.")]


def charts(stretches: Sequence[Stretch], frame: Frame, service: str) -> list[Chart]:
    """How much passes, and how fast."""

    def rate(name: str, *labels: str) -> chart.Value:
        return lambda of: sum(of.total(name, service, label) for label in labels or ("",)) / of.minutes

    def within(share: float) -> chart.Value:
        return lambda of: of.lag(share, service)

    lost = (Delivery.Status.FAILED.value, Delivery.Status.UNKNOWN.value)
    amounts = [
        Wanted("events taken in", "events", rate(counting.EVENTS), chart.per_minute),
        Wanted("delivered", "sent", rate(counting.ENDED, Delivery.Status.SENT.value), chart.per_minute),
        Wanted("lost", "lost", rate(counting.ENDED, *lost), chart.per_minute),
    ]
    lags = [
        Wanted("half within", "p50", within(0.5), chart.seconds),
        Wanted("99 % within", "p99", within(0.99), chart.seconds),
    ]
    return [
        chart.rates("amounts", "Events and deliveries per minute", amounts, stretches, frame),
        chart.times("lag", "From accepted to delivered", lags, stretches, frame),
    ]


def deepest_lanes(service: str = "") -> list[LaneRow]:
    """The lanes with most open, deepest first. Three queries."""
    deep = lanes.deepest(DEEPEST if not service else 10 * DEEPEST)
    seats = Seat.objects.select_related("room", "account", "owner").in_bulk([lane.seat for lane in deep])
    heads = Delivery.objects.in_bulk([lane.head for lane in deep])
    rows = [
        LaneRow(seats[lane.seat], min(lane.open, most), lane.open > most, heads[lane.head])
        for most in [lanes.MOST_COUNTED]
        for lane in deep
        if lane.seat in seats and lane.head in heads
    ]
    return [row for row in rows if service in ("", row.seat.account.kind)][:DEEPEST]


def troubled_accounts(service: str = "") -> list[LinkedAccount]:
    """Accounts that are not well, those that need somebody first; one more than is shown. One query."""
    unwell = LinkedAccount.objects.exclude(status=LinkedAccount.Status.CONNECTED).select_related("owner")
    found = unwell.filter(kind=service) if service else unwell
    urgency = Case(
        *(When(status=status, then=place) for place, status in enumerate(URGENT)), default=len(URGENT)
    )
    return list(found.order_by(urgency, "-status_since")[: TROUBLED + 1])


def budgets(service: str = "") -> list[BudgetRow]:
    """What may still be asked of services: by accounts whose lanes a limit holds, and that read most.

    Least left first. Two queries, and cache I/O for each account.
    """
    held = Seat.objects.filter(throttled_since__isnull=False).values_list("account", flat=True)[:BUDGETS]
    polled = Room.objects.filter(next_poll_at__isnull=False, reader__isnull=False)
    readers = polled.values_list("reader__account").annotate(number=Count("pk")).order_by("-number")
    ids = list(dict.fromkeys([*held, *(account for account, _ in readers[: 2 * BUDGETS])]))
    usable = LinkedAccount.objects.usable().select_related("owner").filter(pk__in=ids)
    found = usable.filter(kind=service) if service else usable
    rows = [BudgetRow(account, left) for account in found if (left := _left(account)) is not None]
    return sorted(rows, key=lambda row: min(row.left.polls, row.left.sends) / max(row.left.requests, 1))[
        :BUDGETS
    ]


def _left(account: LinkedAccount) -> Left | None:
    try:
        return account.connector().budget.standing()
    except (ConnectorError, LookupError):  # a secret that no key opens, a service that is not installed
        return None
