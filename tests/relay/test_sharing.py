"""Messages that share a post, where a limit has held their lane for long."""

from dataclasses import replace

import pytest

from connectors.base import Kind
from connectors.echo.connector import EchoConnector
from connectors.errors import DeliveryUnknown, MessageRejected, RetryLater
from tests import factories
from tests.relay.conftest import Clock, Pair, Service, drain_all, statuses, take, texts
from tests.relay.stubbed import World, edit_of, ends, kinds_taken_in
from tubes.models import Delivery, Post, Seat
from tubes.relay import sending

pytestmark = pytest.mark.django_db


@pytest.fixture
def throttled(pair: Pair, service: Service, time: Clock) -> Pair:
    """A limit has held the lane for 12 seconds, while three messages came."""
    service.refuse(RetryLater("limit", seconds=12))
    pair.say("one", "two", "three")
    drain_all()
    assert statuses() == ["queued"] * 3
    time.forward(12.5)
    return pair


SHARED = "[Ann, Acme] one\n[Ann, Acme] two\n[Ann, Acme] three"


def test_a_room_catches_up_in_one_post(throttled: Pair) -> None:
    drain_all()

    assert (texts("globex", "garden"), statuses()) == ([SHARED], ["sent"] * 3)
    assert list(Post.objects.order_by("delivery").values_list("remote_id", "part")) == [("echo-1", 0)] * 3
    assert Seat.objects.get(pk=throttled.there.pk).throttled_since is None

    throttled.say("four", "five")
    drain_all()
    assert texts("globex", "garden")[1:] == ["[Ann, Acme] four", "[Ann, Acme] five"]


@pytest.mark.parametrize("lack", ["history", "message_ids"])
def test_where_nobody_could_look_it_up_nothing_shares_a_post(
    throttled: Pair, monkeypatch: pytest.MonkeyPatch, lack: str
) -> None:
    """One send that is cut off there would leave all of them in doubt."""
    monkeypatch.setattr(EchoConnector, "capabilities", replace(EchoConnector.capabilities, **{lack: False}))

    drain_all()

    assert texts("globex", "garden") == ["[Ann, Acme] one", "[Ann, Acme] two", "[Ann, Acme] three"]


def test_a_short_limit_joins_nothing(pair: Pair, service: Service, time: Clock) -> None:
    service.refuse(RetryLater("limit", seconds=5))
    pair.say("one", "two")
    drain_all()
    time.forward(6)

    drain_all()

    assert texts("globex", "garden") == ["[Ann, Acme] one", "[Ann, Acme] two"]


def test_what_does_not_fit_goes_into_the_next_post(throttled: Pair) -> None:
    throttled.say("x" * 380, "y" * 380)

    drain_all()

    assert texts("globex", "garden") == [SHARED, f"[Ann, Acme] {'x' * 380}", f"[Ann, Acme] {'y' * 380}"]
    assert statuses() == ["sent"] * 5


def test_messages_of_several_rooms_share_a_post_in_turns(throttled: Pair) -> None:
    other = factories.seat(factories.account(throttled.here.owner), factories.room("attic"))
    factories.tube(other, throttled.there)
    take(other.room, *[factories.said(text, name="Bob") for text in ("1", "2")])

    drain_all()

    [post] = texts("globex", "garden")
    assert post.split("\n") == [
        *("[Ann, Acme] one", "[Bob, Acme] 1", "[Ann, Acme] two"),
        *("[Bob, Acme] 2", "[Ann, Acme] three"),
    ]


def test_a_shared_post_that_arrived_is_found_and_noted_for_all(
    throttled: Pair, service: Service, time: Clock
) -> None:
    service.store_then(DeliveryUnknown("cut"))
    drain_all(rounds=1)
    assert statuses() == ["sending"] * 3
    throttled.say("four")

    time.forward(2)
    drain_all()

    assert (texts("globex", "garden"), statuses()) == ([SHARED, "[Ann, Acme] four"], ["sent"] * 4)
    assert Post.objects.filter(remote_id="echo-1").count() == 3


def test_a_shared_post_that_did_not_arrive_is_posted_again(
    throttled: Pair, service: Service, time: Clock
) -> None:
    service.refuse(DeliveryUnknown("cut"))
    drain_all(rounds=1)
    time.forward(2)
    drain_all(rounds=1)
    assert statuses() == ["sending"] * 3

    time.forward(15)
    drain_all()

    assert "\n".join(texts("globex", "garden")) == SHARED
    assert statuses() == ["sent"] * 3


