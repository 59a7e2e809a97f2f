"""Pausing, closing and failing take effect at once, and stop nobody else's Tube into the same room."""

import pytest

from connectors.errors import DeliveryUnknown
from tests import factories
from tests.relay.conftest import Clock, Pair, Service, drain_all, statuses, take, texts
from tubes import tasks
from tubes.models import Delivery, Seat
from tubes.relay import handover, lanes, loading, rendering
from tubes.services import tube_close

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("time")]


@pytest.fixture
def second(pair: Pair) -> Seat:
    """Another owner's Tube between the same two rooms: its Seat at the far end."""
    far = factories.seat(factories.account(team="globex"), pair.there.room)
    factories.tube(factories.seat(factories.account(team="acme"), pair.here.room), far)
    return far


def places() -> list[tuple[int, str]]:
    """At which Seat each delivery stands, and how."""
    return list(Delivery.objects.order_by("pk").values_list("seat", "status"))


def fail(seat: Seat, how: str) -> None:
    if how == "room":
        Seat.objects.filter(pk=seat.pk).update(failure="kicked")
    else:
        set_status(seat, "needs_login")


def set_status(seat: Seat, status: str) -> None:
    seat.account.status = status
    seat.account.save()


# ----------------------------------------------------------------- between loading and claiming


