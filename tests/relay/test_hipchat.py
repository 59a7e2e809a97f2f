"""The relay with the HipChat connector and a HipChat-compatible server behind a real socket."""

import json

import pytest

from accounts.models import LinkedAccount
from accounts.services import account_link, account_refresh_rooms
from connectors.hipchat.address import canonical
from connectors.hipchat.connector import HipChatConnector
from connectors.hipchat.forms import HipChatCredentialsForm
from connectors.markup.sanitize import normalise_for_compare
from connectors.markup.tree import Document, Mention, Paragraph, to_json
from sameroom import clock
from tests import factories
from tests.connectors.hipchat.harness import SCOPES
from tests.relay.conftest import Clock, statuses
from tests.relay.sandboxed import Sides
from tubes.models import Event, Room, RoomListing, Seat, Tube
from tubes.relay.people import known_here
from tubes.services import tube_close, tube_open, tube_pause, tube_resume

pytestmark = pytest.mark.django_db


def test_both_ways_in_order_and_without_loops(sides: Sides) -> None:
    sides.say("Acme", "Has the parcel left?")
    sides.say("Acme", "It is urgent.")
    sides.relay()
    sides.say("Globex", "An hour ago.")
    sides.relay()

    assert sides.texts("Support") == [
        "Has the parcel left?",
        "It is urgent.",
        "[Dana Fox, Globex] An hour ago.",
    ]
    assert sides.texts("Helpdesk") == [
        "[Ann Lee, Acme] Has the parcel left?",
        "[Ann Lee, Acme] It is urgent.",
        "An hour ago.",
    ]


def test_what_is_said_while_paused_or_closed_stays_unsaid(sides: Sides) -> None:
    owner = sides.tube.opened_by
    assert owner is not None
    tube_pause(tube=sides.tube, by=owner)
    sides.say("Acme", "paused, and read while paused")
    sides.relay()
    sides.say("Acme", "paused, and read after resuming")
    tube_resume(tube=sides.tube, by=owner)
    sides.say("Acme", "resumed")
    sides.relay()
    tube_close(tube=sides.tube, by=owner)
    sides.say("Acme", "closed")
    sides.relay()

    assert sides.texts("Helpdesk") == ["[Ann Lee, Acme] resumed"]


def test_a_message_of_32_kilobytes_goes_on_in_a_file(sides: Sides) -> None:
    text = ("word " * 6554)[:32768].strip()
    sides.say("Acme", text)
    sides.relay()

    parts = sides.texts("Helpdesk")
    assert [len(parts), max(map(len, parts)), parts[9]] == [10, 1000, "[Ann Lee, Acme]"]
    said = " ".join(part.removeprefix("[Ann Lee, Acme] ") for part in parts[:9])
    assert text.startswith(said)
    assert sides.files("Helpdesk") == [("message.txt", text.encode())]
    assert statuses() == ["sent"]


def test_awkward_characters_harm_nobody(sides: Sides) -> None:
    world = sides.server.world
    room, ann = world.room_named("Support"), world.user_named("Ann Lee", group="Acme")
    texts = ["a\u202eb", "@all @Dana look", "👩‍👩‍👧‍👦 and 🇩🇪", "s/left/right/", "/me waves", "<b>&amp;</b>"]
    for text in texts:
        world.post_message(room.id, ann.id, text)
    sides.relay()

    arrived = [text.removeprefix("[Ann Lee, Acme] ") for text in sides.texts("Helpdesk")]
    assert arrived[1:] == [
        "@\u200ball @\u200bDana look",
        "👩‍👩‍👧‍👦 and 🇩🇪",
        "\u200bs/left/right/",
        "waves",
        "<b>&amp;</b>",
    ]
    assert arrived[0] in ("ab", "a\u202eb\u202c")
    mentions = [message.mentions for message in world.messages.all(world.room_named("Helpdesk").chat)]
    assert mentions == [[]] * len(texts)


@pytest.mark.parametrize(
    ("text", "read"),
    [("nul \\u0000 here", "nul  here"), ("lone \\ud800 surrogate", "lone \ufffd surrogate")],
)
def test_characters_no_database_takes_are_replaced_on_the_way_in(text: str, read: str, sides: Sides) -> None:
    # Written as JSON text: the escapes are what arrives on the wire.
    sender = '{"id": 1, "name": "Odd \\ud800 \\u0000 Name", "mention_name": "Odd"}'
    item = f'{{"id": "odd-1", "date": "{clock.now().isoformat()}", "message": "{text}", "from": {sender}}}'
    answer = json.loads(f'{{"items": [{item}]}}')
    sides.server.world.add_fault(path="/history/latest", status=200, body=answer)
    sides.relay(rounds=1)
    sides.relay(rounds=1)

    arrived = {*sides.texts("Helpdesk"), *sides.texts("Support")}
    [relayed] = [text for text in arrived if "Odd" in text]
    assert relayed.endswith(read)
    assert relayed.encode().decode() == relayed
    assert "\x00" not in relayed


