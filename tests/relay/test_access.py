from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.base import RoomInfo
from connectors.echo.connector import EchoConnector
from connectors.errors import ConnectorError, LoginRejected, RetryLater, RoomGone
from sameroom import clock
from tests.relay.conftest import Clock, Pair, Rings
from tubes.models import Room, Seat
from tubes.relay import access, health

pytestmark = pytest.mark.django_db


def answers(found: RoomInfo | ConnectorError, monkeypatch: pytest.MonkeyPatch) -> None:
    def room(*args: object) -> RoomInfo:
        if isinstance(found, ConnectorError):
            raise found
        return found

    monkeypatch.setattr(EchoConnector, "room", room)


def test_each_seat_of_an_open_tube_comes_up_once_an_hour(pair: Pair, time: Clock) -> None:
    assert access.stale_seats() == []
    time.forward(3601)

    assert sorted(access.stale_seats()) == [pair.here.pk, pair.there.pk]
    assert access.stale_seats() == []


def test_the_seats_of_a_closed_tube_are_left_alone(pair: Pair, time: Clock) -> None:
    pair.tube.status = "closed"
    pair.tube.save()
    time.forward(3601)

    assert access.stale_seats() == []


def test_a_seat_that_was_thrown_out_fails(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(RoomGone("kicked"), monkeypatch)

    access.check(pair.here.pk)

    assert Seat.objects.get(pk=pair.here.pk).failure == "kicked"


def test_a_seat_that_may_enter_again_works_again(pair: Pair) -> None:
    before = clock.now() - timedelta(hours=1)
    Seat.objects.filter(pk=pair.here.pk).update(failure="kicked", failed_since=before)

    access.check(pair.here.pk)

    seat = Seat.objects.get(pk=pair.here.pk)
    assert (seat.failure, seat.failed_since) == ("", None)


def test_a_lost_room_is_looked_at_every_five_minutes(pair: Pair, time: Clock) -> None:
    Seat.objects.filter(pk=pair.here.pk).update(failure="closed", failed_since=clock.now())
    time.forward(301)

    assert access.stale_seats() == [pair.here.pk]


def test_where_people_see_us_look_a_lost_room_is_looked_at_hourly(
    pair: Pair, time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = replace(EchoConnector.capabilities, sends_by_session=True)
    monkeypatch.setattr(EchoConnector, "capabilities", seen)
    Seat.objects.filter(pk=pair.here.pk).update(failure="closed", failed_since=clock.now())
    time.forward(301)
    assert access.stale_seats() == []
    time.forward(3300)

    assert pair.here.pk in access.stale_seats()


def test_a_room_that_we_were_put_out_of_is_left_alone_for_a_day(pair: Pair, time: Clock) -> None:
    health.seat_failed(pair.here, "Put out.", looks_after=timedelta(days=1))
    time.forward(86_000)
    assert access.stale_seats() == [pair.there.pk]
    time.forward(4000)

    assert pair.here.pk in access.stale_seats()


def test_a_renamed_or_archived_room_is_noted(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(RoomInfo(id=pair.here.room.remote_id, name="New name", is_archived=True), monkeypatch)  # type: ignore[arg-type]

    access.check(pair.here.pk)

    room = Room.objects.get(pk=pair.here.room_id)
    assert (room.name, room.is_archived) == ("New name", True)
    assert Seat.objects.get(pk=pair.here.pk).failure == "This room is archived at its service."


@pytest.mark.parametrize(
    ("error", "status"), [(RetryLater("busy"), "connected"), (LoginRejected("expired"), "needs_login")]
)
def test_trouble_is_no_lost_access(
    error: ConnectorError, status: str, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(error, monkeypatch)

    access.check(pair.here.pk)

    pair.here.account.refresh_from_db()
    assert (Seat.objects.get(pk=pair.here.pk).failure, pair.here.account.status) == ("", status)


def test_a_check_that_found_only_trouble_is_made_again_soon(
    pair: Pair, time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    time.forward(3601)
    answers(RetryLater("busy"), monkeypatch)
    for seat in access.stale_seats():
        access.check(seat)
    assert access.stale_seats() == []

    time.forward(301)
    assert len(access.stale_seats()) == 2


def test_a_seat_that_is_gone_is_no_trouble(db: None) -> None:
    access.check(12345)

    assert Seat.objects.count() == 0


def test_what_has_waited_follows_at_once_when_a_seat_works_again(
    pair: Pair, rings: Rings, django_capture_on_commit_callbacks: object
) -> None:
    Seat.objects.filter(pk=pair.there.pk).update(failure="archived")

    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        access.check(pair.there.pk)

    assert pair.there.pk in rings.lanes
