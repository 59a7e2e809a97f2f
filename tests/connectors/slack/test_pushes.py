"""What Slack pushes: checked, and told in the project's own words."""

import json
from itertools import pairwise

import pytest
from django.core.cache import cache

from connectors.base import Kind, OutgoingMessage, Push, RoomId
from connectors.errors import LoginRejected, RoomGone
from connectors.markup import plain
from connectors.slack.connector import SlackConnector
from sameroom import clock
from tests.fakeslack.deliveries import signature
from tests.fakeslack.receiver import receiving

NOTHING = Push(is_owners_word=True)


@pytest.fixture
def receiver(harness):
    with receiving() as started:
        harness.slack.listen(harness.app, started.url)
        started.requests.clear()
        yield started


@pytest.fixture
def pushed(connector, receiver, harness):
    """What the connector makes of all that was pushed since it was last asked, with everybody known."""

    def take():
        harness.slack.settle()
        connector.refresh_people()
        taken, receiver.requests[:] = list(receiver.requests), []
        pushes = [connector.receive(request.headers, request.body) for request in taken]
        events = [event for push in pushes for _, event in push.events]
        return sorted(events, key=lambda event: event.said_at)

    return take


def said(events):
    return [
        (event.kind.value, event.author.name, plain.render(event.body) if event.body else "")
        for event in events
    ]


def call(harness, told, *, at=None, secret=None):
    """The headers and the body of a call as Slack signs it."""
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    stamp = str(int(clock.now().timestamp()) if at is None else at)
    signed = signature(secret or harness.app.signing_secret, stamp, body)
    return {"x-slack-request-timestamp": stamp, "x-slack-signature": signed}, body


# ----------------------------------------------------------------- checked


def test_challenge_is_given_back(connector, harness):
    asked = {"type": "url_verification", "challenge": "abc"}

    assert connector.receive(*call(harness, asked)) == Push(answer="abc", is_owners_word=True)


