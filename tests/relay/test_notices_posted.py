"""Our own notices go through a lane like everything else that is posted."""

import pytest

from sameroom import clock
from tests.relay.conftest import Clock, Pair, Service, drain_all, statuses, take, texts
from tests.relay.stubbed import echo
from tubes.models import Event, Notice
from tubes.relay import notices

pytestmark = pytest.mark.django_db


def tell(pair: Pair) -> None:
    notices.tell(pair.there, Notice.Kind.QUOTA, "The limit is reached.", in_room=True)


def test_a_notice_is_posted_in_our_own_name_and_in_turn(pair: Pair) -> None:
    pair.say("before")
    tell(pair)
    pair.say("after")

    drain_all()

    assert texts("globex", "garden") == [
        "[Ann, Acme] before",
        "[Sameroom] The limit is reached.",
        "[Ann, Acme] after",
    ]


def test_a_notice_is_not_relayed_further(pair: Pair) -> None:
    tell(pair)
    drain_all()

    take(pair.there.room, echo(pair.there, "[Sameroom] The limit is reached.", "echo-1"))

    assert Event.objects.count() == 1


def test_the_echo_of_a_notice_that_is_under_way_waits(pair: Pair, service: Service) -> None:
    tell(pair)
    event = Event.objects.get()
    event.deliveries.update(status="sending", fingerprint="f" * 32, sending_since=clock.now())

    take(pair.there.room, echo(pair.there, "[Sameroom] The limit is reached.", "echo-1"))

    assert list(Event.objects.order_by("pk").values_list("held", flat=True)) == ["no", "waiting"]


def test_a_notice_that_has_waited_too_long_is_dropped_without_a_word(pair: Pair, time: Clock) -> None:
    tell(pair)
    time.forward(25 * 3600)

    drain_all()

    assert (statuses(), texts("globex", "garden")) == (["skipped"], [])
    assert Notice.objects.get().text == "The limit is reached."


def test_no_notice_is_posted_through_an_account_whose_tubes_are_closed(pair: Pair) -> None:
    tell(pair)
    pair.tube.status = "closed"
    pair.tube.save()

    drain_all()

    assert (statuses(), texts("globex", "garden")) == (["skipped"], [])


def test_a_notice_is_posted_while_the_tube_is_paused(pair: Pair) -> None:
    tell(pair)
    pair.tube.status = "paused"
    pair.tube.save()

    drain_all()

    assert texts("globex", "garden") == ["[Sameroom] The limit is reached."]
