"""Intake and lanes at the same time, in threads on the real database."""

import threading
import time
from collections.abc import Callable

import pytest
from django.db import transaction

from connectors.base import IncomingEvent, MessageId, OutgoingMessage, RoomId
from connectors.echo import connector as echo
from connectors.echo.connector import EchoConnector
from tests import factories
from tests.relay.conftest import Pair, statuses, take, texts
from tests.relay.stubbed import deletion_of, edit_of
from tests.relay.test_concurrency import at_once
from tests.relay.test_crashes import read_all
from tubes.models import Delivery, Event, Seat
from tubes.relay import handover, lanes, wire
from tubes.services import tube_close, tube_pause

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 20.0
COUNT = 30


def drain_until(is_over: Callable[[], bool], seat: int) -> None:
    ends = time.monotonic() + PATIENCE
    while not is_over():
        assert time.monotonic() < ends, statuses()
        lanes.drain(seat)


class Talk:
    """Somebody talks; it is over once everything said has come to its end."""

    def __init__(self, lines: Callable[[], None]) -> None:
        self._lines, self._has_ended = lines, threading.Event()

    def __call__(self) -> None:
        try:
            self._lines()
        finally:
            self._has_ended.set()

    def is_over(self) -> bool:
        return self._has_ended.is_set() and not Delivery.objects.filter(status__in=Delivery.OPEN).exists()


@pytest.mark.parametrize(
    ("change", "told"),
    [(lambda: edit_of("m-1", "ONE"), ["[Ann, Acme] ONE"]), (lambda: deletion_of("m-1"), [])],
)
def test_what_changes_while_a_lane_begins_it_is_posted_as_changed(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, change: Callable[[], IncomingEvent], told: list[str]
) -> None:
    take(pair.here.room, factories.said("one", id="m-1"))
    changed, begins = threading.Event(), threading.Event()
    real = wire.write

    def write(*args: object, **more: object) -> object:
        begins.set()
        assert changed.wait(PATIENCE)
        return real(*args, **more)  # type: ignore[arg-type]

    def edit() -> None:
        assert begins.wait(PATIENCE)
        with transaction.atomic():
            take(pair.here.room, change())
            changed.set()
            time.sleep(0.3)  # the lane's statement waits for this row meanwhile

    monkeypatch.setattr("tubes.relay.moves.write", write)
    assert at_once(edit, lambda: lanes.drain(pair.there.pk)) == []
    drain_until(lambda: not Delivery.objects.filter(status__in=Delivery.OPEN).exists(), pair.there.pk)

    assert texts("globex", "garden") == told


@pytest.mark.parametrize("stop", [tube_pause, tube_close])
def test_nothing_begins_after_a_tube_was_stopped_but_what_is_on_its_way(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, stop: Callable[..., bool]
) -> None:
    for number in range(COUNT):
        pair.say(f"line {number}")
    few, is_stopped, late = threading.Event(), threading.Event(), []
    real = EchoConnector.send

    def send(self: EchoConnector, room: RoomId, message: OutgoingMessage) -> MessageId:
        if is_stopped.is_set():
            late.append(message.text)
        if len(texts("globex", "garden")) == 3:
            few.set()
            assert is_stopped.wait(PATIENCE)
        return real(self, room, message)

    def end() -> None:
        assert few.wait(PATIENCE)
        assert stop(tube=pair.tube, by=pair.here.owner, tells=False)
        is_stopped.set()

    monkeypatch.setattr(EchoConnector, "send", send)
    assert at_once(end, lambda: lanes.drain(pair.there.pk)) == []

    assert (late, len(texts("globex", "garden"))) == ([], 4)
    assert statuses() == ["sent"] * 4 + ["skipped"] * (COUNT - 4)


