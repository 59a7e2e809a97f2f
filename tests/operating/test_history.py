from datetime import UTC, datetime, timedelta

import pytest

from monitor import counting
from monitor import store as store_module
from operating import history
from operating.models import Watch
from operating.tasks import watch
from sameroom import clock

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> "type[At]":
    monkeypatch.setattr(clock, "now", lambda: At.now)
    At.now = NOON
    return At


class At:
    """What time it is."""

    now = NOON

    @classmethod
    def later(cls, seconds: float) -> None:
        cls.now += timedelta(seconds=seconds)


def rows() -> list[tuple[datetime, datetime, dict[str, int]]]:
    return list(Watch.objects.order_by("pk").values_list("since", "until", "counts"))


def test_each_look_notes_what_was_counted_since_the_last(at: type[At]) -> None:
    counting.events_in("message", "echo", 100)
    watch()
    at.later(60)
    counting.events_in("message", "echo", 3)
    counting.delivery_ended("echo", "sent", 0.2)
    watch()
    at.later(60)
    watch()

    minute = timedelta(seconds=60)
    assert rows() == [
        (NOON, NOON, {}),
        (NOON, NOON + minute, {"events|echo|message": 3, "ended|echo|sent": 1, "lag|echo|5": 1}),
        (NOON + minute, NOON + 2 * minute, {}),
    ]
    assert [row.is_newest for row in Watch.objects.order_by("pk")] == [False, False, True]
    assert [row.totals is None for row in Watch.objects.order_by("pk")] == [True, True, False]


def test_counters_that_started_again_lose_nothing(at: type[At]) -> None:
    counting.events_in("message", "echo", 100)
    watch()
    at.later(60)
    counting.flush()
    store_module.store.cache_clear()  # a process was restarted, or Redis flushed
    counting.events_in("message", "echo", 7)

    watch()

    assert rows()[-1][2] == {"events|echo|message": 7}


def test_nothing_is_noted_where_processes_share_no_memory(
    monkeypatch: pytest.MonkeyPatch, at: type[At]
) -> None:
    monkeypatch.setattr(history, "is_shared", lambda: False)

    assert history.note() is False
    assert rows() == []
    assert history.stretches(timedelta(hours=1), 60) == []


def test_old_rows_go(at: type[At]) -> None:
    watch()
    at.later(history.KEPT.total_seconds() + 61)

    watch()

    assert [row[1] for row in rows()] == [at.now]


def test_charts_see_the_minute_still_running(at: type[At]) -> None:
    watch()
    at.later(60)
    counting.events_in("message", "echo", 6)
    watch()
    at.later(40)
    counting.events_in("message", "echo", 4)

    found = history.stretches(timedelta(hours=1), 60)

    assert [(one.total("events"), one.minutes) for one in found] == [(6, 1.0), (4, pytest.approx(40 / 60))]


def test_looks_are_put_together_for_long_charts(at: type[At]) -> None:
    watch()
    for _ in range(60):
        at.later(60)
        counting.events_in("message", "echo", 2)
        watch()

    found = history.stretches(timedelta(hours=6), 60)

    assert len(found) == 12
    assert {one.total("events") / one.minutes for one in found} == {2.0}
    assert (found[0].since, found[-1].until) == (NOON, at.now)


def test_a_time_without_looks_is_one_long_part(at: type[At]) -> None:
    watch()
    at.later(1800)
    counting.events_in("message", "echo", 60)
    watch()

    found = history.stretches(timedelta(hours=1), 60)

    assert [(one.minutes, one.total("events")) for one in found] == [(30.0, 60)]


def test_counts_are_told_apart_by_service_and_label(at: type[At]) -> None:
    watch()
    at.later(60)
    counting.events_in("message", "echo", 1)
    counting.events_in("edit", "stub", 2)
    counting.delivery_ended("stub", "failed", None)
    watch()

    [found] = history.stretches(timedelta(hours=1), 60)

    assert (found.total("events"), found.total("events", "stub"), found.total("events", "", "edit")) == (
        3,
        2,
        2,
    )
    assert (found.total("ended", "", "failed"), found.total("ended", "echo", "failed")) == (1, 0)


def test_lag_is_read_off_the_histogram() -> None:
    bounds = counting.BUCKETS
    half = {bounds.index(0.25): 50, bounds.index(0.5): 50}

    assert history.quantile({}, 0.5) is None
    assert history.quantile(half, 0.5) == 0.25
    assert history.quantile(half, 0.75) == pytest.approx(0.375)
    assert history.quantile({len(bounds): 1}, 0.99) == bounds[-1]
    assert history.quantile({0: 4}, 0.5) == pytest.approx(0.0025)
