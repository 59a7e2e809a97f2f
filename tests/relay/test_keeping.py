"""Limits, expiry, the breaker and the guard, as the hot path calls them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.cache import cache

from connectors.base import IncomingEvent
from connectors.echo import connector as echo
from sameroom import clock
from tests import factories
from tests.relay.conftest import Clock, Pair, drain_all, statuses, take, texts
from tests.relay.test_notices import told
from tubes.models import Delivery, Event, Installation, Room, Tube
from tubes.relay import guard, lanes, quotas, reading

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    cache.clear()
    quotas.forget_limits()
    guard.forget()
    yield
    cache.clear()
    quotas.forget_limits()
    guard.forget()


def old(text: str) -> IncomingEvent:
    return replace(factories.said(text), said_at=clock.now() - timedelta(hours=30))


def test_what_was_said_too_long_ago_is_left_out_and_announced_before_what_was_not(pair: Pair) -> None:
    take(pair.here.room, old("one"), old("two"), factories.said("three"))

    drain_all()

    assert texts("globex", "garden") == [
        "[Sameroom] 2 messages said in Lobby more than 24 hours ago were left out.",
        "[Ann, Acme] three",
    ]
    assert Event.objects.filter(room=pair.here.room, body__isnull=True).count() == 2


def test_what_got_too_old_in_its_lane_is_left_out_and_announced(pair: Pair, time: Clock) -> None:
    pair.say("one", "two")
    time.forward(25 * 3600)
    pair.say("three")

    drain_all()

    assert sorted(texts("globex", "garden")) == [
        "[Ann, Acme] three",
        "[Sameroom] 2 messages said in Lobby more than 24 hours ago were left out.",
    ]


def test_beyond_the_daily_limit_messages_are_kept_as_skipped_and_the_room_is_told(pair: Pair) -> None:
    owner = pair.there.owner
    owner.daily_messages = 2
    owner.save()

    for text in ("one", "two", "three", "four"):
        pair.say(text)
    drain_all()

    assert sorted(texts("globex", "garden")) == [
        "[Ann, Acme] one",
        "[Ann, Acme] two",
        "[Sameroom] The daily limit of 2 messages is reached; "
        "messages from other rooms are left out until 00:00 UTC.",
    ]
    refused = Delivery.objects.filter(status="skipped")
    assert list(refused.values_list("error", flat=True)) == [quotas.REACHED] * 2


def test_what_another_bridge_copies_back_stops_after_six_times(pair: Pair, time: Clock) -> None:
    rooms = [pair.here.room, pair.there.room]
    for number in range(10):
        time.forward(1)
        take(rooms[number % 2], factories.said("ping", name="Other bridge"))

    assert Tube.objects.get().status == "paused"
    assert Delivery.objects.count() == 5
    assert [kind for kind, _, _ in told()] == ["breaker"]


def test_a_relay_that_is_stopped_neither_reads_nor_sends_and_then_does(pair: Pair) -> None:
    pair.say("one")
    echo.say("globex", "garden", "Bob", "two")
    Installation.objects.create(pk=1, public_url="http://127.0.0.1:8000", stopped_because="a test")

    lanes.drain(pair.there.pk)
    reading.poll(pair.there.account_id)
    assert (statuses(), texts("acme", "lobby"), Event.objects.count()) == (["queued"], [], 1)

    guard.resume()
    Room.objects.update(next_poll_at=clock.now() - timedelta(seconds=1))
    lanes.drain(pair.there.pk)
    reading.poll(pair.there.account_id)

    assert (statuses()[0], Event.objects.count()) == ("sent", 2)
