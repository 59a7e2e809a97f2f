"""Services whose posts leave by the connection that listens: their lanes are drained where that stands."""

import time
from collections.abc import Iterator
from functools import partial

import pytest

from accounts.models import LinkedAccount
from connectors.base import MessageId, OutgoingMessage, RoomId
from stub.connector.connector import StubConnector
from tests.relay.conftest import drain_all
from tests.relay.listening import running
from tests.relay.stubbed import World
from tests.waiting import until
from tubes.models import Delivery, Room, Seat
from tubes.relay import access, bell, guard, lanes, sessions
from tubes.relay.listening import keeper, pacing
from tubes.relay.runner import Runner

pytestmark = pytest.mark.django_db(transaction=True)

SPOKEN = "stream,session"
RING_LANES = bell.ring_lanes  # before the tests' own is put in its place


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "check_in", lambda: "")
    monkeypatch.setattr(pacing, "FIRST", 0.05)
    monkeypatch.setattr(pacing, "MOST", 0.2)
    guard.forget()


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Runner]:
    """The lane threads of a worker in this process."""
    monkeypatch.setattr(bell, "ring_lanes", RING_LANES)
    runner = Runner(4)
    runner.start()
    yield runner
    runner.stop()


def spoken(world: World, *rooms: str, features: str = SPOKEN) -> list[Seat]:
    seats = world.chain(*rooms, features=features)
    Room.objects.update(next_poll_at=None)
    return seats


def states() -> list[str]:
    return list(Delivery.objects.order_by("pk").values_list("status", flat=True))


def _are_taken_in(count: int) -> bool:
    return Delivery.objects.count() == count


def test_without_the_connection_nobody_posts_and_nothing_is_lost(world: World) -> None:
    _, there = spoken(world, "here", "there")
    with running():
        until(lambda: len(sessions.accounts()) == 2)
    assert sessions.accounts() == []
    world.stub.say("here", "Ann", "one")
    with running():
        until(lambda: states() == ["sent"])

    assert world.texts("there") == ["[Ann, Stub] one"]
    assert Delivery.objects.get().seat == there


def test_a_lane_is_not_drained_where_the_connection_is_not(world: World) -> None:
    here, there = spoken(world, "here", "there")
    LinkedAccount.objects.filter(pk=there.account_id).update(status="disabled")
    with running():
        until(lambda: list(sessions.accounts()) == [here.account_id])
        world.stub.say("here", "Ann", "one")
        until(lambda: states() == ["queued"])
    LinkedAccount.objects.filter(pk=there.account_id).update(status="connected")

    assert lanes.drain(there.pk) is None
    drain_all()

    assert (states(), world.texts("there")) == (["queued"], [])


def test_a_worker_hands_rings_on_to_whoever_holds_the_connection(
    world: World, worker: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long before a listener looks by itself."""
    monkeypatch.setattr(keeper, "LOOK", 60.0)
    spoken(world, "here", "there")
    with running():
        until(lambda: len(sessions.accounts()) == 2)
        begun = time.monotonic()
        world.stub.say("here", "Ann", "one")
        until(lambda: states() == ["sent"], within=10)

    assert time.monotonic() - begun < 10
    assert world.texts("there") == ["[Ann, Stub] one"]


def test_a_lost_ring_is_made_up_for_by_the_next_look(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "LOOK", 0.2)
    spoken(world, "here", "there")
    with running():
        until(lambda: len(sessions.accounts()) == 2)
        world.stub.say("here", "Ann", "one")
        until(lambda: states() == ["sent"])

    assert world.texts("there") == ["[Ann, Stub] one"]


def test_messages_keep_their_order_while_the_connection_moves_from_listener_to_listener(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "LOOK", 0.1)
    spoken(world, "here", "there")
    for turn in range(3):
        with running():
            until(lambda: len(sessions.accounts()) == 2)
            for number in range(10):
                world.stub.say("here", "Ann", f"#{turn * 10 + number}")
            until(partial(_are_taken_in, turn * 10 + 10))
    with running():
        until(lambda: states() == ["sent"] * 30)

    assert world.texts("there") == [f"[Ann, Stub] #{number}" for number in range(30)]


def test_what_is_on_its_way_arrives_before_the_connection_is_closed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "LOOK", 0.1)
    world.stub.switch(latency=1.0)
    spoken(world, "here", "there")
    real = StubConnector.send

    def send(self: StubConnector, room: RoomId, message: OutgoingMessage) -> MessageId:
        until(listener._speakers.is_ending)
        return real(self, room, message)

    monkeypatch.setattr(StubConnector, "send", send)
    with running() as [listener]:
        until(lambda: len(sessions.accounts()) == 2)
        world.stub.say("here", "Ann", "one")
        world.stub.say("here", "Ann", "two")
        until(lambda: states() == ["sending", "queued"])

    assert (states(), world.texts("there")) == (["sent", "queued"], ["[Ann, Stub] one"])


def test_an_older_connection_that_ends_leaves_the_newer_one(world: World) -> None:
    _, there = spoken(world, "here", "there")
    older, newer = there.account.connector(), there.account.connector()
    sessions.stand(there.account_id, older)
    sessions.stand(there.account_id, newer)
    sessions.fall(there.account_id, older)
    assert sessions.of(there.account_id) is newer
    sessions.fall(there.account_id, newer)
    assert sessions.of(there.account_id) is None


def test_the_hourly_check_leaves_a_room_alone_in_which_the_connection_sits(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[RoomId] = []
    here, _ = spoken(world, "here", "there")
    room = StubConnector.room
    monkeypatch.setattr(StubConnector, "room", lambda self, id_: asked.append(id_) or room(self, id_))

    access.check(here.pk)
    assert asked == []
    Seat.objects.filter(pk=here.pk).update(failure="Kicked.")
    access.check(here.pk)

    assert asked == ["here"]
    assert Seat.objects.get(pk=here.pk).failure == ""
