"""Events by HTTP: signed, repeated, whole. The signatures are verified by slack-sdk."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.signature import SignatureVerifier

from tests.fakeslack.conftest import Office
from tests.fakeslack.receiver import Receiver


def test_a_request_url_is_verified(office: Office, receiver: Receiver) -> None:
    [asked] = receiver.requests

    assert asked.json["type"] == "url_verification"
    assert asked.json["token"] == office.app.verification_token
    assert SignatureVerifier(office.app.signing_secret).is_valid_request(asked.body, asked.headers)


def test_an_address_that_answers_otherwise_is_not_verified(office: Office) -> None:
    with pytest.raises(RuntimeError, match="HTTP 404"):
        office.slack.listen(office.app, f"{office.slack.url}/nothing")

    assert office.app.request_url == ""


def test_what_somebody_says_is_told(office: Office, receiver: Receiver) -> None:
    said = office.slack.say(office.room, office.ann, "a < b & https://example.org")

    [request] = receiver.of_type("message")
    told, event = request.json, request.event
    assert SignatureVerifier(office.app.signing_secret).is_valid_request(request.body, request.headers)
    assert not SignatureVerifier("another").is_valid_request(request.body, request.headers)
    assert {name: told[name] for name in ("type", "team_id", "api_app_id", "is_ext_shared_channel")} == {
        "type": "event_callback",
        "team_id": office.slack.team.id,
        "api_app_id": office.app.id,
        "is_ext_shared_channel": False,
    }
    assert told["authorizations"] == [
        {
            "enterprise_id": None,
            "team_id": office.slack.team.id,
            "user_id": office.bot.user.id,
            "is_bot": True,
            "is_enterprise_install": False,
        }
    ]
    assert told["event_id"].startswith("Ev")
    assert (event["text"], event["user"]) == ("a &lt; b &amp; <https://example.org>", office.ann.id)
    assert (event["channel"], event["channel_type"]) == (office.room.id, "channel")
    assert event["ts"] == event["event_ts"] == said.ts
    assert event["client_msg_id"]


def test_the_bots_own_post_is_told_too(office: Office, client: WebClient, receiver: Receiver) -> None:
    plain = client.chat_postMessage(channel=office.room.id, text="plain")["ts"]
    named = client.chat_postMessage(channel=office.room.id, text="named", username="Carol")["ts"]

    first, second = receiver.event(ts=plain), receiver.event(ts=named)
    assert (first["bot_id"], first["app_id"], first["user"]) == (
        office.bot.id,
        office.app.id,
        office.bot.user.id,
    )
    assert first["bot_profile"]["id"] == office.bot.id
    assert (second["subtype"], second["bot_id"], second["username"]) == (
        "bot_message",
        office.bot.id,
        "Carol",
    )
    assert "user" not in second


def test_changes_and_deletions_are_told(office: Office, receiver: Receiver) -> None:
    said = office.slack.say(office.room, office.ann, "one")
    office.slack.edit(said, "two")
    office.slack.delete(said)

    changed, deleted = receiver.event(subtype="message_changed"), receiver.event(subtype="message_deleted")
    assert (changed["message"]["text"], changed["previous_message"]["text"]) == ("two", "one")
    assert changed["message"]["edited"]["user"] == office.ann.id
    assert changed["message"]["ts"] == said.ts != changed["ts"]
    assert (deleted["deleted_ts"], deleted["previous_message"]["text"]) == (said.ts, "two")


def test_an_unfurled_link_is_a_change_that_nobody_made(office: Office, receiver: Receiver) -> None:
    said = office.slack.say(office.room, office.ann, "https://example.org")
    office.slack.unfurl(said, {"title": "Example", "from_url": "https://example.org"})

    changed = receiver.event(subtype="message_changed")
    assert "edited" not in changed["message"]
    assert changed["message"]["text"] == changed["previous_message"]["text"]
    assert changed["message"]["attachments"][0]["title"] == "Example"


@pytest.mark.parametrize(
    ("asked", "shown"),
    [({}, False), ({"unfurl_links": True}, True), ({"unfurl_links": True, "unfurl_media": False}, True)],
)
def test_links_of_apps_are_unfurled_where_they_ask(
    office: Office, client: WebClient, receiver: Receiver, asked: dict[str, bool], shown: bool
) -> None:
    office.slack.preview("https://example.org/page", {"title": "Example"})
    client.chat_postMessage(channel=office.room.id, text="https://example.org/page", **asked)
    office.slack.settle()

    told = sorted(one.get("subtype", "") for one in receiver.events())  # events may overtake each other
    assert told == ["", *["message_changed"] * shown]


@pytest.mark.parametrize(("asked", "shown"), [({}, True), ({"unfurl_media": False}, False)])
def test_pictures_of_apps_are_shown_unless_they_forgo_it(
    office: Office, client: WebClient, asked: dict[str, bool], shown: bool
) -> None:
    picture = {"image_url": "https://example.org/cat.png"}
    office.slack.preview("https://example.org/cat.png", picture)
    client.chat_postMessage(channel=office.room.id, text="<https://example.org/cat.png|cat>", **asked)

    [message] = office.slack.history(office.room)
    assert message.attachments == [picture] * shown


def test_threads_are_told(office: Office, receiver: Receiver) -> None:
    parent = office.slack.say(office.room, office.ann, "parent")
    reply = office.slack.reply(parent, office.bob, "reply")
    shown = office.slack.reply(reply, office.bob, "shown", broadcast=True)

    told = receiver.event(ts=reply.ts)
    assert (told["thread_ts"], told["parent_user_id"]) == (parent.ts, office.ann.id)
    assert receiver.event(ts=shown.ts)["root"]["ts"] == parent.ts
    office.slack.delete(parent)
    assert receiver.event(subtype="message_changed")["message"]["subtype"] == "tombstone"


def test_reactions_are_told(office: Office, receiver: Receiver) -> None:
    said = office.slack.say(office.room, office.ann, "one")
    office.slack.react(said, office.bob, "tada")
    office.slack.unreact(said, office.bob, "tada")

    for kind in ("reaction_added", "reaction_removed"):
        event = receiver.event(kind)
        assert (event["user"], event["reaction"], event["item_user"]) == (
            office.bob.id,
            "tada",
            office.ann.id,
        )
        assert event["item"] == {"type": "message", "channel": office.room.id, "ts": said.ts}


def test_being_called_is_told(office: Office, receiver: Receiver) -> None:
    said = office.slack.post(office.room, office.ann, f"<@{office.bot.user.id}> help")

    assert receiver.event("app_mention")["ts"] == said.ts
    assert receiver.event("message")["ts"] == said.ts


def test_who_comes_and_goes_is_told(office: Office, receiver: Receiver) -> None:
    carol = office.slack.person("carol")
    office.slack.join(office.room, carol, inviter=office.ann)
    office.slack.leave(office.room, carol)

    assert receiver.event("team_join")["user"]["id"] == carol.id
    joined = receiver.event("member_joined_channel")
    assert (joined["user"], joined["channel_type"], joined["inviter"]) == (carol.id, "C", office.ann.id)
    assert receiver.event(subtype="channel_join")["user"] == carol.id
    assert receiver.event("member_left_channel")["user"] == carol.id


def test_a_bot_that_is_taken_out_is_told(office: Office, receiver: Receiver) -> None:
    office.slack.leave(office.room, office.bot)
    office.slack.say(office.room, office.ann, "alone")
    office.slack.settle()

    assert [one for one in receiver.events() if one["type"] == "member_left_channel"] == []
    assert receiver.event("channel_left")["channel"] == office.room.id
    assert [one for one in receiver.events() if one.get("text") == "alone"] == []


@pytest.mark.parametrize(("is_private", "word"), [(False, "channel"), (True, "group")])
def test_what_becomes_of_a_channel_is_told(
    office: Office, receiver: Receiver, is_private: bool, word: str
) -> None:
    room = office.slack.channel("room", office.ann, office.bot, is_private=is_private)
    office.slack.rename(room, "renamed")
    office.slack.set_topic(room, "weather")
    office.slack.archive(room)
    office.slack.unarchive(room)
    office.slack.delete_channel(room)

    assert receiver.event(f"{word}_rename")["channel"]["name"] == "renamed"
    assert receiver.event(subtype=f"{word}_name")["old_name"] == "room"
    assert receiver.event(subtype=f"{word}_topic")["topic"] == "weather"
    for kind in (f"{word}_archive", f"{word}_unarchive", f"{word}_deleted"):
        assert receiver.event(kind)["channel"] == room.id


def test_a_channel_that_becomes_private_keeps_its_id(office: Office, receiver: Receiver) -> None:
    before = office.room.id
    office.slack.convert(office.room)
    office.slack.say(office.room, office.ann, "in private")

    assert receiver.event(subtype="channel_convert_to_private")["channel_type"] == "group"
    told = receiver.event(text="in private")
    assert (told["channel"], told["channel_type"]) == (before, "group")
    assert office.client().conversations_info(channel=before)["channel"]["is_private"] is True


def test_a_channel_that_goes_on_under_another_id(office: Office, receiver: Receiver) -> None:
    old = office.room.id
    new = office.slack.change_id(office.room)

    event = receiver.event("channel_id_changed")
    assert (event["old_channel_id"], event["new_channel_id"]) == (old, new)


def test_people_emoji_and_the_workspace(office: Office, receiver: Receiver) -> None:
    office.slack.change_person(office.ann, display_name="annie")
    office.slack.add_emoji("parrot", "https://emoji.example/p.gif")
    office.slack.remove_emoji("parrot")
    office.slack.rename_workspace(office.slack.team, "Acme Ltd")

    assert receiver.event("user_change")["user"]["profile"]["display_name"] == "annie"
    assert receiver.event("emoji_changed", subtype="add")["value"] == "https://emoji.example/p.gif"
    assert receiver.event("emoji_changed", subtype="remove")["names"] == ["parrot"]
    assert receiver.event("team_rename")["name"] == "Acme Ltd"


def test_the_end_of_an_installation_is_told(office: Office, receiver: Receiver) -> None:
    office.slack.uninstall(office.bot)

    assert receiver.event("tokens_revoked")["tokens"] == {"oauth": [], "bot": [office.bot.user.id]}
    assert receiver.event("app_uninstalled")["type"] == "app_uninstalled"


def test_too_many_events_are_told_in_their_own_way(office: Office, receiver: Receiver) -> None:
    office.slack.limit_events(office.app)
    office.slack.settle()

    request = receiver.requests[-1]
    assert SignatureVerifier(office.app.signing_secret).is_valid_request(request.body, request.headers)
    assert (request.json["type"], request.json["team_id"]) == ("app_rate_limited", office.slack.team.id)
    assert request.json["minute_rate_limited"] % 60 == 0


def test_only_what_was_subscribed_to_and_granted_is_told(office: Office, receiver: Receiver) -> None:
    office.app.events -= {"reaction_added"}
    office.bot.scopes.remove("emoji:read")
    said = office.slack.say(office.room, office.ann, "one")
    office.slack.react(said, office.bob, "tada")
    office.slack.unreact(said, office.bob, "tada")
    office.slack.add_emoji("parrot", "https://emoji.example/p.gif")
    office.slack.settle()

    assert {one["type"] for one in receiver.events()} == {"message", "reaction_removed"}


def test_a_shared_channel_is_told_of_once(office: Office, receiver: Receiver) -> None:
    other = office.slack.workspace("Other")
    second = office.slack.install(office.app, team=other)
    office.slack.connect(office.room, other)
    office.slack.join(office.room, second.bot)
    said = office.slack.say(office.room, office.ann, "to both")
    office.slack.settle()

    told = [one.json for one in receiver.of_type("message") if one.event["ts"] == said.ts]
    assert [one["is_ext_shared_channel"] for one in told] == [True]


@pytest.mark.parametrize(
    ("answer", "reason"), [((500, {}), "http_error"), ((302, {"Location": "/again"}), "too_many_redirects")]
)
def test_what_is_not_taken_comes_again(
    office: Office, receiver: Receiver, answer: tuple[int, dict[str, str]], reason: str
) -> None:
    office.slack.core.deliveries.retries = (0.0, 0.05, 0.05)
    receiver.answers = [answer] * (2 if answer[0] == 302 else 1)  # as many as are followed
    office.slack.say(office.room, office.ann, "one")
    office.slack.settle()

    first, again = receiver.of_type("message", 2)
    assert "x-slack-retry-num" not in first.headers
    assert (again.headers["x-slack-retry-num"], again.headers["x-slack-retry-reason"]) == ("1", reason)
    assert again.json["event_id"] == first.json["event_id"]
    assert SignatureVerifier(office.app.signing_secret).is_valid_request(again.body, again.headers)
    assert office.slack.core.deliveries.lost == []


def test_what_is_answered_too_late_comes_again(office: Office, receiver: Receiver) -> None:
    deliveries = office.slack.core.deliveries
    deliveries.within, deliveries.retries, receiver.seconds = 0.3, (0.0, 0.1, 0.1), 0.6
    office.slack.say(office.room, office.ann, "one")
    office.slack.settle()

    assert [one.failure for one in deliveries.attempts] == ["http_timeout"] * 4
    assert [one.headers.get("x-slack-retry-num") for one in receiver.of_type("message", 4)] == [
        None,
        "1",
        "2",
        "3",
    ]
    assert [one["event"]["text"] for one in deliveries.lost] == ["one"]


def test_a_receiver_can_forgo_repetitions(office: Office, receiver: Receiver) -> None:
    office.slack.core.deliveries.retries = (0.0, 0.05, 0.05)
    receiver.answers = [(500, {"X-Slack-No-Retry": "1"})]
    office.slack.say(office.room, office.ann, "one")
    office.slack.settle()

    assert len(receiver.of_type("message")) == 1
    assert len(office.slack.core.deliveries.lost) == 1


def test_nobody_listens(office: Office) -> None:
    deliveries = office.slack.core.deliveries
    deliveries.retries = (0.0, 0.05, 0.05)
    office.app.request_url = "http://127.0.0.1:9/"
    office.slack.say(office.room, office.ann, "one")
    office.slack.settle()

    assert {one.failure for one in deliveries.attempts} == {"connection_failed"}


@pytest.mark.parametrize(
    ("kind", "texts"),
    [("event_twice", ["one", "one", "two"]), ("event_lost", ["two"]), ("event_late", ["two", "one"])],
)
def test_events_can_go_wrong(office: Office, receiver: Receiver, kind: str, texts: list[str]) -> None:
    office.slack.fault(kind, on="message", count=1, delay=3)
    office.slack.say(office.room, office.ann, "one")
    if kind != "event_late":
        office.slack.settle()
    office.slack.say(office.room, office.ann, "two")
    office.slack.settle()

    assert [one["text"] for one in receiver.events()] == texts
    ids = [one.json["event_id"] for one in receiver.of_type("message")]
    assert len({*ids}) == len({*texts})


def test_a_malformed_event(office: Office, receiver: Receiver) -> None:
    office.slack.fault("event_malformed", on="message", count=1)
    office.slack.say(office.room, office.ann, "one")
    office.slack.settle()

    event: dict[str, Any] = receiver.of_type("message")[0].event
    assert event == {"type": "message", "channel": 7, "ts": None}
