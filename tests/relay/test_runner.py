"""The lane threads: who works when, and how much one service may hold."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from django.db import OperationalError

from tests.waiting import PATIENCE, until
from tubes.models import Seat
from tubes.relay import runner as module
from tubes.relay.destinations import Destinations, Key
from tubes.relay.runner import Runner

SOON = 2.0
FAST, HUNG = ("stub", "fast"), ("stub", "hung")


class Crew(Runner):
    """Lanes of numbers, without a database: those from 1000 on are at the hung service."""

    def _learn_place(self, seat_id: int) -> None:
        self._places[seat_id] = HUNG if seat_id >= 1000 else FAST


class Work:
    """What is done for each lane, and how often."""

    def __init__(self) -> None:
        self.done: Counter[int] = Counter()
        self.after: dict[int, list[float | None]] = {}
        self.may_end = threading.Event()
        self.may_end.set()
        self.lock = threading.Lock()
        self.busy = 0

    def drain(self, seat_id: int) -> float | None:
        with self.lock:
            self.busy += 1
        self.may_end.wait(PATIENCE)
        with self.lock:
            self.busy -= 1
            self.done[seat_id] += 1
            answers = self.after.get(seat_id)
            return answers.pop(0) if answers else None


@pytest.fixture
def work() -> Work:
    return Work()


Hire = Callable[..., Crew]


@pytest.fixture
def hire(work: Work, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hire]:
    crews: list[Crew] = []

    def hire(threads: int = 8, **options: object) -> Crew:
        monkeypatch.setattr(module, "destinations", Destinations(threads * 4))
        crews.append(Crew(threads, **{"drain": work.drain} | options))  # type: ignore[arg-type]
        return crews[-1]

    yield hire
    work.may_end.set()
    for crew in crews:
        crew.stop(PATIENCE)


def test_every_lane_rung_for_is_drained_once(hire: Hire, work: Work) -> None:
    crew = hire()

    for number in range(50):
        crew.wake(number)

    until(lambda: sum(work.done.values()) == 50)
    assert set(work.done.values()) == {1}


def test_lanes_rung_for_together_are_drained_at_the_same_time(hire: Hire, work: Work) -> None:
    crew = hire(threads=20)
    crew.wake(0)
    until(lambda: crew._idle == 1)  # a single thread waits for work
    work.may_end.clear()

    for number in range(1, 11):
        crew.wake(number)

    until(lambda: work.busy == 10)


def test_rings_for_a_busy_lane_are_one_more_turn(hire: Hire, work: Work) -> None:
    crew = hire()
    work.may_end.clear()
    crew.wake(1)
    until(lambda: work.busy == 1)

    for _ in range(5):
        crew.wake(1)
    work.may_end.set()

    until(lambda: work.done[1] == 2 and crew.busy() == 0)
    time.sleep(0.05)
    assert work.done == {1: 2}


def test_a_lane_is_never_drained_twice_at_once(hire: Hire) -> None:
    inside: Counter[int] = Counter()
    most = 0

    def drain(seat_id: int) -> float | None:
        nonlocal most
        inside[seat_id] += 1
        most = max(most, inside[seat_id])
        time.sleep(0.001)
        inside[seat_id] -= 1
        return None

    crew = hire(threads=16, drain=drain)
    for number in range(400):
        crew.wake(number % 5)
        time.sleep(0.0005)
    until(lambda: crew.busy() == 0)

    assert most == 1


def test_a_lane_is_drained_again_when_its_time_comes(hire: Hire, work: Work) -> None:
    crew = hire()
    crew.start()
    work.after[1] = [0.3, 0.0, None]
    begun = time.monotonic()
    crew.wake(1)

    until(lambda: work.done[1] == 3)

    assert time.monotonic() - begun >= 0.3


def test_a_lane_that_meets_trouble_is_tried_again(
    hire: Hire, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "AFTER_TROUBLE", 0.05)
    errors: list[Exception | None] = [OperationalError("gone"), KeyError("our bug"), None]
    seen: list[int] = []

    def drain(seat_id: int) -> float | None:
        seen.append(seat_id)
        error = errors.pop(0)
        if error:
            raise error
        return None

    crew = hire(drain=drain)
    crew.start()
    crew.wake(1)

    until(lambda: len(seen) == 3)
    messages = [record.getMessage() for record in caplog.records]
    assert messages[:2] == [
        "Lane 1 met trouble with the database: OperationalError",
        "Lane 1 met an unexpected error",
    ]


def test_a_lane_whose_account_was_removed_is_forgotten(hire: Hire, work: Work) -> None:
    def drain(seat_id: int) -> float | None:
        work.drain(seat_id)
        raise Seat.DoesNotExist

    crew = hire(drain=drain)
    crew.wake(1)

    until(lambda: work.done[1] == 1 and crew.busy() == 0)


def test_stopping_waits_for_what_is_on_the_wire_and_takes_on_nothing_new(hire: Hire, work: Work) -> None:
    crew = hire(threads=1)
    work.may_end.clear()
    crew.wake(1)
    until(lambda: work.busy == 1)
    crew.wake(2)
    threading.Timer(0.2, work.may_end.set).start()

    crew.stop(PATIENCE)
    crew.wake(3)
    time.sleep(0.05)

    assert work.done == {1: 1}


def test_stopping_does_not_wait_for_ever(hire: Hire, work: Work) -> None:
    crew = hire(threads=1)
    work.may_end.clear()
    crew.wake(1)
    until(lambda: work.busy == 1)
    begun = time.monotonic()

    crew.stop(0.2)

    assert 0.2 <= time.monotonic() - begun < PATIENCE
    assert work.done == {}


def test_threads_without_work_end(hire: Hire, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tubes.relay.crew.REST", 0.1)
    crew = hire()
    for number in range(8):
        crew.wake(number)
    until(lambda: sum(work.done.values()) == 8)

    until(lambda: crew._threads == 0)
    crew.wake(1)
    until(lambda: work.done[1] == 2)


# ----------------------------------------------------------------- one service hangs


class Services:
    """One service answers at once, the other not before it is let."""

    def __init__(self, destinations: Destinations) -> None:
        self.destinations = destinations
        self.answers = threading.Event()
        self.hanging = self.most_hanging = 0
        self.served: Counter[Key] = Counter()
        self.lock = threading.Lock()

    def drain(self, seat_id: int) -> float | None:
        place = HUNG if seat_id >= 1000 else FAST
        with self.destinations.calling(*place):
            if place == HUNG:
                with self.lock:
                    self.hanging += 1
                    self.most_hanging = max(self.most_hanging, self.hanging)
                self.answers.wait(PATIENCE)
                with self.lock:
                    self.hanging -= 1
        with self.lock:
            self.served[place] += 1
        return None


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Crew, Services]]:
    monkeypatch.setattr(module, "destinations", Destinations(20))
    services = Services(module.destinations)
    crew = Crew(20, services.drain)
    crew.start()
    yield crew, services
    services.answers.set()
    crew.stop(PATIENCE)


def test_a_service_that_hangs_holds_a_quarter_of_the_threads(services: tuple[Crew, Services]) -> None:
    crew, served = services

    for number in range(1000, 1060):
        crew.wake(number)
    until(lambda: served.hanging == 5)
    for number in range(30):
        crew.wake(number)
    until(lambda: served.served[FAST] == 30)

    assert (served.most_hanging, served.served[HUNG]) == (5, 0)


def test_a_parked_lane_has_its_turn_when_its_service_answers(services: tuple[Crew, Services]) -> None:
    crew, served = services
    for number in range(1000, 1060):
        crew.wake(number)
    until(lambda: served.hanging == 5)

    served.answers.set()

    until(lambda: served.served[HUNG] == 60)
    assert served.most_hanging <= 5


def test_an_alarm_is_heeded_at_its_time_also_where_a_later_one_was_waited_for(hire: Hire, work: Work) -> None:
    crew = hire()
    crew.start()
    crew.wake_after(1, 5.0)
    time.sleep(0.05)  # by now the alarms are waited for
    late: list[float] = []

    for number in range(2, 12):
        begun = time.monotonic()
        crew.wake_after(number, 0.01)
        until(lambda: number in work.done)  # noqa: B023 - asked in this round only
        late.append(time.monotonic() - begun - 0.01)

    assert sorted(late)[5] < 0.1  # the median; a tick is 0.25 s
