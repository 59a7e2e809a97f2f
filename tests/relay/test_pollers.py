"""The polling threads: an alarm in memory for each account, void once somebody else has polled."""

import threading
import time as time_module
from collections.abc import Iterator

import pytest

from accounts.models import LinkedAccount
from connectors.echo import connector as echo
from tests.relay.conftest import Clock, Pair, Rings
from tests.waiting import PATIENCE, until
from tubes import tasks
from tubes.models import Event, Room
from tubes.relay import bell, reading
from tubes.relay import pollers as module
from tubes.relay.pollers import Pollers


class Polled:
    """Every poll that was asked for, instead of a database."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []
        self.may_end = threading.Event()
        self.may_end.set()
        self.error: Exception | None = None

    def poll(self, account_id: int, *, fence: int = 0) -> None:
        self.asked.append((account_id, fence))
        self.may_end.wait(PATIENCE)
        if self.error:
            raise self.error


@pytest.fixture
def polled(monkeypatch: pytest.MonkeyPatch) -> Polled:
    made = Polled()
    monkeypatch.setattr(module, "reading", made)
    return made


@pytest.fixture
def crew() -> Iterator[Pollers]:
    made = Pollers()
    made.start()
    yield made
    made.stop()


def test_a_ring_in_a_worker_is_polled_by_its_own_threads(polled: Polled, crew: Pollers, rings: Rings) -> None:
    tasks.poll_account(7, fence=3)

    until(lambda: polled.asked == [(7, 3)])
    assert rings.rung == []


def test_an_alarm_is_heeded_at_its_time(polled: Polled, crew: Pollers) -> None:
    begun = time_module.monotonic()
    crew.ring(7, 3, 0.3)

    until(lambda: polled.asked == [(7, 3)])
    assert time_module.monotonic() - begun >= 0.3


def test_several_rings_for_an_account_are_one_poll_with_the_last_fence(
    polled: Polled, crew: Pollers, time: Clock
) -> None:
    crew.ring(7, 1, 30.0)
    crew.ring(7, 2, 20.0)
    crew.ring(8, 9, 40.0)

    time.forward(25)
    until(lambda: polled.asked == [(7, 2)])
    time.forward(25)
    until(lambda: (8, 9) in polled.asked)
    assert polled.asked == [(7, 2), (8, 9)]


def test_a_ring_during_a_poll_is_not_lost(polled: Polled, crew: Pollers) -> None:
    polled.may_end.clear()
    crew.ring(7, 1, 0.0)
    until(lambda: polled.asked == [(7, 1)])
    crew.ring(7, 2, 0.0)
    polled.may_end.set()

    until(lambda: polled.asked == [(7, 1), (7, 2)])


def test_after_trouble_the_next_ring_polls_again(
    polled: Polled, crew: Pollers, caplog: pytest.LogCaptureFixture
) -> None:
    polled.error = RuntimeError("boom")
    crew.ring(7, 1, 0.0)

    until(lambda: "Account 7 met an unexpected error" in caplog.text)
    polled.error = None
    crew.ring(7, 1, 0.0)
    until(lambda: len(polled.asked) == 2)


def test_once_the_threads_have_stopped_a_ring_goes_to_the_broker(crew: Pollers, rings: Rings) -> None:
    crew.stop()

    bell.ring_account(7, fence=3, after=0.5)

    assert rings.rung == [("tubes.tasks.poll_account", (7, 3), 0.5)]


@pytest.mark.django_db
def test_the_sweep_lets_any_worker_poll_what_is_overdue(pair: Pair, rings: Rings, crew: Pollers) -> None:
    Room.objects.update(next_poll_at=reading.clock.now() - 2 * reading.OVERDUE)

    tasks.wake_rooms()

    accounts = sorted(args[0] for _, args, _ in rings.rung)
    assert accounts == sorted({pair.here.account_id, pair.there.account_id})


@pytest.mark.django_db
def test_an_alarm_is_void_once_another_worker_has_polled(pair: Pair, rings: Rings) -> None:
    account = pair.here.account_id
    Room.objects.update(next_poll_at=reading.clock.now())
    reading.poll(account)
    fence = LinkedAccount.objects.get(pk=account).poll_fence
    reading.poll(account, fence=fence)  # by another worker
    echo.say("acme", "lobby", "Ann", "hello")
    Room.objects.update(next_poll_at=reading.clock.now())

    here = Pollers()
    here.ring(account, fence, 60.0)
    here._poll(account)
    assert Event.objects.count() == 0

    here.ring(account, LinkedAccount.objects.get(pk=account).poll_fence, 60.0)
    here._poll(account)
    assert Event.objects.count() == 1