def test_a_correction_reaches_the_copy_once(sides: Sides) -> None:
    sides.say("Acme", "Teh parcel")
    sides.relay()
    sides.say("Acme", "s/Teh/The/")
    sides.relay()
    sides.say("Acme", "s/The/A/")
    sides.say("Acme", "s/missing/x/")
    sides.relay()

    assert sides.texts("Helpdesk") == [
        "[Ann Lee, Acme] Teh parcel",
        "[Ann Lee, Acme] ✎ The parcel",
        "[Ann Lee, Acme] ✎ A parcel",
        "[Ann Lee, Acme] \u200bs/missing/x/",
    ]
    assert sides.texts("Support")[-1] == "s/missing/x/"


@pytest.mark.parametrize("cut", ["before", "inside"])
def test_a_cut_off_send_is_recognised_behind_what_hipchat_would_show_otherwise(
    cut: str, sides: Sides, time: Clock
) -> None:
    sides.server.world.add_fault(path="/message", method="POST", cut=cut)
    sides.say("Acme", "/code (heart) @all @Dana")
    sides.relay(rounds=1)
    time.forward(20)
    sides.server.world.advance_clock(20)
    sides.relay()

    assert sides.texts("Helpdesk") == ["[Ann Lee, Acme] \u200b(heart) @\u200ball @\u200bDana"]
    assert sides.texts("Support") == ["/code (heart) @all @Dana"]
    assert statuses() == ["sent"]


@pytest.mark.parametrize("cut", ["before", "inside", "garbage"])
def test_a_cut_off_send_is_neither_lost_nor_doubled(cut: str, sides: Sides, time: Clock) -> None:
    sides.server.world.add_fault(path="/message", method="POST", cut=cut)
    for number in range(5):
        sides.say("Acme", f"line {number}")
    sides.relay(rounds=1)
    time.forward(20)
    sides.server.world.advance_clock(20)
    sides.relay()

    assert sides.texts("Helpdesk") == [f"[Ann Lee, Acme] line {number}" for number in range(5)]
    assert sides.texts("Support") == [f"line {number}" for number in range(5)]
    assert set(statuses()) == {"sent"}


def test_a_send_that_never_arrived_is_made_again(sides: Sides, time: Clock) -> None:
    sides.server.world.add_fault(path="/message", method="POST", status=502, body="<html>Bad gateway</html>")
    sides.say("Acme", "one")
    sides.say("Acme", "two")
    sides.relay(rounds=1)
    assert statuses() == ["sending", "queued"]
    time.forward(20)
    sides.relay()

    assert sides.texts("Helpdesk") == ["[Ann Lee, Acme] one", "[Ann Lee, Acme] two"]


def test_a_send_that_never_arrived_is_made_again_where_its_words_had_been_typed_by_hand(
    sides: Sides, time: Clock
) -> None:
    world = sides.server.world
    bot = world.user_named("Sameroom Bot", group="Globex")
    world.post_message(world.room_named("Helpdesk").id, bot.id, "[Ann Lee, Acme] one")
    sides.relay()
    world.add_fault(path="/message", method="POST", status=502, body="<html>Bad gateway</html>")
    sides.say("Acme", "one")
    sides.relay(rounds=1)
    time.forward(20)
    sides.relay()

    assert sides.texts("Helpdesk") == ["[Ann Lee, Acme] one"] * 2


