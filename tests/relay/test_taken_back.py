"""A Tube that was closed, and brought back: what waited to cross it follows, and nothing else."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connectors.echo import connector as echo
from connectors.errors import RetryLater
from tests import factories
from tests.relay.conftest import Clock, Pair, Service, drain_all, statuses, take, texts
from tubes.models import Event, Tube
from tubes.relay import handover, lanes, sending
from tubes.services import Followed, tube_close, tube_pause, tube_reopen, tube_resume

pytestmark = pytest.mark.django_db


def wait(pair: Pair, service: Service, *said: str, lanes: int = 1) -> None:
    """Say things that no lane gets rid of at the moment."""
    pair.say(*said)
    service.refuse(*[RetryLater(60.0)] * lanes)
    drain_all(1)
    assert set(statuses()) == {"queued"}


def close(pair: Pair) -> None:
    """Close the Tube and sweep: what waited is left out."""
    tube_close(tube=fresh(pair), by=pair.here.owner)
    for seat in handover.stranded_seats():
        handover.retire(seat)


def reopen(pair: Pair) -> Followed:
    """Take that back, after something was said that is not to cross."""
    echo.say("acme", "lobby", "Eve", "nobody hears this")
    return tube_reopen(tube=fresh(pair), by=pair.here.owner)


def fresh(pair: Pair) -> Tube:
    return Tube.objects.with_sides().select_related("portal__seat__owner").get(pk=pair.tube.pk)


def there() -> list[str]:
    return [text.split("] ", 1)[1] for text in texts("globex", "garden")]


def test_what_waited_follows_in_its_order_and_before_what_is_said_then(
    pair: Pair, service: Service, time: Clock
) -> None:
    wait(pair, service, "one", "two")
    close(pair)
    assert statuses() == ["skipped", "skipped"]

    followed = reopen(pair)
    pair.say("three")
    time.forward(61)
    drain_all()

    assert followed == Followed(queued=2)
    assert there() == ["one", "two", "three"]


def test_what_nobody_has_left_out_yet_follows_as_well(pair: Pair, service: Service, time: Clock) -> None:
    wait(pair, service, "one")
    tube_close(tube=fresh(pair), by=pair.here.owner)

    assert reopen(pair) == Followed()
    time.forward(61)
    drain_all()

    assert there() == ["one"]


def test_what_was_said_while_it_was_closed_does_not_cross(pair: Pair, service: Service, time: Clock) -> None:
    elsewhere = factories.seat(pair.here.account, factories.room("attic", team="acme"))
    factories.tube(pair.here, elsewhere)  # so the room is read on
    wait(pair, service, "before", lanes=2)
    close(pair)
    time.forward(5)
    pair.say("between")
    late = factories.said("between, and read late", id=echo.say("acme", "lobby", "Ann", "…"))
    time.forward(5)

    reopen(pair)
    marker = fresh(pair).marker_a_time
    assert marker is not None
    take(pair.here.room, replace(late, said_at=marker - timedelta(milliseconds=1)))
    time.forward(61)
    pair.say("after")
    drain_all()

    assert there() == ["before", "after"]


def test_nothing_follows_over_a_tube_that_was_paused(pair: Pair, service: Service, time: Clock) -> None:
    wait(pair, service, "one")
    tube_pause(tube=fresh(pair), by=pair.here.owner)
    close(pair)

    assert reopen(pair) == Followed()
    tube_resume(tube=fresh(pair), by=pair.here.owner)
    time.forward(61)
    drain_all()

    assert there() == []


def test_a_pause_afterwards_leaves_out_what_waited_before(pair: Pair, service: Service, time: Clock) -> None:
    wait(pair, service, "one")
    close(pair)
    reopen(pair)
    tube_pause(tube=fresh(pair), by=pair.here.owner)
    tube_resume(tube=fresh(pair), by=pair.here.owner)
    time.forward(61)
    drain_all()

    assert (there(), statuses()) == ([], ["skipped"])


def test_closed_and_brought_back_twice_nothing_is_lost(pair: Pair, service: Service, time: Clock) -> None:
    wait(pair, service, "one")
    for _ in range(2):
        close(pair)
        reopen(pair)
    time.forward(61)
    drain_all()

    assert there() == ["one"]


def test_what_its_author_took_back_meanwhile_stays_so(pair: Pair, service: Service, time: Clock) -> None:
    wait(pair, service, "one", "two")
    close(pair)
    Event.objects.filter(pk=Event.objects.earliest("pk").pk).update(body=None)

    assert reopen(pair) == Followed(queued=1, left=1)
    time.forward(61)
    drain_all()

    assert there() == ["two"]


def test_what_something_later_has_overtaken_by_another_way_stays_out(
    pair: Pair, service: Service, time: Clock
) -> None:
    attic = factories.seat(pair.here.account, factories.room("attic", team="acme"))
    factories.tube(pair.here, attic)
    wait(pair, service, "one", lanes=2)
    close(pair)
    factories.tube(attic, pair.there)
    pair.say("two")

    assert reopen(pair) == Followed(left=1)
    time.forward(61)
    drain_all()

    assert there() == ["two"]


def test_a_lane_that_still_takes_it_for_closed_looks_again(
    pair: Pair, service: Service, time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait(pair, service, "one", "two")
    tube_close(tube=fresh(pair), by=pair.here.owner)
    end, back = sending.end, list[Followed]()

    def end_and_bring_back(*args: Any) -> bool:
        ended = end(*args)
        if not back:
            back.append(reopen(pair))
        return ended

    monkeypatch.setattr(sending, "end", end_and_bring_back)
    time.forward(61)
    lanes.drain(pair.there.pk)

    assert back == [Followed(queued=1)]
    assert there() == ["one", "two"]
