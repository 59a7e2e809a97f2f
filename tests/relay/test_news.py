"""What becomes of Tubes: told to who did not do it, said only in rooms that take news, never relayed."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from accounts.leaving import user_remove
from accounts.services import account_link, account_remove
from connectors.echo.connector import EchoConnector, EchoCredentialsForm
from sameroom import clock
from tests import factories
from tests.relay.conftest import Clock, Pair, drain_all, take, texts
from tests.relay.sandboxed import Sides
from tubes.models import Notice, Seat, Tube
from tubes.relay import health
from tubes.services import tube_close, tube_open, tube_pause, tube_resume

pytestmark = pytest.mark.django_db


@pytest.fixture
def theirs(pair: Pair) -> Pair:
    """A Tube whose Side B is somebody else's."""
    other = factories.user()
    Seat.objects.filter(pk=pair.there.pk).update(owner=other)
    pair.there.account.owner = other
    pair.there.account.save()
    pair.tube = Tube.objects.with_sides().get(pk=pair.tube.pk)
    pair.here, pair.there = pair.tube.side_a, pair.tube.side_b
    return pair


def take_news(*seats: Seat) -> None:
    for seat in seats:
        seat.takes_news = True
        seat.save(update_fields=["takes_news"])


def told(seat: Seat) -> list[tuple[str, str, bool]]:
    """Kind, text, and whether its owner is bothered with it."""
    rows = Notice.objects.filter(seat=seat).order_by("pk")
    return [(notice.kind, notice.text, notice.dismissed_at is None) for notice in rows]


def test_what_its_owner_does_is_told_to_nobody_and_said_nowhere_by_default(pair: Pair) -> None:
    tube_pause(tube=pair.tube, by=pair.here.owner)
    tube_resume(tube=pair.tube, by=pair.here.owner)
    tube_close(tube=pair.tube, by=pair.here.owner)
    drain_all()

    assert not Notice.objects.exists()
    assert texts("globex", "garden") == []


def test_rooms_that_take_news_hear_of_their_tubes_in_turn(pair: Pair) -> None:
    take_news(pair.there)
    owner = pair.here.owner
    pair.say("before")
    drain_all()
    tube_pause(tube=pair.tube, by=owner)
    drain_all()
    tube_resume(tube=pair.tube, by=owner)
    drain_all()

    assert texts("globex", "garden") == [
        "[Ann, Acme] before",
        "[Sameroom] The Tube to Lobby is paused: nothing passes until it is resumed.",
        "[Sameroom] The Tube to Lobby is resumed: what is said from now on passes.",
    ]
    assert texts("acme", "lobby") == []
    assert [bothers for _, _, bothers in told(pair.there)] == [False, False]


def test_the_same_is_said_once_an_hour(pair: Pair, time: Clock) -> None:
    take_news(pair.there)
    for _ in range(3):
        tube_pause(tube=pair.tube, by=pair.here.owner)
        tube_resume(tube=pair.tube, by=pair.here.owner)
    drain_all()
    assert len(texts("globex", "garden")) == 2
    assert list(Notice.objects.order_by("pk").values_list("count", flat=True)) == [3, 3]

    time.forward(3601)
    tube_pause(tube=pair.tube, by=pair.here.owner)
    drain_all()

    assert len(texts("globex", "garden")) == 3


def test_news_are_posted_at_a_service_and_relayed_nowhere(sides: Sides) -> None:
    tube = Tube.objects.with_sides().get(pk=sides.tube.pk)
    take_news(tube.side_a, tube.side_b)
    tube_pause(tube=tube, by=tube.side_a.owner)
    sides.relay()
    tube_resume(tube=tube, by=tube.side_a.owner)
    sides.say("Acme", "hello")
    sides.relay()

    assert sides.texts("Support") == [
        "[Sameroom] The Tube to Helpdesk is paused: nothing passes until it is resumed.",
        "hello",
        "[Sameroom] The Tube to Helpdesk is resumed: what is said from now on passes.",
    ]
    said = [text.replace("[Sameroom] ", "") for text in sides.texts("Helpdesk")]
    assert said[:2] == [
        "The Tube to Support is paused: nothing passes until it is resumed.",
        "The Tube to Support is resumed: what is said from now on passes.",
    ]
    assert len(said) == 3


def test_an_opened_tube_is_said_in_rooms_that_take_news(pair: Pair) -> None:
    take_news(pair.here)
    owner = pair.here.owner
    third = factories.account(owner, team="initech")
    mine = factories.listing(pair.here.account, "Lobby", "lobby")

    tube_open(owner=owner, listing_a=mine, listing_b=factories.listing(third, "Attic", "attic"))
    drain_all()

    assert texts("acme", "lobby") == [
        "[Sameroom] A Tube to Attic is open: what is said in one room is heard in the other."
    ]


