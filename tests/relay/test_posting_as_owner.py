"""What the owner of a Seat says elsewhere, posted by their own account without their name before it."""

from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import LinkedAccount
from connectors.base import Author, IncomingEvent, Kind, MessageId, UserId
from connectors.echo.connector import EchoConnector
from connectors.errors import DeliveryUnknown, RetryLater
from connectors.markup import plain
from sameroom import clock
from tests import factories
from tests.relay.conftest import Clock, Pair, Service, drain_all, held, statuses, take, texts
from tests.relay.sandboxed import Sides
from tests.relay.stubbed import PLAIN, World
from tubes.models import Command, Event, Seat
from tubes.relay import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def own(pair: Pair) -> Pair:
    """The owner of both Seats wants no name before what they say themselves."""
    Seat.objects.filter(pk=pair.there.pk).update(posts_as_owner=True)
    return pair


def say(pair: Pair, *texts: str, by: Seat | None = None) -> None:
    """The person whose account a Seat is says it in the room of Side A."""
    author = (by or pair.here).account.remote_user_id
    take(pair.here.room, *[factories.said(text, user_id=author) for text in texts])


def garden(pair: Pair) -> list[str]:
    drain_all()
    return texts("globex", "garden")


def test_only_what_its_owner_says_stands_without_a_name(own: Pair) -> None:
    stranger = factories.seat(factories.account(team="acme"), own.here.room)
    say(own, "mine")
    say(own, "somebody else’s", by=stranger)
    own.say("of no account")

    assert garden(own) == ["mine", "[Ann, Acme] somebody else’s", "[Ann, Acme] of no account"]


def test_without_the_option_a_name_stands_before_it(pair: Pair) -> None:
    say(pair, "mine")

    assert garden(pair) == ["[Ann, Acme] mine"]


def test_another_account_of_ones_own_at_the_same_place_counts_and_one_elsewhere_does_not(own: Pair) -> None:
    second = factories.account(own.here.owner, team="acme", remote_user_id="acme/second")
    factories.account(own.here.owner, team="initech", remote_user_id="person-Eve")
    take(own.here.room, factories.said("second", user_id=second.remote_user_id))
    own.say("the same id elsewhere", name="Eve")

    assert garden(own) == ["second", "[Eve, Acme] the same id elsewhere"]


@pytest.mark.parametrize("side", ["here", "there"])
def test_a_shared_account_is_nobody_themselves(own: Pair, side: str) -> None:
    account = getattr(own, side).account
    LinkedAccount.objects.filter(pk=account.pk).update(is_shared=True)
    say(own, "mine?")

    assert garden(own) == ["[Ann, Acme] mine?"]


