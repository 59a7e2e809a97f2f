from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import pytest

from accounts.models import LinkedAccount
from connectors.base import RoomId
from connectors.echo import connector as echo
from connectors.echo.connector import EchoConnector
from connectors.errors import ConnectorError, LoginRejected, RetryLater, RoomGone
from sameroom import clock
from tests import factories
from tests.relay.conftest import Clock, Pair, Rings
from tubes import tasks
from tubes.models import Event, Room, Seat
from tubes.relay import reading
from tubes.relay.due import Counts, counts
from tubes.relay.leases import claim

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("time")]


def due(*seats: Seat) -> None:
    Room.objects.filter(pk__in=[seat.room_id for seat in seats]).update(
        next_poll_at=clock.now() - timedelta(seconds=5)
    )


def broken(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_after(*args: object) -> None:
        raise error

    monkeypatch.setattr(EchoConnector, "read_after", read_after)


def test_a_due_room_is_read_and_due_again_after_the_interval(pair: Pair) -> None:
    echo.say("acme", "lobby", "Ann", "hello")
    due(pair.here)

    reading.poll(pair.here.account_id)

    room = Room.objects.get(pk=pair.here.room_id)
    assert Event.objects.values_list("author_name", "author_team").get() == ("Ann", "Acme")
    assert room.next_poll_at is not None
    assert 0 < (room.next_poll_at - clock.now()).total_seconds() <= 0.2


def test_a_poll_sets_one_alarm_for_the_next(pair: Pair, rings: Rings) -> None:
    due(pair.here)

    reading.poll(pair.here.account_id)

    [(task, args, after)] = rings.rung
    fence = LinkedAccount.objects.get(pk=pair.here.account_id).poll_fence
    assert (task, args) == ("tubes.tasks.poll_account", (pair.here.account_id, fence))
    assert 0 <= after <= 0.2


def test_of_two_alarms_for_one_account_the_second_is_void(pair: Pair, rings: Rings) -> None:
    account = pair.here.account_id
    due(pair.here)
    reading.poll(account)
    fence = LinkedAccount.objects.get(pk=account).poll_fence

    reading.poll(account, fence=fence)
    reading.poll(account, fence=fence)

    assert len(rings.rung) == 2


def test_an_account_somebody_else_polls_is_left_alone(pair: Pair, rings: Rings) -> None:
    echo.say("acme", "lobby", "Ann", "hello")
    due(pair.here)
    claim(LinkedAccount, pair.here.account_id, "poll")

    reading.poll(pair.here.account_id)

    assert (Event.objects.count(), rings.rung) == (0, [])


def test_a_lost_alarm_is_rung_again(pair: Pair, rings: Rings) -> None:
    due(pair.here)

    tasks.wake_rooms()

    assert rings.rung == [("tubes.tasks.poll_account", (pair.here.account_id, 0), 0.0)]


def test_trouble_at_the_service_shows_on_the_account_and_heals_by_itself(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        broken(RetryLater("no answer"), patch)
        for _ in range(3):
            due(pair.here)
            reading.poll(pair.here.account_id)
    account = LinkedAccount.objects.get(pk=pair.here.account_id)
    assert (account.status, account.status_reason) == ("retrying", "no answer")

    due(pair.here)
    reading.poll(pair.here.account_id)
    account.refresh_from_db()
    assert account.status == "connected"
    assert Room.objects.get(pk=pair.here.room_id).last_error == ""


@pytest.mark.parametrize("error", [RoomGone("kicked"), LoginRejected("expired")])
def test_where_one_seat_fails_another_one_reads(
    error: ConnectorError, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    spare = factories.seat(factories.account(team="acme"), pair.here.room)
    factories.tube(spare)
    broken(error, monkeypatch)
    due(pair.here)

    reading.poll(pair.here.account_id)

    assert Room.objects.get(pk=pair.here.room_id).reader == spare


def test_our_bug_in_reading_is_kept_as_the_rooms_last_error(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(ZeroDivisionError("x"), monkeypatch)
    due(pair.here)

    reading.poll(pair.here.account_id)

    assert Room.objects.get(pk=pair.here.room_id).last_error == "Internal error: ZeroDivisionError."


def test_a_named_waiting_time_is_kept(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(RetryLater("limit", seconds=42), monkeypatch)
    due(pair.here)

    reading.poll(pair.here.account_id)

    room = Room.objects.get(pk=pair.here.room_id)
    assert room.next_poll_at is not None
    assert 41 < (room.next_poll_at - clock.now()).total_seconds() <= 42
    assert room.read_failures == 0


def test_the_sweep_rings_for_lanes_and_decides_held_events(pair: Pair, rings: Rings, time: Clock) -> None:
    pair.say("one")
    rings.rung.clear()
    factories.event(pair.here.room, number=99, held="waiting")

    tasks.sweep()

    assert rings.lanes == [pair.there.pk]
    assert not Event.objects.filter(held="waiting").exists()


def test_rooms_due_soon_after_each_other_are_read_together(pair: Pair, rings: Rings) -> None:
    """A tenth of the interval, and a bit: the alarm waits so long, even where a room is due before."""
    attic = factories.seat(pair.here.account, factories.room("attic"))
    factories.tube(attic, pair.there)
    Room.objects.filter(pk=attic.room_id).update(reader=attic)
    slow = replace(EchoConnector.capabilities, fastest_poll=10.0)
    now = clock.now()
    Room.objects.filter(pk=pair.here.room_id).update(next_poll_at=now)
    Room.objects.filter(pk=attic.room_id).update(next_poll_at=now + timedelta(seconds=0.5))

    with patch.object(EchoConnector, "capabilities", slow):
        reading.poll(pair.here.account_id)

    assert rings.rung[-1][2] == pytest.approx(reading.GATHER + 1.0)


def test_rooms_read_apart_are_read_together_before_long(pair: Pair, time: Clock) -> None:
    """An account's rooms are read at four moments of their interval, each as often as ever."""
    seats = [pair.here]
    for number in range(12):
        seats.append(factories.seat(pair.here.account, factories.room(f"room {number}")))
        Room.objects.filter(pk=seats[-1].room_id).update(reader=seats[-1])
    now = clock.now()
    for number, seat in enumerate(seats):
        Room.objects.filter(pk=seat.room_id).update(next_poll_at=now + timedelta(seconds=3 * number))
    slow = replace(EchoConnector.capabilities, fastest_poll=40.0)
    before: dict[int, list[float]] = {seat.room_id: [] for seat in seats}

    rooms = {RoomId(f"room {number}"): f"Room {number}" for number in range(12)}
    echo.clear()
    with patch.dict(echo.ROOMS, rooms), patch.object(EchoConnector, "capabilities", slow):
        for _ in range(200):
            reading.poll(pair.here.account_id)
            for pk, due_at in Room.objects.filter(pk__in=before).values_list("pk", "next_poll_at"):
                if due_at and before[pk][-1:] != [due_at.timestamp()]:
                    before[pk].append(due_at.timestamp())
            time.forward(1)

    latest = {round(moments[-1] - 40 * (moments[-1] // 40), 1) % 40 for moments in before.values()}
    assert len(latest) <= 4
    for moments in before.values():
        steps = [later - sooner for sooner, later in pairwise(moments)]
        assert all(34 <= step <= 46 for step in steps[:1])
        assert steps[1:] == pytest.approx([40.0] * len(steps[1:]), abs=0.01)
        assert len(steps) >= 4


def test_rooms_are_counted_now_and_then_only(pair: Pair, time: Clock, django_assert_num_queries: Any) -> None:
    account = pair.here.account_id
    assert counts(account) == Counts(1, 0)

    with django_assert_num_queries(0):
        assert counts(account) == Counts(1, 0)

    attic = factories.seat(pair.here.account, factories.room("attic"))
    Room.objects.filter(pk=attic.room_id).update(reader=attic, next_poll_at=clock.now())
    time.forward(11)
    assert counts(account) == Counts(2, 0)
