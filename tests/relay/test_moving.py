"""Rooms that go on as another one at their service: what hangs on them follows."""

import pytest
from django.db import transaction

from accounts.models import LinkedAccount
from connectors.base import Batch, RoomId, RoomInfo
from connectors.echo.connector import EchoConnector
from sameroom import clock
from tests import factories
from tests.relay.conftest import Pair, drain_all
from tests.relay.listening import running, second, streamed, texts_taken_in
from tests.relay.stubbed import World
from tests.waiting import until
from tubes.models import Delivery, Event, Notice, Room, Seat
from tubes.relay import access, guard, health
from tubes.relay.listening import keeper, taking
from tubes.relay.listening.ledger import leases
from tubes.relay.moving import LINKED_ALREADY, room_moved

pytestmark = pytest.mark.django_db(transaction=True)
OLD, NEW = RoomId("here"), RoomId("new-here")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "check_in", lambda: "")
    monkeypatch.setattr(keeper, "LOOK", 0.1)
    guard.forget()


def take(seat: Seat, *texts: str, room: RoomId = OLD, **more: dict[RoomId, RoomId]) -> None:
    """What the stream of this Seat's account brings."""
    leases.release({seat.account_id: LinkedAccount.objects.get(pk=seat.account_id).stream_fence})
    [fence] = leases.claim([seat.account_id], taking.LASTS).values()
    account = LinkedAccount.objects.get(pk=seat.account_id)
    said = [(room, factories.said(text)) for text in texts]
    taking.take_batch(account, fence, Batch(said, "t1", **more), has_ids=True)  # type: ignore[arg-type]


def told() -> list[tuple[str, str]]:
    notices = Notice.objects.filter(kind="moved").order_by("pk")
    return list(notices.values_list("owner__email", "text"))


def test_what_was_said_and_what_is_queued_go_on_in_the_new_room(world: World) -> None:
    here, there = streamed(world, "here", "there")
    world.stub.add_rooms([NEW])
    take(there, "waits", room=RoomId("there"))

    take(here, "last words", moved={OLD: NEW})
    take(here, "first words", room=NEW)
    drain_all()

    assert world.texts("there") == ["[Ann, Stub] last words", "[Ann, Stub] first words"]
    assert (world.texts(NEW), world.texts(OLD)) == (["[Ann, Stub] waits"], [])
    room = Room.objects.get(pk=here.room_id)
    assert (room.remote_id, room.next_event_number) == (NEW, 3)
    assert LinkedAccount.objects.get(pk=here.account_id).stream_token == "t1"


def test_room_moves_with_the_token_or_not_at_all(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    here, _ = streamed(world, "here", "there")

    def fails(*args: object) -> None:
        raise RuntimeError("cut")

    monkeypatch.setattr("tubes.relay.moving._tell", fails)
    with pytest.raises(RuntimeError):
        take(here, moved={OLD: NEW})

    assert Room.objects.get(pk=here.room_id).remote_id == OLD
    assert LinkedAccount.objects.get(pk=here.account_id).stream_token == ""


def test_who_lost_the_lease_moves_nothing(world: World) -> None:
    here, _ = streamed(world, "here", "there")
    account = LinkedAccount.objects.get(pk=here.account_id)

    with pytest.raises(taking.Lost):
        taking.take_batch(account, 7, Batch((), "t1", moved={OLD: NEW}), has_ids=True)

    assert Room.objects.get(pk=here.room_id).remote_id == OLD


def test_both_owners_are_told_once(world: World) -> None:
    here = world.seat("here")
    bob = factories.user("bob@example.com")
    for name, owner in (("there", bob), ("elsewhere", world.owner)):
        factories.tube(here, world.seat(name, owner=owner))
    closed = world.seat("closed", owner=factories.user("eve@example.com"))
    factories.tube(here, closed, status="closed")

    for _ in range(2):  # another account's stream tells the same
        with transaction.atomic():
            assert room_moved(here.account, OLD, NEW)

    text = "Here goes on as a new room at Stub. Its Tubes lead there now."
    assert told() == [(world.owner.email, text), ("bob@example.com", text)]
    assert not Delivery.objects.exists()


def test_other_seats_of_the_room_follow_too(world: World) -> None:
    here, _ = streamed(world, "here", "there")
    other = second(world, "here")
    Seat.objects.filter(pk=other.pk).update(failure="Not allowed to speak.", checked_at=clock.now())

    take(here, moved={OLD: NEW})

    assert Seat.objects.get(pk=other.pk).room_id == here.room_id
    assert access.stale_seats() == [other.pk]  # whether it may speak in the new one is found out at once
    assert set(Seat.objects.filter(room=here.room_id, unheard_since=None)) == set()


def test_room_whose_successor_is_linked_already_fails_its_seat(world: World) -> None:
    here, _ = streamed(world, "here", "there")
    factories.room(NEW, kind="stub", space=world.stub.url)

    take(here, "last words", moved={OLD: NEW})

    assert Seat.objects.get(pk=here.pk).failure == LINKED_ALREADY
    assert texts_taken_in(OLD) == ["last words"]
    assert told() == []


def test_successor_in_another_space_is_another_room(world: World) -> None:
    here, _ = streamed(world, "here", "there")
    factories.room(NEW, kind="stub", space="https://elsewhere.example")

    take(here, moved={OLD: NEW})

    assert Room.objects.get(pk=here.room_id).remote_id == NEW


def test_refusal_that_was_about_the_old_room_fails_nobody(world: World) -> None:
    here, _ = streamed(world, "here", "there")
    lane_seat = Seat.objects.select_related("room").get(pk=here.pk)  # as a lane has loaded it
    take(here, moved={OLD: NEW})

    health.seat_failed(lane_seat, "Nobody may speak there.")

    assert Seat.objects.get(pk=here.pk).failure == ""


def test_listener_goes_on_in_the_new_room(world: World) -> None:
    here, there = streamed(world, "here", "there")
    world.stub.add_rooms([NEW])
    with running():
        until(lambda: world.stub.counts().waiting == 2)
        world.stub.say(NEW, "Ann", "before anybody listens there")
        with transaction.atomic():
            room_moved(here.account, OLD, NEW)
        until(lambda: texts_taken_in(NEW) == ["before anybody listens there"])
        world.stub.say(NEW, "Ann", "on")
        until(lambda: Event.objects.count() == 2)
    drain_all()

    assert world.texts("there")[-1] == "[Ann, Stub] on"
    assert there.failure == ""


def test_access_check_that_meets_another_room_follows(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    new = RoomInfo(id=RoomId("lobby-2"), name="New lobby")
    monkeypatch.setattr(EchoConnector, "room", lambda *args: new)
    Seat.objects.filter(pk=pair.here.pk).update(failure="Closed to us.")

    access.check(pair.here.pk)

    seat = Seat.objects.select_related("room").get(pk=pair.here.pk)
    assert (seat.failure, seat.room.remote_id, seat.room.name) == ("", "lobby-2", "New lobby")


def test_access_check_that_meets_a_room_with_a_row_of_its_own_fails(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.room("lobby-2")
    new = RoomInfo(id=RoomId("lobby-2"), name="New lobby")
    monkeypatch.setattr(EchoConnector, "room", lambda *args: new)

    access.check(pair.here.pk)

    assert Seat.objects.get(pk=pair.here.pk).failure == LINKED_ALREADY
