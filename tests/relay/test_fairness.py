"""Rooms take turns in a lane, and what has to wait holds up nobody else."""

import pytest

from connectors.errors import RetryLater
from sameroom import clock
from tests import factories
from tests.relay.conftest import Clock, Pair, Service, drain_all, take, texts
from tubes.models import Delivery, Room, Seat
from tubes.relay import lanes, loading

pytestmark = pytest.mark.django_db


def another_room(pair: Pair, name: str = "attic", team: str = "acme", **account: str) -> Room:
    """A further room with a Tube into the same room."""
    seat = factories.seat(
        factories.account(pair.here.owner, team=team, **account), factories.room(name, team=team)
    )
    factories.tube(seat, pair.there)
    return seat.room


def test_a_single_message_goes_before_a_long_queue_of_another_room(pair: Pair) -> None:
    room = another_room(pair)
    pair.say(*[f"line {number}" for number in range(300)])
    take(room, factories.said("short question", name="Bob"))

    for _ in range(20):
        drain_all()

    told = texts("globex", "garden")
    assert told.index("[Bob, Acme] short question") == 1
    assert [text for text in told if "line" in text] == [f"[Ann, Acme] line {n}" for n in range(300)]


def test_rooms_take_turns_and_each_keeps_its_order(pair: Pair) -> None:
    room = another_room(pair)
    pair.say("a1", "a2", "a3")
    take(room, *[factories.said(text, name="Bob") for text in ("b1", "b2")])

    drain_all()

    assert [text.split()[-1] for text in texts("globex", "garden")] == ["a1", "b1", "a2", "b2", "a3"]


def test_nobody_comes_between_the_parts_of_a_message(pair: Pair, service: Service) -> None:
    room = another_room(pair)
    pair.say("a1", "a2")
    take(room, factories.said(" ".join(f"word{number}" for number in range(150)), name="Bob"))
    lanes.drain(pair.there.pk, ends=lambda: len(service.sent) >= 2)
    assert len(service.sent) == 2  # a1, and the first part of Bob's

    drain_all()

    first, *parts, last = texts("globex", "garden")
    assert (first, last) == ("[Ann, Acme] a1", "[Ann, Acme] a2")
    assert len(parts) > 2
    assert [part for part in parts if not part.startswith("[Bob, Acme]")] == []


@pytest.fixture
def detour(pair: Pair) -> Seat:
    """The Seat in the garden is reached from the attic by way of the lobby, whose account needs a login."""
    attic = factories.seat(factories.account(pair.here.owner), factories.room("attic"))
    factories.tube(attic, pair.here)
    pair.here.account.status = "needs_login"
    pair.here.account.save()
    return attic


def test_what_waits_for_a_login_does_not_hold_other_rooms(pair: Pair, detour: Seat, time: Clock) -> None:
    direct = another_room(pair, "kitchen")
    take(detour.room, factories.said("waits"), factories.said("behind"))
    take(direct, factories.said("passes", name="Bob"))
    time.forward(2)

    drain_all()
    assert texts("globex", "garden") == ["[Bob, Acme] passes"]

    pair.here.account.status = "connected"
    pair.here.account.save()
    time.forward(61)
    drain_all()
    assert [text.split()[-1] for text in texts("globex", "garden")] == ["passes", "waits", "behind"]


def test_a_lane_is_not_looked_at_again_at_once_for_what_stands_behind_a_waiting_one(
    pair: Pair, detour: Seat, time: Clock
) -> None:
    take(detour.room, factories.said("waits"))
    Delivery.objects.filter(seat=pair.there).update(error="", next_attempt_at=clock.now())
    take(detour.room, factories.said("behind"))
    Delivery.objects.filter(seat=pair.there).update(error="", next_attempt_at=clock.now())
    time.forward(2)

    after = lanes.drain(pair.there.pk)

    assert after is not None
    assert 55 < after <= 60


def test_a_resting_lane_is_left_alone_until_its_time(pair: Pair, service: Service, time: Clock) -> None:
    service.refuse(RetryLater("limit", seconds=8))
    pair.say("one")
    drain_all()
    pair.say("two")

    assert loading.idle_lanes() == []
    assert 5 < (loading.next_due(pair.there.pk) or 0) <= 8
    assert 5 < (lanes.drain(pair.there.pk) or 0) <= 8
    assert service.sent == []

    time.forward(9)
    assert (loading.idle_lanes(), loading.next_due(pair.there.pk)) == ([pair.there.pk], 0.0)
    drain_all()
    assert service.sent == ["[Ann, Acme] one", "[Ann, Acme] two"]


@pytest.mark.parametrize("how", ["failure", "status"])
def test_a_lane_that_cannot_work_is_due_for_nobody(pair: Pair, how: str) -> None:
    pair.say("one")
    if how == "failure":
        Seat.objects.filter(pk=pair.there.pk).update(failure="kicked")
    else:
        pair.there.account.status = "needs_login"
        pair.there.account.save()

    assert (loading.idle_lanes(), loading.next_due(pair.there.pk)) == ([], None)
    assert lanes.drain(pair.there.pk) is None


def test_a_lane_that_somebody_holds_is_not_idle(pair: Pair, time: Clock) -> None:
    from tubes.relay.leases import claim

    pair.say("one")
    assert loading.idle_lanes() == [pair.there.pk]
    assert claim(Seat, pair.there.pk, "lane")

    assert loading.idle_lanes() == []
    time.forward(31)
    assert loading.idle_lanes() == [pair.there.pk]