def test_every_edit_made_while_lanes_run_is_seen_in_the_end(pair: Pair) -> None:
    def lines() -> None:
        for number in range(COUNT):
            take(pair.here.room, factories.said(f"old {number}", id=f"m-{number}"))
            if number % 3:
                take(pair.here.room, edit_of(f"m-{number}", f"new {number}"))

    talk, seat = Talk(lines), pair.there.pk
    assert at_once(talk, *[lambda: drain_until(talk.is_over, seat)] * 2) == []

    told = texts("globex", "garden")
    for number in range(COUNT):
        mine = [text.removeprefix("[Ann, Acme] ") for text in told if text.split()[-1] == str(number)]
        if number % 3:
            assert mine in ([f"new {number}"], [f"old {number}", f"✎ new {number}"])
        else:
            assert mine == [f"old {number}"]
    first = [int(text.split()[-1]) for text in told if "✎" not in text]
    assert first == sorted(first)


def test_nothing_that_was_deleted_is_posted_without_being_taken_back(pair: Pair) -> None:
    def lines() -> None:
        for number in range(COUNT):
            take(pair.here.room, factories.said(f"line {number}", id=f"m-{number}"))
            take(pair.here.room, deletion_of(f"m-{number}"))

    talk, seat = Talk(lines), pair.there.pk
    assert at_once(talk, *[lambda: drain_until(talk.is_over, seat)] * 2) == []

    told = texts("globex", "garden")
    posted = [text for text in told if "line" in text]
    assert len([text for text in told if " deleted a message " in text]) == len(posted)
    assert set(Event.objects.values_list("body", flat=True)) == {None}


def test_many_workers_post_each_message_once_and_in_order(pair: Pair) -> None:
    def lines() -> None:
        for number in range(COUNT):
            take(pair.here.room, factories.said(str(number)))

    talk, seat = Talk(lines), pair.there.pk
    assert at_once(talk, *[lambda: drain_until(talk.is_over, seat)] * 4) == []

    assert texts("globex", "garden") == [f"[Ann, Acme] {number}" for number in range(COUNT)]
    assert set(statuses()) == {"sent"}


def test_two_rooms_that_answer_each_other_do_not_loop_while_everything_runs_at_once(pair: Pair) -> None:
    def talk() -> None:
        for number in range(10):
            echo.say("acme", "lobby", "Ann", f"a{number}")
            echo.say("globex", "garden", "Bob", f"b{number}")
            time.sleep(0.01)

    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            for seat in (pair.here.pk, pair.there.pk):
                lanes.drain(seat)

    def read() -> None:
        ends = time.monotonic() + PATIENCE
        while Delivery.objects.filter(status="sent").count() < 20 and time.monotonic() < ends:
            read_all()
        for _ in range(3):
            read_all()
        over.set()

    assert at_once(talk, read, work, work) == []

    both = texts("acme", "lobby"), texts("globex", "garden")
    assert [len(room) for room in both] == [20, 20]
    assert [text for text in both[0] if text.startswith("[")] == [f"[Bob, Globex] b{n}" for n in range(10)]
    assert [text for text in both[1] if text.startswith("[")] == [f"[Ann, Acme] a{n}" for n in range(10)]


def test_a_seat_that_fails_hands_over_while_more_arrives(pair: Pair) -> None:
    far = factories.seat(factories.account(team="globex"), pair.there.room)
    factories.tube(factories.seat(factories.account(team="acme"), pair.here.room), far)

    def lines() -> None:
        for number in range(COUNT):
            take(pair.here.room, factories.said(str(number)))
            if number == 5:
                Seat.objects.filter(pk=pair.there.pk).update(failure="kicked")

    def sweep() -> None:
        ends = time.monotonic() + PATIENCE
        while not talk.is_over():
            assert time.monotonic() < ends, statuses()
            for seat in handover.stranded_seats():
                handover.retire(seat)
            for seat in (pair.there.pk, far.pk):
                lanes.drain(seat)

    talk = Talk(lines)
    assert at_once(talk, sweep) == []

    assert texts("globex", "garden") == [f"[Ann, Acme] {number}" for number in range(COUNT)]