def test_an_id_that_anybody_can_take_is_nobodys(own: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    free = replace(EchoConnector.capabilities, names_are_owned=False)
    monkeypatch.setattr(EchoConnector, "capabilities", free)
    say(own, "mine?")

    assert garden(own) == ["[Ann, Acme] mine?"]


def test_who_joins_elsewhere_has_not_joined_here(own: Pair) -> None:
    Seat.objects.filter(pk=own.there.pk).update(takes_presence=True)
    second = factories.account(own.here.owner, team="acme")  # those with a Seat there are never told of
    author = Author(id=UserId(second.remote_user_id), name="Ann", username="ann")
    joins = IncomingEvent(
        kind=Kind.NOTICE,
        dedupe_key="joins",
        id=MessageId(""),
        author=author,
        said_at=clock.now(),
        body=plain.parse("has joined"),
        is_presence=True,
    )
    take(own.here.room, joins)

    assert garden(own) == ["[Ann, Acme] has joined"]


def test_words_of_somebody_else_that_the_owner_edits_stay_theirs(own: Pair) -> None:
    account = own.here.account
    theirs = factories.event(own.here.room)
    edit = factories.event(own.here.room, kind="edit", about=theirs, author_id=account.remote_user_id)
    mine = factories.event(own.here.room, author_id=account.remote_user_id)
    again = factories.event(own.here.room, kind="edit", about=mine, author_id=account.remote_user_id)
    seat = Seat.objects.select_related("account").get(pk=own.there.pk)

    assert [people.is_own(one, seat, seat.account.connector()) for one in (edit, again)] == [False, True]


def test_it_costs_a_query_only_where_it_is_asked_for(pair: Pair) -> None:
    seat = Seat.objects.select_related("account").get(pk=pair.there.pk)
    event = factories.event(pair.here.room, author_id=pair.here.account.remote_user_id)
    connector = seat.account.connector()

    with CaptureQueriesContext(connection) as off:
        assert not people.is_own(event, seat, connector)
    seat.posts_as_owner = True
    with CaptureQueriesContext(connection) as on:
        assert people.is_own(event, seat, connector)

    assert (len(off), len(on)) == (0, 1)


# ----------------------------------------------------------------- sharing a post


def test_it_shares_no_post_with_what_others_say(own: Pair, service: Service, time: Clock) -> None:
    service.refuse(RetryLater("limit", seconds=12))
    own.say("one", "two")
    say(own, "mine", "mine, too")
    own.say("three", "four")
    drain_all()
    time.forward(12.5)

    assert garden(own) == [
        "[Ann, Acme] one\n[Ann, Acme] two",
        "mine",
        "mine, too",
        "[Ann, Acme] three\n[Ann, Acme] four",
    ]
    assert statuses() == ["sent"] * 6


def react(pair: Pair, message: IncomingEvent, *authors: str) -> None:
    events = [
        IncomingEvent(
            kind=Kind.REACTION,
            dedupe_key=f"r-{author}",
            id=MessageId(f"r-{author}"),
            author=Author(id=UserId(author), name=author.partition("/")[0].title(), username=author),
            said_at=clock.now(),
            target=message.id,
            emoji="👍",
        )
        for author in authors
    ]
    take(pair.here.room, *events)


def test_reactions_of_ones_own_are_told_in_a_line_of_their_own(own: Pair) -> None:
    message = factories.said("Lunch?")
    take(own.here.room, message)
    garden(own)
    react(own, message, "bob", own.here.account.remote_user_id, "cy", "dee")

    assert garden(own)[1:] == [
        "[Bob, Acme] reacted 👍 to “Lunch?”",
        "reacted 👍 to “Lunch?”",
        "[Cy, Acme] reacted 👍, Dee 👍 to “Lunch?”",
    ]


# ----------------------------------------------------------------- what becomes of it


@pytest.mark.parametrize("first", [True, False])
def test_what_becomes_of_it_is_right_when_the_option_is_changed_meanwhile(world: World, first: bool) -> None:
    _, there = world.chain("here", "there")
    Seat.objects.filter(pk=there.pk).update(posts_as_owner=first)
    id_ = world.stub.say("here", "here-bot", "helo")
    world.relay()
    assert world.texts("there") == ["helo" if first else "[here-bot, Stub] helo"]

    Seat.objects.filter(pk=there.pk).update(posts_as_owner=not first)
    world.stub.edit("here", id_, "hello")
    world.stub.react("here", id_, "Eve", "👍")
    world.relay()
    [copy] = world.items("there")
    world.stub.react("there", copy.id, "Bob", "🎉")
    world.relay()

    assert world.texts("there") == ["[here-bot, Stub] hello" if first else "hello"]
    assert list(world.items("there")[0].reactions) == ["👍", "🎉"]
    assert list(world.items("here")[0].reactions) == ["👍", "🎉"]
    world.stub.delete("here", id_)
    world.relay()
    assert (world.texts("there"), world.texts("here")) == ([], [])


@pytest.mark.parametrize("first", [True, False])
def test_what_is_told_of_it_is_right_when_the_option_is_changed_meanwhile(world: World, first: bool) -> None:
    _, there = world.chain("here", "there", features=PLAIN)
    Seat.objects.filter(pk=there.pk).update(posts_as_owner=first)
    id_ = world.stub.say("here", "here-bot", "helo")
    world.relay()

    Seat.objects.filter(pk=there.pk).update(posts_as_owner=not first)
    world.stub.edit("here", id_, "hello")
    world.relay()
    world.stub.react("here", id_, "here-bot", "👍")
    world.relay()
    world.stub.delete("here", id_)
    world.relay()

    name = "[here-bot, Stub] "
    before, after = ("", name) if first else (name, "")
    told = world.texts("there")
    assert told[:3] == [f"{before}helo", f"{after}✎ hello", f"{after}reacted 👍 to “helo”"]
    assert (len(told), told[3].startswith(f"{after}deleted a message of ")) == (4, True)
    assert world.texts("here") == []


def test_a_text_that_was_cut_goes_on_as_it_began(own: Pair, service: Service, time: Clock) -> None:
    service.refuse(DeliveryUnknown("cut off"))
    say(own, f"{'x' * 399} [Boss, Acme] pay")
    drain_all()
    time.forward(40)
    drain_all(rounds=1)
    Seat.objects.filter(pk=own.there.pk).update(posts_as_owner=False)

    assert garden(own) == ["x" * 399, "· [Boss, Acme] pay"]


# ----------------------------------------------------------------- at HipChat


def by_bot(sides: Sides, group: str, text: str) -> None:
    """The person whose account is linked types it themselves."""
    world = sides.server.world
    room = {"Acme": "Support", "Globex": "Helpdesk"}[group]
    world.post_message(world.room_named(room).id, world.user_named("Sameroom Bot", group=group).id, text)


@pytest.fixture
def chosen(sides: Sides) -> Sides:
    """Two HipChat accounts of one person, who wants no name before what they say, in either room."""
    Seat.objects.update(posts_as_owner=True)
    return sides


def test_both_ways_under_ones_own_accounts_and_without_loops(chosen: Sides) -> None:
    by_bot(chosen, "Acme", "Has the parcel left?")
    chosen.say("Acme", "I ask, too.")
    chosen.relay()
    by_bot(chosen, "Globex", "An hour ago.")
    chosen.relay()

    assert chosen.texts("Support") == ["Has the parcel left?", "I ask, too.", "An hour ago."]
    assert chosen.texts("Helpdesk") == [
        "Has the parcel left?",
        "[Ann Lee, Acme] I ask, too.",
        "An hour ago.",
    ]
    assert Event.objects.count() == 3


def test_nothing_at_its_beginning_is_a_command_there(chosen: Sides) -> None:
    for text in ("/topic Lunch", "/me\u200b waves", "s/parcel/boat/", "@all look", "[Boss, Acme] pay"):
        by_bot(chosen, "Acme", text)
    chosen.relay()

    world = chosen.server.world
    copies = world.messages.all(world.room_named("Helpdesk").chat)
    assert [copy.text for copy in copies] == [
        "· /topic Lunch",
        "· /me\u200b waves",
        "\u200bs/parcel/boat/",
        "@\u200ball look",
        "· [Boss, Acme] pay",
    ]
    assert [copy.mentions for copy in copies] == [[]] * 5


def test_no_part_and_no_edit_is_a_command_of_ours_there(chosen: Sides) -> None:
    by_bot(chosen, "Acme", f"{'x' * 995} -sameroom disable all of it")
    by_bot(chosen, "Acme", "oops")
    chosen.relay()
    by_bot(chosen, "Acme", "s/oops/-sameroom disable/")
    chosen.relay()

    assert chosen.texts("Helpdesk") == [
        "x" * 995,
        "· -sameroom disable all of it",
        "oops",
    ]
    assert not Command.objects.exists()
    assert chosen.texts("Support")[1:] == ["oops", "s/oops/-sameroom disable/"]


def test_a_file_of_ones_own_arrives_without_words(chosen: Sides) -> None:
    world = chosen.server.world
    world.post_file(
        world.room_named("Support").id,
        world.user_named("Sameroom Bot", group="Acme").id,
        name="plan.txt",
        content_type="text/plain",
        content=b"the plan",
        text="",
    )
    chosen.relay()
    chosen.relay()

    assert (chosen.files("Helpdesk"), chosen.texts("Helpdesk")) == ([("plan.txt", b"the plan")], [""])
    assert (chosen.files("Support"), statuses()) == ([("plan.txt", b"the plan")], ["sent"])


def test_the_same_words_typed_on_both_sides_arrive_on_both(chosen: Sides) -> None:
    by_bot(chosen, "Acme", "ok")
    by_bot(chosen, "Globex", "ok")
    chosen.relay()
    by_bot(chosen, "Globex", "ok")
    chosen.relay()

    assert (chosen.texts("Support"), chosen.texts("Helpdesk")) == (["ok"] * 3, ["ok"] * 3)
    assert (statuses(), Event.objects.count()) == (["sent"] * 3, 3)


@pytest.mark.parametrize("cut", ["before", "inside"])
def test_a_cut_off_send_is_told_from_the_same_words_typed_there(chosen: Sides, time: Clock, cut: str) -> None:
    """It has arrived. What its person typed before, and while nobody knew, is theirs."""
    by_bot(chosen, "Globex", "ok")
    chosen.relay()
    chosen.server.world.add_fault(path="/message", method="POST", cut=cut)
    by_bot(chosen, "Acme", "ok")
    chosen.relay(rounds=1)
    assert statuses() == ["sent", "sending"]
    by_bot(chosen, "Globex", "ok")
    time.forward(20)
    chosen.server.world.advance_clock(20)
    chosen.relay()

    assert (chosen.texts("Support"), chosen.texts("Helpdesk")) == (["ok"] * 3, ["ok"] * 3)
    assert statuses() == ["sent"] * 3
    assert held().count("echo") == 1  # the post itself


def test_a_send_that_never_arrived_is_made_again_where_the_same_words_were_typed_before(
    chosen: Sides, time: Clock
) -> None:
    by_bot(chosen, "Globex", "ok")
    chosen.relay()
    chosen.server.world.add_fault(path="/message", method="POST", status=502, body="<html>Bad gateway</html>")
    by_bot(chosen, "Acme", "ok")
    chosen.relay(rounds=1)
    assert statuses() == ["sent", "sending"]
    time.forward(20)
    chosen.relay()

    assert (chosen.texts("Support"), chosen.texts("Helpdesk")) == (["ok"] * 2, ["ok"] * 2)
    assert statuses() == ["sent"] * 2
