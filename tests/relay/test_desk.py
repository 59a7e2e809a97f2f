"""The desk: what comes while one commit runs shares the next."""

import threading
import time
from collections.abc import Callable, Sequence

import pytest
from django.db import connections

from connectors.base import IncomingEvent
from tests import factories
from tests.relay.conftest import Pair
from tubes.models import Delivery, Event, Room
from tubes.relay.desk import Desk
from tubes.relay.intake import Arrival, accept

PATIENCE = 20.0


def arrival(room: int, *texts: str) -> Arrival:
    return Arrival(room, [factories.said(text, id=text) for text in texts], is_pushed=True)


class Book:
    """What was accepted, batch by batch; the first batch takes as long as a test wants."""

    def __init__(self, fails: Callable[[Sequence[Arrival]], BaseException | None] = lambda _: None) -> None:
        self.batches: list[dict[int, list[str]]] = []
        self.may_end = threading.Event()
        self.has_begun = threading.Event()
        self.fails = fails

    def accept(self, arrivals: Sequence[Arrival]) -> list[int]:
        self.has_begun.set()
        assert self.may_end.wait(PATIENCE)
        if error := self.fails(arrivals):
            raise error
        self.batches.append({one.room_id: ids(one.events) for one in arrivals})
        return [len(one.events) for one in arrivals]


def ids(events: Sequence[IncomingEvent]) -> list[str]:
    return [event.id for event in events]


class Crowd:
    """Threads that bring something to a desk, in the order they are sent."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.threads: list[threading.Thread] = []
        self.raised: dict[int, BaseException] = {}

    def bring(self, one: Arrival) -> None:
        number, queued = len(self.threads), len(self.desk._pending) + 1

        def take() -> None:
            try:
                self.desk.take(one)
            except BaseException as error:  # noqa: BLE001 - it is what is asked for
                self.raised[number] = error
            finally:
                connections.close_all()

        self.threads.append(threading.Thread(target=take))
        self.threads[-1].start()
        while number and len(self.desk._pending) < queued:  # the next one stands behind it
            time.sleep(0.001)

    def go_home(self) -> None:
        for thread in self.threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def crowd(book: Book) -> Crowd:
    """Somebody whose commit runs."""
    made = Crowd(Desk(book.accept))
    made.bring(arrival(1, "first"))
    assert book.has_begun.wait(PATIENCE)
    return made


def test_who_comes_alone_is_committed_alone(book: Book) -> None:
    book.may_end.set()
    desk = Desk(book.accept)

    for text in ("a", "b"):
        desk.take(arrival(1, text))

    assert book.batches == [{1: ["a"]}, {1: ["b"]}]


def test_what_comes_while_a_commit_runs_shares_the_next(book: Book, crowd: Crowd) -> None:
    crowd.bring(arrival(1, "second", "third"))
    crowd.bring(arrival(2, "elsewhere"))
    crowd.bring(arrival(1, "fourth"))
    book.may_end.set()
    crowd.go_home()

    assert book.batches == [{1: ["first"]}, {1: ["second", "third", "fourth"], 2: ["elsewhere"]}]
    assert crowd.raised == {}


def test_one_bad_arrival_fails_alone(book: Book, crowd: Crowd) -> None:
    book.fails = lambda arrivals: ValueError("bad") if any(one.room_id == 2 for one in arrivals) else None
    for one in (arrival(1, "second"), arrival(2, "bad"), arrival(3, "third")):
        crowd.bring(one)
    book.may_end.set()
    crowd.go_home()

    assert book.batches == [{1: ["first"]}, {1: ["second"]}, {3: ["third"]}]
    assert {number: str(error) for number, error in crowd.raised.items()} == {2: "bad"}


@pytest.mark.parametrize("errors", [[SystemExit()], [SystemExit(), ValueError("together")]])
def test_a_thread_that_is_ended_in_the_middle_acknowledges_nothing(
    book: Book, crowd: Crowd, errors: list[BaseException]
) -> None:
    book.fails = lambda arrivals: errors.pop() if errors and len(book.batches) == 1 else None
    for one in (arrival(1, "second"), arrival(2, "third")):
        crowd.bring(one)
    book.may_end.set()
    crowd.go_home()

    assert book.batches == [{1: ["first"]}]
    assert sorted(crowd.raised) == [1, 2]


def test_the_desk_goes_on_after_an_ending(book: Book) -> None:
    book.may_end.set()
    endings: list[BaseException] = [SystemExit()]
    book.fails = lambda arrivals: endings.pop() if endings else None
    desk = Desk(book.accept)
    with pytest.raises(SystemExit):
        desk.take(arrival(1, "a"))

    desk.take(arrival(1, "b"))

    assert book.batches == [{1: ["b"]}]


@pytest.mark.django_db(transaction=True)
def test_many_threads_bring_what_many_rooms_say_and_each_room_keeps_its_order(pair: Pair) -> None:
    other = factories.seat(factories.account(pair.here.owner), factories.room("attic"))
    factories.tube(other, pair.there)
    rooms, desk, start = [pair.here.room_id, other.room_id], Desk(accept), threading.Barrier(8)
    raised: list[BaseException] = []

    def bring(number: int) -> None:
        try:
            start.wait(PATIENCE)
            for count in range(10):
                desk.take(arrival(rooms[number % 2], f"{number}-{count}"))
        except BaseException as error:  # noqa: BLE001 - it is what is asked for
            raised.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=bring, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE * 2)

    assert raised == []
    assert [Room.objects.get(pk=room).next_event_number for room in rooms] == [41, 41]
    assert Delivery.objects.filter(seat=pair.there).count() == 80
    for number in range(8):
        said = Event.objects.filter(remote_id__startswith=f"{number}-").order_by("number")
        assert [event.remote_id for event in said] == [f"{number}-{count}" for count in range(10)]
