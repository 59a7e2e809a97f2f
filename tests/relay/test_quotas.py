from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connections

from sameroom import clock
from tests import factories
from tests.relay.conftest import Clock, Pair
from tests.relay.test_notices import said, told
from tubes.models import Delivery, Notice
from tubes.relay import quotas
from tubes.relay.quotas import REACHED, announce, announce_at, spend

pytestmark = pytest.mark.django_db

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    cache.clear()
    quotas.forget_limits()
    yield
    cache.clear()
    quotas.forget_limits()


@pytest.fixture(autouse=True)
def _noon(time: Clock) -> None:
    """A day does not end in the middle of a test."""
    time.forward((NOON - clock.now()).total_seconds())


def limit(pair: Pair, number: int | None) -> int:
    owner = pair.there.owner
    owner.daily_messages = number
    owner.save()
    quotas.forget_limits()
    return owner.pk


def queued(pair: Pair, *, kind: str = "message", **extra: Any) -> Delivery:
    event = factories.event(pair.here.room, kind=kind)
    values = {"origin": pair.here.room, "created_at": clock.now()} | extra
    return factories.delivery(event, pair.there, **values)


def test_without_limits_nothing_is_asked(
    pair: Pair, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = limit(pair, None)
    assert spend({owner: 1}) == set()

    monkeypatch.setattr(quotas, "cache", None)
    with django_assert_num_queries(0):
        for _ in range(100):
            assert spend({owner: 1000}) == set()


def test_a_limit_is_spent_and_then_reached(pair: Pair) -> None:
    owner = limit(pair, 5)

    assert [spend({owner: 2}) for _ in range(4)] == [set(), set(), set(), {owner}]


def test_what_was_refused_is_not_counted(pair: Pair) -> None:
    owner = limit(pair, 2)
    assert [spend({owner: 1}) for _ in range(10)] == [set(), set()] + [{owner}] * 8

    limit(pair, 3)

    assert [spend({owner: 1}) for _ in range(2)] == [set(), {owner}]


def test_the_installations_limit_holds_for_all_but_those_with_their_own(pair: Pair, settings: Any) -> None:
    settings.DAILY_MESSAGES = 1
    mine, free, more = pair.there.owner_id, factories.user(daily_messages=0), factories.user(daily_messages=2)
    counts = {mine: 1, free.pk: 1, more.pk: 1}

    assert [spend(counts) for _ in range(3)] == [set(), {mine}, {mine, more.pk}]


def test_a_day_ends_at_midnight_utc(pair: Pair, time: Clock) -> None:
    owner = limit(pair, 1)
    assert [spend({owner: 1}) for _ in range(2)] == [set(), {owner}]

    time.forward(12 * 3600 + 60)

    assert [spend({owner: 1}) for _ in range(2)] == [set(), {owner}]


def test_a_counter_that_vanished_is_counted_anew(pair: Pair) -> None:
    owner = limit(pair, 4)
    queued(pair, created_at=datetime(2029, 12, 31, 23, 59, tzinfo=UTC))
    queued(pair, status="sent")
    queued(pair)
    queued(pair, kind="edit")
    queued(pair, status="skipped", error=REACHED)
    ours = factories.event(kind="notice")
    factories.delivery(ours, pair.there, origin=None, created_at=clock.now())
    assert spend({owner: 1}) == set()
    queued(pair)
    cache.clear()

    assert [spend({owner: 1}) for _ in range(2)] == [set(), {owner}]


def test_without_a_cache_the_database_counts(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def incr(self, *args: object) -> int:
            raise ConnectionError

        add = incr

    monkeypatch.setattr(quotas, "cache", Broken())
    owner = limit(pair, 2)

    verdicts = []
    for _ in range(3):
        verdicts.append(spend({owner: 1}))
        queued(pair)

    assert verdicts == [set(), set(), {owner}]


def test_a_new_limit_is_known_within_seconds(pair: Pair, time: Clock) -> None:
    owner = pair.there.owner
    assert spend({owner.pk: 1}) == set()
    owner.daily_messages = 1
    owner.save()
    assert spend({owner.pk: 5}) == set()

    time.forward(quotas.LIMITS_LAST + 1)

    assert [spend({owner.pk: 1}) for _ in range(2)] == [set(), {owner.pk}]


@pytest.mark.django_db(transaction=True)
def test_many_workers_do_not_pass_the_limit_together(pair: Pair) -> None:
    owner = limit(pair, 50)

    def work(_: int) -> int:
        try:
            return sum(spend({owner: 1}) == set() for _ in range(20))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, range(8))) == 50


def test_the_limit_is_announced_once_a_day(pair: Pair, time: Clock) -> None:
    limit(pair, 500)
    sentence = (
        "The daily limit of 500 messages is reached; messages from other rooms are left out until 00:00 UTC."
    )

    for _ in range(3):
        announce(pair.there)
        time.forward(3 * 3600)
    assert (told(), said()) == ([("quota", sentence, 1)], [sentence])

    Notice.objects.update(dismissed_at=clock.now())
    announce_at(pair.there.pk)
    assert len(told()) == 1

    time.forward(12 * 3600)
    announce_at(pair.there.pk)
    announce_at(0)
    assert said() == [sentence] * 2


def test_a_limit_that_is_gone_is_not_announced(pair: Pair) -> None:
    announce(pair.there)

    assert told() == []


def test_the_messages_of_others_do_not_count(pair: Pair) -> None:
    owner = limit(pair, 5)
    stranger = factories.seat()
    for _ in range(5):
        factories.delivery(
            factories.event(pair.here.room), stranger, origin=pair.here.room, created_at=clock.now()
        )

    assert spend({owner: 1}) == set()
