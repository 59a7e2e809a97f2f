"""Deliveries that end without their lane are counted like all others."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache

from accounts.models import User
from monitor import counting
from sameroom import clock
from tests import factories
from tests.relay.conftest import Pair, take
from tests.relay.stubbed import World
from tubes.models import Delivery, Event, Seat
from tubes.relay import expiry, handover, quotas, restart
from tubes.services import tube_close

pytestmark = pytest.mark.django_db

Counted = list[tuple[str, str, int]]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    found: Counted = []
    monkeypatch.setattr(counting, "deliveries_ended", lambda *counts: found.append(counts))
    return found


def test_a_message_taken_back_while_it_waits(
    world: World, counted: Counted, django_capture_on_commit_callbacks: Any
) -> None:
    world.chain("here", "there")
    id_ = world.stub.say("here", "Ann", "oops")
    world.read()
    world.stub.delete("here", id_)

    with django_capture_on_commit_callbacks(execute=True):
        world.read()

    assert counted == [("stub", "skipped", 1)]


def test_a_post_that_a_moderator_took_away(
    world: World, counted: Counted, django_capture_on_commit_callbacks: Any
) -> None:
    world.chain("here", "there")
    world.stub.say("here", "Ann", "rude")
    world.relay()
    [copy] = world.items("there")
    world.stub.delete("there", copy.id)

    with django_capture_on_commit_callbacks(execute=True):
        world.read()

    assert counted == [("stub", "removed", 1)]


def test_what_is_too_old(pair: Pair, counted: Counted, django_capture_on_commit_callbacks: Any) -> None:
    pair.say("one", "two")
    Event.objects.update(said_at=clock.now() - timedelta(days=2))

    with django_capture_on_commit_callbacks(execute=True):
        expiry.skip_old(pair.there)

    assert counted == [("echo", "skipped", 2)]


def test_what_was_under_way_when_its_account_stopped_working(
    pair: Pair, counted: Counted, django_capture_on_commit_callbacks: Any
) -> None:
    pair.say("one", "two")
    Event.objects.update(said_at=clock.now() - timedelta(days=2))
    Delivery.objects.update(status="sending")
    Seat.objects.filter(pk=pair.there.pk).update(failure="gone")

    with django_capture_on_commit_callbacks(execute=True):
        expiry.skip_where_nobody_works()

    assert counted == [("echo", "unknown", 1)] * 2


def test_what_leads_nowhere_any_more(
    pair: Pair, counted: Counted, django_capture_on_commit_callbacks: Any
) -> None:
    pair.say("one", "two")

    with django_capture_on_commit_callbacks(execute=True):
        tube_close(tube=pair.tube, by=pair.here.owner)
        handover.retire(pair.there.pk)

    assert counted == [("echo", "skipped", 1)] * 2


def test_what_is_over_a_limit(pair: Pair, counted: Counted, django_capture_on_commit_callbacks: Any) -> None:
    User.objects.update(daily_messages=1)
    cache.clear()
    quotas.forget_limits()

    with django_capture_on_commit_callbacks(execute=True):
        pair.say("one")
        take(pair.here.room, factories.said("two"), factories.said("three"))

    quotas.forget_limits()
    assert counted == [("echo", "skipped", 2)]


def test_what_is_dropped_as_the_relay_is_resumed_from_now(
    pair: Pair, counted: Counted, django_capture_on_commit_callbacks: Any
) -> None:
    pair.say("one", "two")
    Delivery.objects.filter(pk=Delivery.objects.order_by("pk")[0].pk).update(status="sending")

    with django_capture_on_commit_callbacks(execute=True):
        restart.go_on_from([])

    assert sorted(counted) == [("echo", "skipped", 1), ("echo", "unknown", 1)]