def test_the_other_party_is_told_what_happens_to_a_tube_of_theirs(theirs: Pair) -> None:
    owner = theirs.here.owner
    tube_pause(tube=theirs.tube, by=owner)
    tube_resume(tube=theirs.tube, by=owner)
    tube_close(tube=theirs.tube, by=owner)
    drain_all()

    assert told(theirs.there) == [
        ("paused", "The Tube to Lobby is paused: nothing passes until it is resumed.", True),
        ("resumed", "The Tube to Lobby is resumed: what is said from now on passes.", True),
        ("closed", "The Tube to Lobby is closed.", True),
    ]
    assert (told(theirs.here), texts("globex", "garden")) == ([], [])


@pytest.mark.parametrize("remove", ["account", "user"])
def test_a_tube_that_ends_with_its_other_side_leaves_a_word(theirs: Pair, remove: str) -> None:
    if remove == "account":
        account_remove(account=theirs.here.account)
    else:
        user_remove(user=theirs.here.owner)

    assert told(theirs.there) == [
        ("closed", "The Tube to Lobby is closed: its other side was removed.", True)
    ]


def test_a_side_that_cannot_be_reached_is_told_at_the_other_and_so_is_its_return(theirs: Pair) -> None:
    take_news(theirs.there)
    health.needs_login(theirs.here.account, "The token 4711 is refused.")
    drain_all()
    assert health.recovered(theirs.here.account)
    drain_all()

    still = (
        "The Tube to Lobby stands still: its other side cannot be reached. What is said here follows later."
    )
    assert told(theirs.there) == [
        ("failing", still, True),
        ("working", "The Tube to Lobby works again.", True),
    ]
    assert texts("globex", "garden") == [f"[Sameroom] {still}", "[Sameroom] The Tube to Lobby works again."]
    assert told(theirs.here) == []  # who has the account gets a mail


def test_a_lost_room_is_told_at_the_other_side_and_a_renewed_login_too(theirs: Pair) -> None:
    health.seat_failed(theirs.here, "Kicked.")
    health.seat_works(theirs.here)
    assert [kind for kind, _, _ in told(theirs.there)] == ["failing", "working"]

    Notice.objects.all().delete()
    account = theirs.here.account
    credentials = {"team": "acme", "name": "bot", "token": "open-sesame"}
    form = EchoCredentialsForm(credentials, connector_class=EchoConnector)
    assert form.is_valid()
    account.remote_user_id = form.identity.user_id
    account.status = "needs_login"
    account.save()
    account_link(owner=account.owner, form=form)
    assert [kind for kind, _, _ in told(theirs.there)] == ["working"]


def test_a_paused_tube_does_not_stand_still(theirs: Pair) -> None:
    Tube.objects.update(status="paused")

    health.needs_login(theirs.here.account, "refused")

    assert told(theirs.there) == []


# ------------------------------------------------------------------ catching up


def ago(minutes: float, text: str = "hello") -> Any:
    return replace(factories.said(text), said_at=clock.now() - timedelta(minutes=minutes))


def test_a_room_is_told_that_it_catches_up_and_on_how_much(pair: Pair) -> None:
    Tube.objects.update(status_since=clock.now())
    take(pair.here.room, ago(90, "one"), ago(6, "two"), ago(4, "three"))
    drain_all()

    assert told(pair.there) == [("late", "Catching up: 2 messages were said in Lobby some time ago.", True)]
    lines = texts("globex", "garden")
    assert "[Sameroom] Catching up: 2 messages were said in Lobby some time ago." in lines
    assert len(lines) == 4


def test_what_comes_in_time_is_no_catching_up(pair: Pair) -> None:
    take(pair.here.room, ago(4), ago(0))

    assert told(pair.there) == []


def test_more_of_what_is_late_is_counted_up(pair: Pair) -> None:
    take(pair.here.room, ago(90, "one"))
    take(pair.here.room, ago(80, "two"), ago(70, "three"))
    drain_all()

    assert told(pair.there) == [("late", "Catching up: 3 messages were said in Lobby some time ago.", True)]
    assert sum("Catching up" in line for line in texts("globex", "garden")) == 1


def test_what_waited_for_a_login_is_announced_when_it_follows(pair: Pair, time: Clock) -> None:
    health.needs_login(pair.there.account, "refused")
    pair.say("one", "two")
    time.forward(3600)
    assert health.recovered(pair.there.account)
    drain_all()

    assert told(pair.there) == [("late", "Catching up: 2 messages were said in Lobby some time ago.", True)]
    assert sum("Catching up" in line for line in texts("globex", "garden")) == 1


def test_a_room_that_takes_no_notices_hears_of_no_catching_up(pair: Pair) -> None:
    Seat.objects.filter(pk=pair.there.pk).update(takes_notices=False, takes_news=True)

    take(pair.here.room, ago(90))
    drain_all()

    assert len(told(pair.there)) == 1
    assert not any("Catching up" in line for line in texts("globex", "garden"))