@pytest.mark.parametrize("status", ["paused", "closed"])
@pytest.mark.parametrize("age", [0, 5])
def test_a_tube_that_stops_just_before_a_send_stops_it(
    pair: Pair, service: Service, time: Clock, monkeypatch: pytest.MonkeyPatch, status: str, age: int
) -> None:
    real = rendering.steps

    def steps(*args: object, **more: object) -> object:
        type(pair.tube).objects.update(status=status)
        return real(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(rendering, "steps", steps)
    pair.say("one", "two")
    time.forward(age)

    drain_all()

    assert (service.sent, statuses()) == ([], ["skipped", "skipped"])


def test_a_further_tube_that_is_paused_stops_what_comes_through_it(pair: Pair, time: Clock) -> None:
    attic = factories.seat(factories.account(pair.here.owner), factories.room("attic"))
    before = factories.tube(attic, pair.here)
    take(attic.room, factories.said("from afar"))
    pair.say("from here")
    before.status = "paused"
    before.save()
    time.forward(2)

    drain_all()

    assert texts("globex", "garden") == ["[Ann, Acme] from here"]


# ----------------------------------------------------------------- a closed Tube


def test_another_owners_tube_takes_over_what_a_closed_one_had_queued(pair: Pair, second: Seat) -> None:
    pair.say("one", "two")

    tube_close(tube=pair.tube, by=pair.here.owner)
    pair.say("three")
    drain_all()

    assert places() == [(second.pk, "sent")] * 3
    assert [text.split()[-1] for text in texts("globex", "garden")] == ["one", "two", "three"]


@pytest.mark.parametrize("arrived", [True, False])
def test_what_is_on_the_wire_when_its_tube_closes_keeps_its_turn(
    pair: Pair, second: Seat, service: Service, time: Clock, arrived: bool
) -> None:
    error = DeliveryUnknown("cut")
    service.store_then(error) if arrived else service.refuse(error)
    pair.say("one", "two")
    drain_all(rounds=1)

    tube_close(tube=pair.tube, by=pair.here.owner)
    pair.say("three")
    assert places() == [(pair.there.pk, "sending")] + [(pair.there.pk, "queued")] * 2
    for _ in range(12):
        time.forward(2)
        tasks.sweep()
        drain_all(rounds=1)

    assert [text.split()[-1] for text in texts("globex", "garden")] == ["one", "two", "three"]
    assert places()[1:] == [(second.pk, "sent")] * 2


def test_what_nobody_else_leads_to_is_skipped(pair: Pair) -> None:
    pair.say("one")
    type(pair.tube).objects.update(status="closed")

    tasks.sweep()

    assert statuses() == ["skipped"]


# ----------------------------------------------------------------- a Seat that cannot post


@pytest.mark.parametrize("how", ["room", "login"])
def test_another_owners_tube_takes_over_what_waits_at_a_seat_that_fails(
    pair: Pair, second: Seat, how: str
) -> None:
    pair.say("one", "two")
    fail(pair.there, how)
    pair.say("three")

    tasks.sweep()
    pair.say("four")
    drain_all()

    assert places() == [(second.pk, "sent")] * 4
    assert [text.split()[-1] for text in texts("globex", "garden")] == ["one", "two", "three", "four"]


def test_a_cut_off_send_that_waits_for_a_login_holds_up_nobody_else(
    pair: Pair, second: Seat, service: Service, time: Clock
) -> None:
    service.store_then(DeliveryUnknown("cut"))
    pair.say("one", "two")
    drain_all(rounds=1)
    fail(pair.there, "login")
    tasks.sweep()
    pair.say("three")

    time.forward(2)
    drain_all()
    assert places() == [(pair.there.pk, "sending")] + [(second.pk, "sent")] * 2

    set_status(pair.there, "connected")
    time.forward(15)
    drain_all()
    assert statuses() == ["sent"] * 3
    assert [text.split()[-1] for text in texts("globex", "garden")] == ["one", "two", "three"]


@pytest.mark.parametrize("how", ["room", "login"])
def test_what_only_a_failed_seat_can_post_waits_for_it(pair: Pair, how: str, time: Clock) -> None:
    elsewhere = factories.seat(factories.account(team="globex"), pair.there.room)
    factories.tube(factories.seat(factories.account(team="initech"), direction="out"), elsewhere)
    pair.say("one")
    fail(pair.there, how)
    tasks.sweep()
    time.forward(3600)
    tasks.sweep()
    assert places() == [(pair.there.pk, "queued")]

    Seat.objects.update(failure="")
    set_status(pair.there, "connected")
    drain_all()
    assert statuses() == ["sent"]


def test_the_rest_of_a_message_in_parts_is_posted_where_it_began(
    pair: Pair, second: Seat, service: Service
) -> None:
    text = " ".join(f"word{number}" for number in range(150))
    pair.say(text, "two")
    lanes.drain(pair.there.pk, ends=lambda: len(service.sent) >= 1)

    tube_close(tube=pair.tube, by=pair.here.owner)
    for _ in range(3):
        tasks.sweep()
        drain_all(rounds=1)

    told = [part.removeprefix("[Ann, Acme] ") for part in texts("globex", "garden")]
    assert " ".join(told) == f"{text} two"
    assert places() == [(pair.there.pk, "sent"), (second.pk, "sent")]
    assert loading.next_due(pair.there.pk) is None


# ----------------------------------------------------------------- a Seat that has a Portal alone


@pytest.fixture
def left_with_a_portal(pair: Pair, second: Seat) -> Seat:
    """Something waits at a Seat whose Tube has just been closed, and which a Portal keeps in use."""
    factories.portal(pair.there)
    pair.say("one")
    type(pair.tube).objects.filter(pk=pair.tube.pk).update(status="closed")
    return pair.there


def test_a_portal_lets_nobody_post_through_its_seat(
    left_with_a_portal: Seat, second: Seat, service: Service
) -> None:
    lanes.drain(left_with_a_portal.pk)
    before = list(service.sent)
    drain_all()

    assert before == []
    assert places() == [(second.pk, "sent")]


def test_what_waits_at_a_seat_with_a_portal_alone_is_for_others(left_with_a_portal: Seat) -> None:
    assert handover.stranded_seats() == [left_with_a_portal.pk]


def test_what_follows_does_not_wait_for_a_seat_with_a_portal_alone(
    pair: Pair, left_with_a_portal: Seat, second: Seat
) -> None:
    pair.say("two")

    assert places()[1] == (second.pk, "queued")