def test_our_post_read_before_its_answer_came_is_no_new_message(
    sides: Sides, time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The poller is quicker than the answer: the item is held, then recognised."""
    monkeypatch.setattr("tubes.relay.refusals.LOOK_AGAIN", 15.0)  # not within this test, however slow
    sides.server.world.add_fault(path="/message", method="POST", cut="before")
    sides.say("Acme", "one")
    sides.relay(rounds=1)
    sides.say("Globex", "answer")
    sides.relay(rounds=1)
    assert list(Event.objects.filter(held="waiting").values_list("author_name", flat=True)) == [
        "Sameroom Bot",
        "Dana Fox",
    ]
    time.forward(20)
    sides.relay()

    assert sides.texts("Support") == ["one", "[Dana Fox, Globex] answer"]
    assert sides.texts("Helpdesk") == ["[Ann Lee, Acme] one", "answer"]


def test_a_human_typing_through_the_linked_account_is_relayed(sides: Sides) -> None:
    world = sides.server.world
    world.post_message(
        world.room_named("Support").id, world.user_named("Sameroom Bot", group="Acme").id, "typed by hand"
    )
    sides.relay()

    assert sides.texts("Helpdesk") == ["[Sameroom Bot, Acme] typed by hand"]


def test_what_was_said_while_the_service_was_down_follows_in_order(sides: Sides, time: Clock) -> None:
    sides.say("Acme", "before")
    sides.relay()
    sides.server.world.add_fault(path="/history", count=2, status=503)
    for number in range(120):
        sides.say("Acme", f"line {number}")
    sides.relay(rounds=2)
    time.forward(5)
    sides.relay()

    assert sides.texts("Helpdesk")[1:] == [f"[Ann Lee, Acme] line {number}" for number in range(120)]


def test_a_revoked_token_asks_for_a_login_and_loses_nothing(sides: Sides, time: Clock) -> None:
    world = sides.server.world
    account = LinkedAccount.objects.get(team_name="Globex")
    world.revoke_token(account.credentials["token"])
    sides.say("Acme", "waits for the login")
    sides.relay(rounds=1)
    account.refresh_from_db()
    assert account.status == "needs_login"

    fresh = world.create_token(world.user_named("Sameroom Bot", group="Globex").id, SCOPES).token
    form = HipChatCredentialsForm(
        {"server": sides.server.url, "token": fresh, "team_name": "Globex"}, connector_class=HipChatConnector
    )
    assert form.is_valid()
    account_link(owner=account.owner, form=form)
    time.forward(5)
    sides.relay()

    assert sides.texts("Helpdesk") == ["[Ann Lee, Acme] waits for the login"]


def test_one_room_under_two_names_of_its_server_does_not_loop(sides: Sides) -> None:
    """The operator knows of no alias: two Rooms then stand for one, and still nothing echoes."""
    alias = sides.server.url.replace("127.0.0.1", "localhost")
    owner, world = factories.user(), sides.server.world
    for group in ("Acme", "Globex"):
        token = world.create_token(world.user_named("Sameroom Bot", group=group).id, SCOPES).token
        data = {"server": alias, "token": token, "team_name": group}
        form = HipChatCredentialsForm(data, connector_class=HipChatConnector)
        assert form.is_valid(), form.errors
        account_refresh_rooms(account=account_link(owner=owner, form=form))
    mine = RoomListing.objects.owned_by(owner)
    tube_open(owner=owner, listing_a=mine.get(name="Support"), listing_b=mine.get(name="Helpdesk"))
    sides.say("Acme", "hello")

    sides.relay(rounds=6)

    assert (sides.texts("Support"), sides.texts("Helpdesk")) == (["hello"], ["[Ann Lee, Acme] hello"] * 2)


def test_an_alias_that_the_operator_names_is_one_server(settings: object) -> None:
    settings.HIPCHAT_SERVER_ALIASES = {"http://localhost:8001": "http://127.0.0.1:8001"}  # type: ignore[attr-defined]

    assert canonical("https://localhost:8001/v2") == "https://localhost:8001"
    assert canonical("http://LOCALHOST:8001/v2") == "http://127.0.0.1:8001"


@pytest.mark.parametrize("rings", [False, True])
def test_everybody_is_rung_in_a_room_whose_owner_allows_it(sides: Sides, rings: bool) -> None:
    Seat.objects.filter(room__name="Helpdesk").update(rings_everybody=rings)
    sides.say("Acme", "@all lunch @here")
    sides.relay()

    world = sides.server.world
    [copy] = world.messages.all(world.room_named("Helpdesk").chat)
    assert (copy.text == "[Ann Lee, Acme] @all lunch @here", copy.mentions != []) == (rings, rings)


def test_who_is_known_on_both_sides_is_mentioned_and_others_are_named(sides: Sides) -> None:
    world = sides.server.world
    here, there = (world.user_named("Sameroom Bot", group=group) for group in ("Acme", "Globex"))
    stranger = world.user_named("Dana Fox", group="Globex")
    world.create_user(here.group_id, "Dana Fox", mention_name=stranger.mention_name)

    sides.say("Acme", f"@{here.mention_name} and @{stranger.mention_name}, come")
    sides.relay()

    [copy] = world.messages.all(world.room_named("Helpdesk").chat)
    assert copy.mentions == [there.id]
    assert normalise_for_compare(copy.text or "") == (
        f"[Ann Lee, Acme] @{there.mention_name} and @{stranger.mention_name}, come"
    )


@pytest.mark.parametrize("gone", ["tube", "seat", "other owner"])
def test_nobody_is_mentioned_who_does_not_sit_in_that_room(sides: Sides, gone: str) -> None:
    world = sides.server.world
    here = world.user_named("Sameroom Bot", group="Acme")
    seat = Seat.objects.get(room__name="Helpdesk")
    event = Event(room=Room.objects.get(name="Support"), kind="message")
    body = to_json(Document((Paragraph((Mention(str(here.id), here.mention_name),)),)))
    assert list(known_here(event, seat, body)) == [str(here.id)]

    if gone == "tube":
        Tube.objects.update(status="closed")
    elif gone == "seat":
        Seat.objects.filter(pk=seat.pk).update(failure="gone")
    else:
        LinkedAccount.objects.filter(remote_user_id=here.id).update(owner=factories.user())

    assert known_here(event, seat, body) == {}
    assert known_here(Event(room=event.room, kind="edit"), seat, body) == {}