def test_a_refused_shared_post_is_put_off_as_a_whole(throttled: Pair, service: Service, time: Clock) -> None:
    service.refuse(RetryLater("limit", seconds=5))
    drain_all(rounds=1)
    assert (statuses(), set(Delivery.objects.values_list("attempts", flat=True))) == (["queued"] * 3, {0})

    time.forward(6)
    drain_all()
    assert texts("globex", "garden") == [SHARED]


def test_a_rejected_shared_post_goes_one_by_one(throttled: Pair, service: Service) -> None:
    service.refuse(MessageRejected("rude"), MessageRejected("rude"))

    drain_all()

    assert statuses()[:3] == ["failed", "sent", "sent"]
    assert texts("globex", "garden")[:2] == ["[Ann, Acme] two", "[Ann, Acme] three"]


def test_an_edit_that_comes_before_the_post_begins_is_in_it(
    throttled: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, late = sending.rendering.joined, [edit_of(first_id(throttled), "ONE")]

    def joined(*args: object) -> object:
        if late:
            take(throttled.here.room, late.pop())
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(sending.rendering, "joined", joined)

    drain_all()

    assert texts("globex", "garden") == [SHARED.replace("one", "ONE")]


def first_id(pair: Pair) -> str:
    return Delivery.objects.order_by("pk")[0].event.remote_id


def test_a_tube_that_is_paused_before_the_post_begins_lets_none_of_it_pass(
    throttled: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sending.rendering.joined

    def joined(*args: object) -> object:
        type(throttled.tube).objects.update(status="paused")
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(sending.rendering, "joined", joined)

    drain_all()

    assert (texts("globex", "garden"), statuses()) == ([], ["skipped"] * 3)


def test_an_edit_does_not_share_its_post(throttled: Pair) -> None:
    drain_all()
    Seat.objects.filter(pk=throttled.there.pk).update(throttled_since="2020-01-01T00:00Z")
    take(
        throttled.here.room,
        edit_of(first_id(throttled), "ONE"),
        factories.said("four"),
        factories.said("five"),
    )

    drain_all()

    assert texts("globex", "garden")[1:] == ["[Ann, Acme] ✎ ONE", "[Ann, Acme] four\n[Ann, Acme] five"]


# ----------------------------------------------------------------- afterwards


@pytest.fixture
def shared(world: World, time: Clock) -> World:
    """Two messages in one post, at a service that can edit and delete."""
    seats = world.chain("here", "there", "beyond")
    world.stub.fault("throttle", room="there", count=1, retry_after=11)
    for text in ("one", "two"):
        world.stub.say("here", "Ann", text)
    world.relay(rounds=1)
    time.forward(12)
    world.relay()
    assert world.texts("there") == ["[Ann, Stub] one\n[Ann, Stub] two"]
    assert seats[1].room.remote_id == "there"
    return world


def test_an_edit_of_a_message_that_shares_its_post_is_told(shared: World) -> None:
    [first, _] = shared.items("here")

    shared.stub.edit("here", first.id, "ONE")
    shared.relay()

    assert shared.texts("there") == ["[Ann, Stub] one\n[Ann, Stub] two", "[Ann, Stub] ✎ ONE"]
    assert shared.texts("beyond") == ["[Ann, Stub] ONE", "[Ann, Stub] two"]


def test_a_deletion_of_a_message_that_shares_its_post_leaves_the_others(shared: World) -> None:
    [first, _] = shared.items("here")

    shared.stub.delete("here", first.id)
    shared.relay()

    assert shared.texts("there")[0] == "[Ann, Stub] one\n[Ann, Stub] two"
    assert shared.texts("beyond") == ["[Ann, Stub] two"]


def test_a_shared_post_does_not_come_back(shared: World) -> None:
    shared.relay()

    assert kinds_taken_in() == ["message", "message"]


def test_a_moderator_who_deletes_a_shared_post_has_removed_all_of_it(shared: World) -> None:
    [first, second] = shared.items("here")
    shared.stub.delete("there", shared.items("there")[0].id)
    shared.relay()
    assert ends(Kind.MESSAGE) == ["removed", "sent", "removed", "sent"]

    for item in (first, second):
        shared.stub.edit("here", item.id, item.text.upper())
    shared.relay()

    assert shared.texts("there") == []
    assert shared.texts("beyond") == ["[Ann, Stub] ONE", "[Ann, Stub] TWO"]
