"""What each command does."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from connectors.base import Kind
from connectors.errors import RetryLater
from sameroom import clock
from tests import factories
from tests.relay.commanding import answers, everyone_may, hurry, last_answer, obey, type_in
from tests.relay.conftest import Clock, Pair, Service, drain_all, take, texts
from tests.relay.stubbed import World, edit_of
from tubes import tasks
from tubes.models import Command, Delivery, Event, JoinCode, MapLink, Mute, Notice, Seat, Tube
from tubes.relay import notices
from tubes.services import commanding, tube_pause
from tubes.services.commanding import joining

pytestmark = pytest.mark.django_db


@pytest.fixture
def free(pair: Pair) -> Pair:
    everyone_may(pair.here, pair.there)
    return pair


def third(pair: Pair, owner: User | None = None) -> Seat:
    """A room behind the second one."""
    account = factories.account(owner or pair.there.owner, team="initech")
    attic = factories.seat(account, factories.room("attic", team="initech"), commanders="everyone")
    factories.tube(pair.there, attic)
    return attic


# ----------------------------------------------------------------- who, status, ping, map


def test_who_names_the_rooms_of_the_network_and_who_spoke_there_lately(pair: Pair, time: Clock) -> None:
    third(pair)
    take(pair.there.room, factories.said("old", name="Zoe"))
    drain_all()
    time.forward(25 * 3600)
    take(pair.there.room, factories.said("one", name="Eve"), factories.said("two", name="Bob"))

    type_in(pair.here, "-sameroom who")

    assert last_answer().split("\n")[1:] == [
        "• Lobby (Acme) – this room: Ann",
        "• Garden (Globex): Bob, Eve",
        "• Attic (Initech): nobody has said anything lately",
    ]


def test_who_stays_short_in_a_large_network(pair: Pair) -> None:
    for number in range(25):
        factories.tube(pair.here, factories.seat(factories.account(pair.here.owner, team=f"team{number}")))

    type_in(pair.here, "-sameroom who")

    assert len(last_answer().split("\n")) == 22
    assert last_answer().endswith("… and 7 rooms more; the map shows them.")


def test_status_tells_state_lag_and_what_is_wrong(pair: Pair, time: Clock) -> None:
    pair.say("hello")
    time.forward(3)
    drain_all()

    type_in(pair.here, "-sameroom status")
    assert re.fullmatch(
        r"The Tubes of this room:\n• Garden \(Globex\): active, the last message took [34]\.\d s there\.",
        last_answer(),
    )

    Seat.objects.filter(pk=pair.there.pk).update(failure="The bot was removed.")
    type_in(pair.here, "-sameroom status")
    assert "Garden (Globex): failed, " in last_answer()
    assert last_answer().endswith("The bot was removed.")


def test_status_tells_nothing_of_another_owners_account(pair: Pair) -> None:
    Seat.objects.filter(pk=pair.there.pk).update(failure="The bot was removed.", owner=factories.user())

    type_in(pair.here, "-sameroom status")

    assert last_answer().endswith("failed. The other party cannot enter its room.")


def test_ping_has_every_room_answer_once_it_was_posted_to(pair: Pair, service: Service) -> None:
    third(pair)

    type_in(pair.here, "-sameroom ping")
    hurry()
    obey()

    line = "[Sameroom] Ping: Ann asks from Lobby who can hear this."
    assert (texts("globex", "garden"), texts("initech", "attic")) == ([line], [line])
    said = last_answer()
    assert re.fullmatch(
        r"Ping:\n• Garden \(Globex\) answered after \d\.\d s\n• Attic \(Initech\) answered after \d\.\d s",
        said,
    )


def test_ping_waits_a_while_and_names_who_does_not_answer(pair: Pair, service: Service, time: Clock) -> None:
    service.refuse(*[RetryLater(60) for _ in range(9)])

    type_in(pair.here, "-sameroom ping")
    time.forward(2)
    obey(1)
    assert Command.objects.get().status == "begun"
    time.forward(20)
    obey(1)

    assert last_answer() == (
        "Ping:\n• Garden (Globex) has not answered within 15 s; what is said follows when it can"
    )


def test_ping_leaves_rooms_alone_that_take_no_notices_or_were_just_asked(pair: Pair) -> None:
    Seat.objects.filter(pk=pair.there.pk).update(takes_notices=False)

    type_in(pair.here, "-sameroom ping")
    type_in(pair.here, "-sameroom ping")

    assert texts("globex", "garden") == []
    assert answers() == [
        "The rooms that are reached from here take no notices of ours.",
        "This room has pinged the others less than a minute ago. Try again in a minute.",
    ]


def test_ping_says_where_nothing_is_reached(pair: Pair) -> None:
    tube_pause(tube=pair.tube, by=pair.here.owner)

    type_in(pair.here, "-sameroom ping")

    assert last_answer() == "No other room is reached from here now. “-sameroom status” says why."


def test_map_gives_an_address_that_lives_a_day(pair: Pair) -> None:
    type_in(pair.here, "-sameroom map")

    [link] = MapLink.objects.all()
    assert f"http://127.0.0.1:8000/maps/{link.key} " in last_answer()
    assert len(link.key) >= 16
    assert link.seat == pair.here
    assert timedelta(hours=23) < link.expires_at - clock.now() <= timedelta(hours=24)


# ----------------------------------------------------------------- format, mute


def test_format_shows_and_changes_how_messages_arrive_here(free: Pair) -> None:
    type_in(free.here, "-sameroom format")
    assert last_answer().startswith(
        "authors are shown by Display Name, with the team; notices are posted here. "
        "A message looks like this: [Ann Lee, Acme] Lunch is served, @all!"
    )

    for option in ("username", "team off", "notices off"):
        type_in(free.here, f"-sameroom format {option}")
    take(free.there.room, factories.said("hi", name="Eve"))
    drain_all()

    assert texts("acme", "lobby")[-1] == "[eve] hi"
    free.here.refresh_from_db()
    assert (free.here.name_style, free.here.shows_team, free.here.takes_notices) == ("username", False, False)
    free.there.refresh_from_db()
    assert free.there.name_style == "display"


def test_format_says_where_what_its_owner_says_carries_no_name(free: Pair) -> None:
    Seat.objects.filter(pk=free.here.pk).update(posts_as_owner=True)

    type_in(free.here, "-sameroom format")

    assert last_answer().startswith(
        "authors are shown by Display Name, with the team; what this connection’s owner says elsewhere "
        "carries no name; notices are posted here."
    )


def test_an_unknown_format_changes_nothing_and_says_what_there_is(free: Pair) -> None:
    type_in(free.here, "-sameroom format shouting")

    assert last_answer().startswith(
        "There is no format “shouting”. Change it with “-sameroom format display”"
    )


def test_whom_a_room_mutes_is_heard_in_all_others(free: Pair) -> None:
    third(free)
    take(free.here.room, factories.said("spam 1", name="Eve"))
    drain_all()

    type_in(free.there, "-sameroom mute eve", name="Bob")
    assert last_answer().startswith("What Eve (eve) says does not arrive in this room any more.")
    take(free.here.room, factories.said("spam 2", name="Eve"), factories.said("hello", name="Ann"))
    drain_all()

    assert texts("globex", "garden")[-1] == "[Ann, Acme] hello"
    assert "[Eve, Acme] spam 2" not in texts("globex", "garden")
    assert texts("initech", "attic") == ["[Eve, Acme] spam 1", "[Eve, Acme] spam 2", "[Ann, Acme] hello"]

    type_in(free.there, "-sameroom unmute Eve", name="Bob")
    take(free.here.room, factories.said("sorry", name="Eve"))
    drain_all()
    assert texts("globex", "garden")[-1] == "[Eve, Acme] sorry"
    assert not Seat.objects.get(pk=free.there.pk).has_mutes


def test_who_is_muted_can_still_take_back_but_not_change_what_stands(free: Pair) -> None:
    first, second = factories.said("one", name="Eve"), factories.said("two", name="Eve")
    take(free.here.room, first, second)
    drain_all()
    type_in(free.there, "-sameroom mute Eve")

    take(free.here.room, replace(edit_of(first.id, "spam"), author=first.author))
    take(free.here.room, replace(edit_of(second.id, ""), author=first.author, kind=Kind.DELETE, body=None))
    drain_all()

    assert "spam" not in "".join(texts("globex", "garden"))
    assert texts("globex", "garden")[-1].startswith("[Eve, Acme] deleted a message")


def test_people_of_one_name_are_told_apart(free: Pair) -> None:
    eve = factories.said("a", name="Eve", user_id="e1")
    other = factories.said("b", name="Eve", user_id="e2")
    other = replace(other, author=replace(other.author, username="eve2"))
    take(free.here.room, replace(eve, author=replace(eve.author, username="eve1")), other)

    type_in(free.there, "-sameroom mute Eve")
    assert last_answer() == (
        "There are several people of that name. Name one by user name: “eve1” in Lobby; “eve2” in Lobby."
    )
    type_in(free.there, "-sameroom mute eve2")
    assert list(Mute.objects.values_list("author_id", "typed_by")) == [("e2", "Ann (ann) in Garden")]


def test_muting_answers_where_there_is_nothing_to_do(free: Pair) -> None:
    take(free.here.room, factories.said("a", name="Eve"))

    for typed in ("mute nobody", "unmute nobody", "mute", "mute eve", "mute eve", "mute"):
        type_in(free.there, f"-sameroom {typed}")

    assert [answer for answer in answers() if "does not arrive" not in answer] == [
        "Nobody called “nobody” has said anything lately in the rooms joined to this one.",
        "Nobody called “nobody” is muted here. Nobody is muted here.",
        "Nobody is muted here.",
        "Eve (eve) is muted here already.",
        "Muted here: Eve.",
    ]


def test_messages_cost_no_query_more_where_nobody_is_muted(free: Pair) -> None:
    def asked() -> list[str]:
        with CaptureQueriesContext(connection) as asked:
            free.say("hello")
        return [
            query["sql"] for query in asked.captured_queries if query["sql"].startswith('SELECT "tubes_mute"')
        ]

    assert asked() == []
    type_in(free.there, "-sameroom mute Ann")
    assert len(asked()) == 1


# ----------------------------------------------------------------- open, connect


def code_in(text: str) -> str:
    found = re.search(r"[2-9A-Z]{4}-[2-9A-Z]{4}", text)
    assert found
    return found.group()


@pytest.fixture
def apart(db: None) -> tuple[Pair, Pair]:
    """Two pairs of rooms of two owners, which know nothing of each other."""
    pairs = []
    for number in (1, 2):
        owner = factories.user()
        near, far = (factories.account(owner, team=f"{side}{number}") for side in ("acme", "globex"))
        here = factories.seat(near, factories.room("lobby", team=f"acme{number}", name=f"Lobby{number}"))
        there = factories.seat(far, factories.room("garden", team=f"globex{number}", name=f"Garden{number}"))
        everyone_may(here, there)
        pairs.append(Pair(factories.tube(here, there), here, there))
    return pairs[0], pairs[1]


def opened(pair: Pair) -> str:
    type_in(pair.here, "-sameroom open", name="Olga")
    return code_in(last_answer())


def test_a_code_joins_the_rooms_of_two_owners(apart: tuple[Pair, Pair]) -> None:
    one, two = apart
    code = opened(one)
    assert "Within two minutes" in last_answer()
    assert code.replace("-", "") not in str(JoinCode.objects.values())

    type_in(two.here, f"-sameroom connect {code.lower()}", name="Karl")

    assert "This room and Lobby1 are one conversation now." in texts("acme2", "lobby")[-1]
    tube = Tube.objects.latest("pk")
    assert (tube.side_a, tube.side_b) == (one.here, two.here)
    assert (tube.opened_by, tube.typed_by) == (two.here.owner, "Karl (karl) in Lobby2")
    told = [(notice.owner, notice.text) for notice in Notice.objects.filter(kind="command").order_by("pk")]
    # The rooms are called Lobby where they are: reading them has shown it.
    text = "Karl (karl) in Lobby typed a code that Olga (olga) in Lobby1 had asked for: "
    text += "a Tube joins Lobby and Lobby."
    assert told == [(one.here.owner, text), (two.here.owner, text)]
    two.say("hello")
    obey()
    assert texts("acme1", "lobby")[-1] == "[Ann, Acme2] hello"
    assert texts("globex1", "garden")[-1] == "[Ann, Acme2] hello"


def test_a_code_works_once(apart: tuple[Pair, Pair]) -> None:
    one, two = apart
    code = opened(one)
    type_in(two.here, f"-sameroom connect {code}")

    type_in(two.there, f"-sameroom connect {code}")

    assert last_answer() == joining.FITS_NOTHING
    assert Tube.objects.count() == 3


def test_a_code_is_valid_for_two_minutes_by_when_it_was_typed(apart: tuple[Pair, Pair], time: Clock) -> None:
    one, two = apart
    early, late = opened(one), opened(one)
    time.forward(119)
    take(two.here.room, factories.said(f"-sameroom connect {early}"))
    time.forward(2)

    obey()
    assert last_answer().startswith("This room and Lobby1")
    type_in(two.there, f"-sameroom connect {late}")

    assert last_answer() == joining.FITS_NOTHING


def test_codes_of_this_room_and_of_rooms_left_since_fit_nothing(apart: tuple[Pair, Pair]) -> None:
    one, two = apart
    own, left = opened(two), opened(one)
    Tube.objects.filter(pk=one.tube.pk).update(status="closed")

    for code in (own, left, "", "AAAA-AAAA"):
        type_in(two.here, f"-sameroom connect {code}".strip())

    assert answers()[-4:] == [
        joining.FITS_NOTHING,
        joining.FITS_NOTHING,
        "Type a code behind it, as “-sameroom open” in the other room gives one, or a Portal’s address.",
        joining.FITS_NOTHING,
    ]


def test_who_guesses_shuts_nobody_else_out_of_the_room(apart: tuple[Pair, Pair]) -> None:
    one, two = apart
    for number in range(6):
        type_in(two.here, f"-sameroom connect AAAA-AAA{number}", user_id="mallory")
    assert last_answer() == joining.TOO_MANY_WRONG

    type_in(two.here, f"-sameroom connect {opened(one)}", user_id="bob")

    assert last_answer().startswith("This room and Lobby1")


def test_who_guesses_under_many_names_has_to_wait_too(apart: tuple[Pair, Pair]) -> None:
    one, two = apart
    for number in range(20):
        type_in(two.here, f"-sameroom connect AAAA-AA{number}", user_id=f"mallory{number}")

    type_in(two.here, f"-sameroom connect {opened(one)}", user_id="mallory20")

    assert last_answer() == joining.TOO_MANY_WRONG


def test_after_five_wrong_codes_who_typed_them_has_to_wait(apart: tuple[Pair, Pair], time: Clock) -> None:
    one, two = apart
    for number in range(5):
        type_in(two.here, f"-sameroom connect AAAA-AAA{number}")
    code = opened(one)

    type_in(two.here, f"-sameroom connect {code}")
    assert last_answer() == joining.TOO_MANY_WRONG
    time.forward(601)
    type_in(two.here, f"-sameroom connect {opened(one)}")

    assert last_answer().startswith("This room and Lobby1")


def test_a_room_has_five_codes_at_most(apart: tuple[Pair, Pair], time: Clock) -> None:
    for _ in range(5):
        opened(apart[0])

    type_in(apart[0].here, "-sameroom open")

    assert last_answer().startswith("5 codes of this room are valid now.")


def test_a_connect_cut_off_after_the_tube_was_made_makes_no_second(
    apart: tuple[Pair, Pair], time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = apart
    code = opened(one)
    take(two.here.room, factories.said(f"-sameroom connect {code}"))
    with monkeypatch.context() as dying:
        dying.setattr(joining, "_tell", lambda asked, code: 1 / 0)
        commanding.carry_out(Command.objects.latest("pk").pk)
    assert Tube.objects.count() == 3

    time.forward(121)
    obey()

    assert last_answer().startswith("This room and Lobby are one conversation now.")
    assert Tube.objects.count() == 3


def test_where_a_room_cannot_be_read_the_code_stays_valid(
    apart: tuple[Pair, Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = apart
    code = opened(one)
    one.here.account.status = "needs_login"
    one.here.account.save()

    type_in(two.here, f"-sameroom connect {code}")
    assert last_answer() == "The other party's room cannot be read at the moment. Try again later."
    one.here.account.status = "connected"
    one.here.account.save()
    type_in(two.here, f"-sameroom connect {code}")

    assert last_answer().startswith("This room and Lobby1")


def test_rooms_that_are_joined_are_not_joined_again(free: Pair) -> None:
    type_in(free.here, "-sameroom open")

    type_in(free.there, f"-sameroom connect {code_in(last_answer())}")

    assert last_answer() == "This room and Lobby are joined already."
    assert Tube.objects.count() == 1
    assert JoinCode.objects.get().used_by is None


def test_rooms_are_joined_over_real_connections(world: World) -> None:
    world.chain("here", "there")
    world.chain("far", "beyond")
    Seat.objects.update(commanders="everyone")
    world.stub.say("here", "Ann", "-sameroom open")
    world.relay()
    obey()
    code = code_in(world.texts("here")[-1])
    world.stub.say("far", "Bob", f"-sameroom connect {code}")
    world.relay()
    obey()

    world.stub.say("far", "Bob", "hello")
    world.relay()

    assert "one conversation now" in world.texts("far")[1]
    assert [text for text in world.texts("there") if "hello" in text] == ["[Bob, Stub] hello"]
    assert not [text for text in world.texts("there") if "-sameroom connect" in text]


# ----------------------------------------------------------------- disable


def test_disable_asks_first_and_ends_only_this_owners_tubes_here(free: Pair, time: Clock) -> None:
    attic = third(free)
    other = factories.account(factories.user(), team="acme")
    theirs = factories.tube(factories.seat(other, free.here.room), attic)

    type_in(free.here, "-sameroom disable")
    assert last_answer() == (
        "This ends 1 Tube for good: to Garden. Type “-sameroom disable” once more within a minute to do it."
    )
    assert Tube.objects.get(pk=free.tube.pk).status == "active"
    type_in(free.here, "-sameroom disable")
    hurry()
    obey()

    assert texts("acme", "lobby")[-1] == (
        "[Sameroom] Nothing passes any more between this room and Garden: 1 Tube ended."
    )
    assert texts("globex", "garden")[-1] == (
        "[Sameroom] Ann (ann) in Lobby has ended the Tube between Lobby and Garden."
    )
    assert dict(Tube.objects.values_list("pk", "status")) == {
        free.tube.pk: "closed",
        Tube.objects.get(side_a=free.there, side_b=attic).pk: "active",
        theirs.pk: "active",
    }
    told = Notice.objects.filter(seat=free.here, kind="command").get()
    assert told.text == "Ann (ann) in Lobby typed “-sameroom disable”: 1 Tube ended, to Garden."


def test_disable_stops_what_passes_at_once(free: Pair) -> None:
    for _ in range(2):
        take(free.here.room, factories.said("-sameroom disable"))
    for command in Command.objects.order_by("pk"):
        commanding.carry_out(command.pk)

    free.say("too late")
    drain_all()

    assert Tube.objects.get(pk=free.tube.pk).status == "paused"
    assert "[Ann, Acme] too late" not in texts("globex", "garden")


def test_disable_is_confirmed_by_the_same_person_within_a_minute(free: Pair, time: Clock) -> None:
    type_in(free.here, "-sameroom disable", name="Ann")
    type_in(free.here, "-sameroom disable", name="Bob")
    time.forward(61)
    type_in(free.here, "-sameroom disable", name="Ann")

    assert len([answer for answer in answers() if answer.startswith("This ends 1 Tube")]) == 3
    assert Tube.objects.get(pk=free.tube.pk).status == "active"


def test_disable_ends_only_what_it_has_named_before(free: Pair) -> None:
    type_in(free.here, "-sameroom disable")
    further = factories.tube(free.here, third(free, free.here.owner))

    type_in(free.here, "-sameroom disable")
    assert last_answer().startswith("This ends 2 Tubes for good: to Garden, Attic.")
    assert set(Tube.objects.filter(pk__in=[free.tube.pk, further.pk]).values_list("status", flat=True)) == {
        "active"
    }

    type_in(free.here, "-sameroom disable")
    hurry()
    obey()
    assert {free.tube.pk, further.pk} <= set(
        Tube.objects.filter(status="closed").values_list("pk", flat=True)
    )


def test_disable_ends_even_where_its_last_word_cannot_be_posted(
    free: Pair, service: Service, time: Clock
) -> None:
    type_in(free.here, "-sameroom disable")
    service.refuse(*[RetryLater(300) for _ in range(9)])
    type_in(free.here, "-sameroom disable")
    time.forward(30)
    obey()

    assert Tube.objects.get(pk=free.tube.pk).status == "closed"


def test_answers_come_through_while_a_tube_is_paused(pair: Pair) -> None:
    tube_pause(tube=pair.tube, by=pair.here.owner)

    type_in(pair.here, "-sameroom status")

    assert "Garden (Globex): paused" in texts("acme", "lobby")[-1]


# ----------------------------------------------------------------- portals


def test_portal_gives_the_addresses_of_this_owner_for_this_room(apart: tuple[Pair, Pair]) -> None:
    one, _ = apart
    type_in(one.here, "-sameroom portal")
    assert last_answer() == (
        "This room has no Portal. The owner of this connection can make one: "
        "http://127.0.0.1:8000/create-a-portal/"
    )
    portal = factories.portal(one.here)
    factories.portal(one.here, deleted_at=clock.now())
    factories.portal(one.there)
    factories.portal(factories.seat(factories.account(), one.here.room))

    type_in(one.here, "-sameroom portal")

    assert last_answer() == (
        "Whoever follows this address joins a room of theirs to this one:\n"
        f"http://127.0.0.1:8000{portal.path}"
    )


def test_a_portals_address_joins_the_rooms_of_two_owners(apart: tuple[Pair, Pair]) -> None:
    one, two = apart
    portal = factories.portal(one.here)

    type_in(two.here, f"-sameroom connect http://127.0.0.1:8000{portal.path}", name="Karl")

    assert last_answer().startswith("This room and Lobby1 are one conversation now.")
    tube = Tube.objects.latest("pk")
    assert (tube.side_a, tube.side_b, tube.portal) == (one.here, two.here, portal)
    assert (tube.opened_by, tube.typed_by) == (two.here.owner, "Karl (karl) in Lobby2")
    assert Notice.objects.filter(owner=one.here.owner, kind="portal").count() == 1
    assert Notice.objects.get(owner=two.here.owner).text == (
        "Karl (karl) in Lobby2 typed a Portal’s address: Lobby2 is joined to Lobby1."
    )
    type_in(two.here, f"-sameroom connect {portal.path}", name="Karl")
    assert last_answer() == "This room and Lobby are joined already."


def test_a_seat_at_an_operators_account_follows_a_portal_too(apart: tuple[Pair, Pair]) -> None:
    one, two = apart
    portal, user = factories.portal(one.here), factories.user()
    two.here.account.is_shared = True
    two.here.account.save()
    Seat.objects.filter(pk=two.here.pk).update(owner=user)

    type_in(two.here, f"-sameroom connect {portal.path}")

    assert last_answer().startswith("This room and Lobby1 are one conversation now.")
    assert Tube.objects.latest("pk").side_b == Seat.objects.get(pk=two.here.pk)
    assert Tube.objects.latest("pk").opened_by == user


def test_where_a_portals_owner_approves_they_are_asked_first(apart: tuple[Pair, Pair]) -> None:
    one, two = apart
    portal = factories.portal(one.here, needs_approval=True)

    type_in(two.here, f"-sameroom connect {portal.path}")

    assert last_answer() == "The owner of Lobby1 was asked. The Tube opens once they agree."
    assert portal.requests.get().visitor == two.here.owner
    assert Tube.objects.count() == 2


def test_a_portal_of_ones_own_joins_two_of_ones_own_rooms(free: Pair) -> None:
    attic = third(free)
    portal = factories.portal(free.here)

    type_in(attic, f"-sameroom connect {portal.path}")

    assert last_answer().startswith("This room and Lobby are one conversation now.")
    assert Tube.objects.count() == 3


def test_a_portal_that_is_none_or_lets_nobody_in_says_so(apart: tuple[Pair, Pair]) -> None:
    one, two = apart
    old = factories.portal(one.here, expires_at=clock.now() - timedelta(days=1))

    type_in(two.here, "-sameroom connect http://127.0.0.1:8000/p/AAAABBBBCCCCDDDD")
    type_in(two.here, f"-sameroom connect {old.path}")

    assert answers()[-2:] == [
        "No Portal has this address. Ask whoever gave it to you for another one.",
        "This Portal has expired. Ask its owner to prolong it.",
    ]


def test_a_room_with_nothing_but_a_portal_answers(free: Pair, service: Service, time: Clock) -> None:
    factories.portal(free.here)
    Tube.objects.update(status="closed")
    service.refuse(RetryLater(1))
    type_in(free.here, "-sameroom status")
    assert texts("acme", "lobby") == []

    tasks.sweep()
    Delivery.objects.update(next_attempt_at=clock.now())
    Seat.objects.update(lane_not_before=None)
    drain_all()

    assert texts("acme", "lobby") == ["[Sameroom] No Tube of this connection touches this room."]


def test_commands_are_forgotten_with_their_words(free: Pair) -> None:
    type_in(free.here, "-sameroom mute nobody at all")

    assert Command.objects.get().rest == ""
    assert Event.objects.get(room=free.here.room).body is None
    assert notices.STRANGE_ROOM not in last_answer()