@pytest.mark.parametrize("late", [-301, 301])
def test_call_that_may_be_a_replay_is_refused(late, connector, harness, monkeypatch):
    moment = clock.now()
    now = int(moment.timestamp())
    monkeypatch.setattr(clock, "now", lambda: moment)
    connector.receive(*call(harness, {"type": "event_callback"}, at=now + late * 290 // 301))

    with pytest.raises(LoginRejected):
        connector.receive(*call(harness, {"type": "event_callback"}, at=now + late))


def test_call_that_is_signed_otherwise_is_refused(connector, harness):
    headers, body = call(harness, {"type": "event_callback"})

    for wrong in (
        {**headers, "x-slack-signature": f"v0={'0' * 64}"},
        {**headers, "x-slack-signature": "v0=é"},
        {**headers, "x-slack-request-timestamp": "soon"},
        {},
        call(harness, body, secret="another")[0],
    ):
        with pytest.raises(LoginRejected):
            connector.receive(wrong, body)
    with pytest.raises(LoginRejected):
        connector.receive(headers, body + b" ")
    with pytest.raises(LoginRejected):
        connector.receive(call(harness, b"\xff")[0], b"\xff")


def test_account_without_a_secret_takes_no_call(harness):
    login = harness.login_of(harness.token, signing_secret="")

    with pytest.raises(LoginRejected):
        SlackConnector(login).receive(*call(harness, {"type": "event_callback"}, secret="x"))


@pytest.mark.parametrize("body", [b"[]", b"no json", b"[" * 100_000])
def test_call_that_is_no_object_cannot_be_read(body, connector, harness):
    with pytest.raises(ValueError, match=r"\w"):
        connector.receive(*call(harness, body))


def test_call_about_another_workspace_is_passed_over(connector, harness):
    event = {
        "type": "message",
        "channel": harness.room,
        "user": harness.person.id,
        "text": "x",
        "ts": "1.000001",
    }
    told = {"type": "event_callback", "team_id": "T0OTHER", "event": event}

    assert connector.receive(*call(harness, told)) == NOTHING


def test_malformed_event_is_passed_over(connector, harness):
    event = {"type": "message", "channel": harness.room, "user": harness.person.id, "text": "x"}
    told = {"type": "event_callback", "team_id": harness.slack.team.id, "event": event}

    assert connector.receive(*call(harness, told)) == NOTHING


def test_repeated_call_has_the_same_keys(connector, receiver, harness):
    connector.refresh_people()
    harness.slack.fault("event_twice", on="message", count=1)
    harness.say("once")
    harness.slack.settle()
    first, second = receiver.of_type("message", 2)

    one, other = (connector.receive(request.headers, request.body) for request in (first, second))
    assert one == other != NOTHING


def test_message_that_is_told_a_minute_late_is_read_instead(connector, receiver, harness):
    connector.refresh_people()
    root = harness.slack.say(harness.channel, harness.person, "root")
    harness.slack.settle()  # each by itself: calls come in any order
    harness.slack.reply(root, harness.person, "answer")
    harness.slack.settle()
    harness.slack.delete(root)
    harness.slack.settle()

    def repeated(times):
        pushes = [
            connector.receive({**one.headers, "x-slack-retry-num": times}, one.body)
            for one in receiver.requests
        ]
        return [
            ([event.kind.value for _, event in push.events], bool(push.rooms))
            for push in pushes
            if push != NOTHING
        ]

    answered = [(["message"], False), (["delete"], False)]
    assert repeated("1") == [(["message"], False), *answered]
    assert repeated("2") == repeated("3") == [([], True), *answered]
    assert repeated("two") == repeated("²") == repeated("1")


# ----------------------------------------------------------------- messages


def test_message_is_its_authors(harness, pushed):
    harness.slack.change_person(harness.person, avatar="https://example.org/ann")
    harness.say("hello <b>")

    [event] = pushed()
    assert said([event]) == [("message", "Ann", "hello <b>")]
    assert (event.author.id, event.author.username) == (harness.person.id, "ann")
    assert event.author.avatar_url == "https://example.org/ann?size=192"
    assert event.id == event.dedupe_key == harness.slack.history(harness.channel)[-1].ts


def test_edit_is_told_once_and_unfurling_is_none(harness, pushed):
    message = harness.slack.say(harness.channel, harness.person, "see https://example.org/")
    harness.slack.unfurl(message, {"from_url": "https://example.org/", "title": "Example", "id": 1})
    harness.slack.edit(message, "seen")
    harness.slack.unfurl(message)

    events = pushed()
    assert [event.kind for event in events] == [Kind.MESSAGE, Kind.EDIT]
    assert (plain.render(events[1].body), events[1].target) == ("seen", message.ts)


def test_two_edits_within_one_second_are_two(connector, harness):
    connector.refresh_people()
    edited = {"user": harness.person.id, "ts": "1700000005.000000"}
    states = [
        {
            "type": "message",
            "user": harness.person.id,
            "ts": "1700000000.000001",
            "text": text,
            "edited": edited,
        }
        for text in ("one", "two", "two")
    ]
    keys = []
    for before, now in pairwise([{}, *states]):
        event = {"type": "message", "subtype": "message_changed", "channel": harness.room}
        event |= {"ts": "1700000006.000001", "message": now, "previous_message": before}
        push = connector.receive(*call(harness, {"type": "event_callback", "event": event}))
        keys.append([told.dedupe_key for _, told in push.events])

    assert [len(found) for found in keys] == [1, 1, 0]
    assert keys[0] != keys[1]


def test_edit_in_the_history_is_the_last_that_was_pushed(connector, harness, pushed):
    message = harness.slack.say(harness.channel, harness.person, "one")
    for text in ("two", "three"):
        harness.slack.edit(message, text)

    said, edit = connector.read_after(harness.room, None).events
    before, last = [event for event in pushed() if event.kind is Kind.EDIT]

    assert (said.id, plain.render(said.body), plain.render(edit.body)) == (message.ts, "three", "three")
    assert edit.dedupe_key == last.dedupe_key
    assert before.said_at < last.said_at < edit.said_at


def test_deletion_is_told_of_messages_and_of_roots_that_were_answered(harness, pushed):
    alone = harness.slack.say(harness.channel, harness.person, "alone")
    root = harness.slack.say(harness.channel, harness.person, "root")
    harness.slack.reply(root, harness.person, "answer")
    pushed()

    harness.slack.delete(alone)
    harness.slack.delete(root)

    assert [(event.kind, event.target, event.author.id) for event in pushed()] == [
        (Kind.DELETE, alone.ts, harness.person.id),
        (Kind.DELETE, root.ts, harness.person.id),
    ]


def test_answers_name_the_root_whether_broadcast_or_not(harness, pushed):
    root = harness.slack.say(harness.channel, harness.person, "root")
    harness.slack.reply(root, harness.person, "quiet")
    harness.slack.reply(root, harness.person, "loud", broadcast=True)

    assert [(plain.render(event.body), event.reply_to) for event in pushed()] == [
        ("root", None),
        ("quiet", root.ts),
        ("loud", root.ts),
    ]


def test_what_is_done_is_in_italics(harness, pushed):
    harness.slack.say(harness.channel, harness.person, "waves", subtype="me_message")

    assert said(pushed()) == [("message", "Ann", "waves")]


def test_reactions_are_told_as_characters_names_and_aliases(harness, pushed, connector):
    harness.slack.add_emoji("shipit", "https://emoji.example.org/shipit.gif")
    harness.slack.add_emoji("yes", "alias:thumbsup")
    connector.refresh_people()
    message = harness.slack.say(harness.channel, harness.person, "x")
    pushed()
    for name in ("wave::skin-tone-3", "shipit", "yes"):
        harness.slack.react(message, harness.person, name)
    harness.slack.unreact(message, harness.person, "shipit")

    events = pushed()
    assert [(event.kind.value, event.emoji) for event in events] == [
        ("reaction", "👋🏼"),
        ("reaction", ":shipit:"),
        ("reaction", "👍"),
        ("unreaction", ":shipit:"),
    ]
    assert {event.target for event in events} == {message.ts}
    assert len({event.dedupe_key for event in events}) == 4


def test_who_comes_and_goes_and_the_topic_are_presence(harness, pushed):
    bob = harness.slack.person("bob", display_name="Bob")
    harness.slack.join(harness.channel, bob)
    harness.slack.set_topic(harness.channel, "lunch")
    harness.slack.leave(harness.channel, bob)

    events = pushed()
    assert said(events) == [
        ("notice", "Bob", "has joined"),
        ("notice", "Ann", "has set the topic to: lunch"),
        ("notice", "Bob", "has left"),
    ]
    assert all(event.is_presence for event in events)


def test_own_coming_is_no_presence(harness, pushed):
    other = harness.slack.channel("next", harness.person)
    harness.slack.join(other, harness.bot)

    assert pushed() == []


# ----------------------------------------------------------------- who


def test_own_posts_are_ours_under_any_name(harness, pushed, connector):
    sent = connector.send(harness.room, OutgoingMessage("hello", sender_name="Bob, Acme"))

    [event] = pushed()
    assert (event.id, event.author.id, event.author.name) == (sent, harness.login.user_id, "Bob, Acme")


def test_another_apps_posts_are_its_bots(harness, pushed, connector):
    other = harness.slack.install(harness.slack.app("Build"))
    harness.slack.join(harness.channel, other.bot)
    twin = SlackConnector(harness.login_of(other))
    pushed()
    twin.send(harness.room, OutgoingMessage("done", sender_name="CI"))
    connector.directory.looked_up([other.bot.id])

    [event] = pushed()
    assert (event.author.id, event.author.name) == (other.bot.user.id, "CI")


def test_unknown_author_makes_the_channel_due_to_be_read(harness, connector, receiver):
    cache.clear()
    harness.say("hello")
    [request] = receiver.of_type("message")

    push = connector.receive(request.headers, request.body)
    assert (list(push.events), push.rooms) == ([], [harness.room])
    [event] = connector.read_after(harness.room, None).events
    assert event.author.name == "Ann"
    [(_, again)] = connector.receive(request.headers, request.body).events
    assert again == event


@pytest.mark.parametrize("is_operators", [True, False])
def test_changed_name_and_emoji_are_known_from_then_on(is_operators, harness, receiver, settings):
    settings.SLACK_SIGNING_SECRET = harness.app.signing_secret
    connector = SlackConnector(harness.login_of(harness.token, **({"via": "oauth"} if is_operators else {})))
    connector.refresh_people()

    def take():
        harness.slack.settle()
        taken, receiver.requests[:] = list(receiver.requests), []
        for request in taken:
            connector.receive(request.headers, request.body)
        if not is_operators:  # what its owner could have signed is asked for
            connector.read_after(harness.room, None)

    harness.slack.add_emoji("yes", "alias:thumbsup")
    harness.slack.change_person(harness.person, display_name="Annie")
    harness.say("hello")
    take()
    assert connector.directory.known([harness.person.id]).name_of(harness.person.id) == "Annie"
    assert connector.directory.aliases() == {"yes": "thumbsup"}
    harness.slack.remove_emoji("yes")
    take()
    assert connector.directory.aliases() == {}


def test_whoever_made_an_app_cannot_say_what_others_are_called(connector, harness):
    harness.slack.add_emoji("yes", "alias:thumbsup")
    connector.refresh_people()
    ann = {"id": harness.person.id, "name": "x", "real_name": "Forged"}
    for event in (
        {"type": "user_change", "user": ann},
        {"type": "team_join", "user": ann},
        {"type": "emoji_changed", "subtype": "add", "name": "yes", "value": "alias:thumbsdown"},
    ):
        connector.receive(*call(harness, {"type": "event_callback", "event": event}))
    harness.say("hello")

    assert connector.directory.aliases() == {"yes": "thumbsup"}
    [event] = connector.read_after(harness.room, None).events
    assert event.author.name == "Ann"
    assert connector.directory.aliases() == {"yes": "thumbsup"}


def test_changed_status_has_nobody_asked_for_anew(connector, harness, receiver):
    connector.refresh_people()
    harness.slack.change_person(harness.person)
    [request] = receiver.of_type("user_change")

    connector.receive(request.headers, request.body)

    assert connector.directory.known([harness.person.id]).name_of(harness.person.id) == "Ann"


def test_mentions_and_channels_have_names(harness, pushed, connector):
    bob = harness.slack.person("bob", display_name="Bob")
    other = harness.another("lunch")
    list(connector.list_rooms())
    harness.slack.post(harness.channel, harness.person, f"<@{bob.id}> <!here> <!channel> see <#{other.id}>")

    [event] = pushed()
    assert plain.render(event.body) == "@Bob @here @all see #lunch"


def test_archived_channel_is_looked_at_by_the_next_read(harness, connector, receiver):
    harness.slack.archive(harness.channel)
    [request] = receiver.of_type("channel_archive")

    assert connector.receive(request.headers, request.body) == Push(rooms=[harness.room], is_owners_word=True)
    with pytest.raises(RoomGone, match="archived"):
        connector.read_after(harness.room, None)


def test_channel_that_gets_another_id_is_followed(harness, receiver, settings):
    settings.SLACK_SIGNING_SECRET = harness.app.signing_secret
    connector = SlackConnector(harness.login_of(harness.token, via="oauth"))
    old, new = harness.room, harness.slack.change_id(harness.channel)
    [request] = receiver.of_type("channel_id_changed")

    assert connector.receive(request.headers, request.body).rooms == [old]
    with pytest.raises(RoomGone, match="another id"):
        connector.read_after(old, None)
    assert connector.room(old).id == new


def test_whoever_made_an_app_cannot_say_where_a_channel_has_gone(connector, harness):
    event = {"type": "channel_id_changed", "old_channel_id": harness.room, "new_channel_id": "C0FORGED"}

    push = connector.receive(*call(harness, {"type": "event_callback", "event": event}))

    assert push.rooms == [harness.room]
    assert connector.room(harness.room).id == harness.room


def test_what_one_apps_events_tell_counts_for_nobody_else(connector, harness):
    other = harness.slack.install(harness.slack.app("Forger", signing_secret="a" * 32))
    forger = SlackConnector(harness.login_of(other, signing_secret="a" * 32))
    connector.refresh_people()
    for event in (
        {"type": "user_change", "user": {"id": harness.person.id, "name": "x", "real_name": "Forged"}},
        {"type": "channel_id_changed", "old_channel_id": harness.room, "new_channel_id": "C0FORGED"},
    ):
        forger.receive(*call(harness, {"type": "event_callback", "event": event}, secret="a" * 32))
    harness.say("hello")

    [event] = connector.read_after(harness.room, None).events
    assert event.author.name == "Ann"
    assert connector.room(harness.room).id == harness.room


def test_where_an_event_tells_that_the_app_was_taken_out_it_does_not_come_back_by_itself(
    harness, connector, receiver
):
    harness.slack.leave(harness.channel, harness.bot)
    [request] = receiver.of_type("channel_left")

    connector.receive(request.headers, request.body)

    with pytest.raises(RoomGone):
        connector.read_after(harness.room, None)
    with pytest.raises(RoomGone):
        connector.room(harness.room)
    assert harness.bot.user not in harness.channel.members


def test_channel_that_nobody_linked_is_not_entered_because_it_is_told_of(harness, connector, receiver):
    elsewhere = harness.slack.channel("plans", harness.person)
    harness.slack.rename(elsewhere, "plans-of-2031")
    events = [request for request in receiver.requests if b"channel_rename" in request.body]

    for request in events:
        connector.receive(request.headers, request.body)
    connector.rooms.look_again(RoomId(elsewhere.id))

    with pytest.raises(RoomGone):
        connector.read_after(RoomId(elsewhere.id), None)
    assert harness.bot.user not in elsewhere.members
