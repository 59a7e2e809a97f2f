from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import LinkedAccount
from sameroom import clock
from tests import factories
from tests.relay.conftest import Pair
from tests.relay.test_notices import said, told
from tubes.models import Delivery, Event, Notice, Seat
from tubes.relay import expiry
from tubes.relay.expiry import left_out, skip_old, skip_where_nobody_works

pytestmark = pytest.mark.django_db

ERROR = "Older than 24 hours when its turn came."

Waits = Callable[..., Delivery]


@pytest.fixture
def waits(pair: Pair) -> Waits:
    """Something from the room of Side A, or another, that has waited in the lane of Side B."""

    def make(
        *, hours: float = 25, room: Any = pair.here.room, kind: str = "message", **extra: Any
    ) -> Delivery:
        event = factories.event(room, kind=kind, said_at=clock.now() - timedelta(hours=hours))
        return factories.delivery(event, pair.there, origin=room, **extra)

    return make


def states() -> list[tuple[str, str]]:
    return list(Delivery.objects.filter(origin__isnull=False).order_by("pk").values_list("status", "error"))


def test_old_messages_are_skipped_and_announced_and_young_ones_wait(pair: Pair, waits: Waits) -> None:
    waits()
    waits()
    waits(hours=23)

    assert skip_old(pair.there) == 2

    assert states() == [("skipped", ERROR), ("skipped", ERROR), ("queued", "")]
    assert Delivery.objects.filter(status="skipped", finished_at=None).count() == 0
    sentence = "2 messages said in Lobby more than 24 hours ago were left out."
    assert (told(), said()) == ([("catch_up", sentence, 2)], [sentence])


def test_each_origin_is_counted_and_announced(pair: Pair, waits: Waits) -> None:
    attic = factories.seat(
        factories.account(pair.here.owner, team="initech"), factories.room("attic", team="initech")
    )
    factories.tube(attic, pair.there)
    waits()
    waits(room=attic.room)
    waits(room=attic.room, kind="edit")

    assert skip_old(pair.there) == 3

    assert sorted(said()) == [
        "1 message said in Lobby more than 24 hours ago was left out.",
        "2 messages said in Attic more than 24 hours ago were left out.",
    ]


def test_what_goes_on_expiring_in_a_stuck_lane_is_announced_with_its_whole_number(
    pair: Pair, waits: Waits
) -> None:
    for _ in range(3):
        waits()
        skip_old(pair.there)

    assert said() == ["3 messages said in Lobby more than 24 hours ago were left out."]


def test_what_has_begun_goes_on(pair: Pair, waits: Waits) -> None:
    waits(part=1)
    waits(status="sending")
    assert skip_old(pair.there) == 0
    waits()

    assert skip_old(pair.there) == 1

    assert [status for status, _ in states()] == ["queued", "sending", "skipped"]


def test_reactions_expire_uncounted_notices_silently_and_deletions_never(pair: Pair, waits: Waits) -> None:
    waits(kind="reaction")
    waits(room=None, kind="notice")
    waits(kind="delete")
    Event.objects.filter(kind="notice").update(room=None)

    assert skip_old(pair.there) == 2

    assert list(Delivery.objects.order_by("pk").values_list("event__kind", "status")) == [
        ("reaction", "skipped"),
        ("notice", "skipped"),
        ("delete", "queued"),
    ]
    assert told() == []


def test_other_lanes_are_left_alone(pair: Pair, waits: Waits) -> None:
    waits()

    assert skip_old(pair.here) == 0
    assert [status for status, _ in states()] == ["queued"]


def test_a_lane_without_old_messages_costs_one_query(
    pair: Pair, waits: Waits, django_assert_num_queries: Any
) -> None:
    waits(hours=1)
    skip_old(pair.there)  # PostgreSQL prepares the statement

    with django_assert_num_queries(1):
        assert skip_old(pair.there) == 0


def test_many_old_messages_take_as_many_statements_as_few(pair: Pair, waits: Waits) -> None:
    statements = []
    for count in (2, 20):
        for _ in range(count):
            waits()
        with CaptureQueriesContext(connection) as captured:
            assert skip_old(pair.there) == count
        statements.append(len(captured))
        Notice.objects.all().delete()

    assert statements[0] == statements[1]


def test_a_long_lane_is_skipped_lot_by_lot(pair: Pair, waits: Waits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry, "AT_ONCE", 3)
    for _ in range(7):
        waits()
    waits(hours=1)

    assert skip_old(pair.there) == 7

    assert [status for status, _ in states()] == ["skipped"] * 7 + ["queued"]
    assert said() == ["7 messages said in Lobby more than 24 hours ago were left out."]


def test_the_operator_sets_the_age(pair: Pair, waits: Waits, settings: Any) -> None:
    settings.CATCH_UP_HOURS = 1
    waits(hours=2)

    assert skip_old(pair.there) == 1
    assert said() == ["1 message said in Lobby more than 1 hour ago was left out."]


@pytest.mark.parametrize("how", ["needs login", "lost its room"])
def test_lanes_that_nobody_works_on_expire_too(pair: Pair, waits: Waits, how: str) -> None:
    waits()
    assert skip_where_nobody_works() == 0

    if how == "needs login":
        LinkedAccount.objects.filter(pk=pair.there.account_id).update(status="needs_login")
    else:
        Seat.objects.filter(pk=pair.there.pk).update(failure="kicked")

    assert skip_where_nobody_works() == 1
    assert [status for status, _ in states()] == ["skipped"]
    assert [kind for kind, _, _ in told()] == ["catch_up"]


def test_what_is_too_old_on_arrival_is_counted_for_every_seat_it_would_reach(pair: Pair) -> None:
    attic = factories.seat(factories.account(team="initech"), factories.room("attic", team="initech"))
    factories.tube(pair.there, attic)
    day_before_yesterday = clock.now() - timedelta(hours=48)
    old = [factories.event(pair.here.room, said_at=day_before_yesterday) for _ in range(12)]
    old.append(factories.event(pair.here.room, said_at=day_before_yesterday, kind="reaction"))
    old.append(factories.event(pair.here.room, said_at=day_before_yesterday, kind="edit", about=old[0]))

    assert left_out(pair.here.room, old) == {pair.there.pk: 12, attic.pk: 12}

    assert told() == [
        ("catch_up", "12 messages said in Lobby more than 24 hours ago were left out.", 12),
        ("catch_up", "12 messages said in another room more than 24 hours ago were left out.", 12),
    ]
    assert Delivery.objects.filter(origin__isnull=False).count() == 0


def test_what_reaches_nobody_is_told_to_nobody(pair: Pair) -> None:
    pair.tube.status = "paused"
    pair.tube.save()

    assert left_out(pair.here.room, [factories.event(pair.here.room)]) == {}
    assert told() == []
