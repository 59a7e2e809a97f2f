from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from monitor import pulse
from monitor.pulse import Pulse
from monitor.store import FORGOTTEN, RedisStore
from sameroom import clock
from tests import servers

pytestmark = pytest.mark.both_databases
START = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Timer:
    def __init__(self) -> None:
        self.calls: list[Any] = []

    def call_repeatedly(self, seconds: float, function: Any, args: Any) -> Any:
        self.calls.append((seconds, function, args))
        return SimpleNamespace(cancel=self.calls.clear)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Any:
    def move(seconds: float) -> None:
        monkeypatch.setattr(clock, "now", lambda: START + timedelta(seconds=seconds))

    move(0)
    return move


def test_worker_is_seen_until_a_minute_after_its_last_mark(at: Any) -> None:
    consumer = SimpleNamespace(timer=Timer())
    Pulse(consumer).start(consumer)
    assert pulse.workers() == 1

    at(50)
    [(seconds, function, args)] = consumer.timer.calls
    function(*args)

    assert seconds == 10
    at(110)
    assert pulse.workers() == 1
    at(110.1)
    assert pulse.workers() == 0


def test_worker_that_stops_is_gone_at_once(at: Any) -> None:
    consumer = SimpleNamespace(timer=Timer())
    step = Pulse(consumer)
    step.start(consumer)

    step.stop(consumer)
    step.stop(consumer)

    assert pulse.workers() == 0
    assert consumer.timer.calls == []


def test_age_of_the_last_sweep_is_told_and_infinite_before_the_first(at: Any) -> None:
    assert pulse.seconds_since_sweep() == float("inf")

    pulse._note_sweep(SimpleNamespace(name="tubes.tasks.drain_lane"))
    assert pulse.seconds_since_sweep() == float("inf")
    pulse._note_sweep(SimpleNamespace(name="tubes.tasks.sweep"))
    at(7.5)

    assert pulse.seconds_since_sweep() == 7.5
    assert pulse.workers() == 0
    at(-5)  # the clock was stepped back
    assert pulse.seconds_since_sweep() == 0


def test_redis_forgets_the_names_of_dead_workers_in_the_end(at: Any, redis: servers.Server) -> None:
    several = RedisStore(f"{redis.url}/1")
    several.mark("worker:gone:1")
    at(FORGOTTEN + 1)

    several.mark("worker:here:2")

    assert several.marks() == {"worker:here:2": (START + timedelta(seconds=FORGOTTEN + 1)).timestamp()}


def test_sweep_is_the_name_of_a_task() -> None:
    from tubes import tasks

    assert tasks.sweep.name == pulse.SWEEP_TASK
