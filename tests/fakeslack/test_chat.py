"""Posting, editing, deleting, reacting, as slack-sdk meets them."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from tests.fakeslack.asking import refusal
from tests.fakeslack.conftest import Office


def test_a_post_is_answered_with_the_message(office: Office, client: WebClient) -> None:
    told = client.chat_postMessage(channel=office.room.id, text="hello *you*")

    assert told["channel"] == office.room.id
    assert told["ts"] == told["message"]["ts"]
    assert told["message"]["bot_id"] == office.bot.id
    assert told["message"]["app_id"] == office.app.id
    assert told["message"]["user"] == office.bot.user.id
    assert "subtype" not in told["message"]
    assert told["message"]["blocks"][0]["elements"][0]["elements"][1] == {
        "type": "text",
        "text": "you",
        "style": {"bold": True},
    }


def test_a_post_under_a_name_of_its_own(office: Office, client: WebClient) -> None:
    told = client.chat_postMessage(
        channel=office.room.id, text="hi", username="Carol (IRC)", icon_url="https://example.org/c.png"
    )

    message = told["message"]
    assert (message["subtype"], message["username"]) == ("bot_message", "Carol (IRC)")
    assert message["icons"]["image_48"] == "https://example.org/c.png"
    assert "user" not in message


def test_a_name_of_its_own_wants_a_scope(office: Office) -> None:
    plain = office.slack.install(office.slack.app("Plain"), by=office.ann, scopes=["chat:write"])
    office.slack.join(office.room, plain.bot)

    with pytest.raises(SlackApiError) as refused:
        office.client(plain.value).chat_postMessage(channel=office.room.id, text="hi", username="Carol")

    assert refused.value.response["needed"] == "chat:write.customize"
    assert office.slack.texts(office.room) == []


@pytest.mark.parametrize(
    ("posted", "kept"),
    [
        ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
        ("a &lt; b &amp; c", "a &lt; b &amp; c"),
        ("see https://example.org/?a=1&b=2 now", "see <https://example.org/?a=1&amp;b=2> now"),
        ("<https://example.org|there>", "<https://example.org|there>"),
        ("@channel", "@channel"),
    ],
)
def test_text_is_kept_escaped_and_linked(office: Office, client: WebClient, posted: str, kept: str) -> None:
    client.chat_postMessage(channel=office.room.id, text=posted)

    assert office.slack.texts(office.room) == [kept]


@pytest.mark.parametrize(
    ("posted", "parse", "called"),
    [
        ("<!channel> look", "none", ["!channel"]),
        ("<!here|here> and <!everyone>", "none", ["!here", "!everyone"]),
        ("&lt;!channel&gt; and @here", "none", []),
        ("@here", "full", ["!here"]),
        ("<@U123> <!subteam^S1|@team>", "none", ["@U123", "!subteam^S1"]),
    ],
)
def test_who_is_called_is_known(
    office: Office, client: WebClient, posted: str, parse: str, called: list[str]
) -> None:
    client.chat_postMessage(channel=office.room.id, text=posted, parse=parse)

    assert office.slack.calls(office.room) == called


@pytest.mark.parametrize(
    ("block", "called"),
    [
        ({"type": "section", "text": {"type": "mrkdwn", "text": "<!here> you"}}, ["!here"]),
        ({"type": "section", "text": {"type": "plain_text", "text": "<!here> you"}}, []),
        ({"type": "context", "elements": [{"type": "mrkdwn", "text": "<@U123>"}]}, ["@U123"]),
        (
            {
                "type": "rich_text",
                "elements": [
                    {
                        "type": "rich_text_section",
                        "elements": [
                            {"type": "broadcast", "range": "channel"},
                            {"type": "user", "user_id": "U1"},
                            {"type": "usergroup", "usergroup_id": "S1"},
                        ],
                    }
                ],
            },
            ["!channel", "@U1", "!subteam^S1"],
        ),
    ],
)
def test_who_is_called_by_blocks_is_known(
    office: Office, client: WebClient, block: dict[str, Any], called: list[str]
) -> None:
    client.chat_postMessage(channel=office.room.id, text="words", blocks=[block])

    assert office.slack.calls(office.room) == called


def test_ts_is_unique_and_grows(office: Office, client: WebClient) -> None:
    stamps = [client.chat_postMessage(channel=office.room.id, text=str(number))["ts"] for number in range(30)]

    assert len({*stamps}) == 30
    assert sorted(stamps) == stamps
    assert all(len(ts.partition(".")[2]) == 6 for ts in stamps)


def test_texts_have_a_length(office: Office, client: WebClient) -> None:
    post = client.chat_postMessage
    ts = post(channel=office.room.id, text="x" * 40_000)["ts"]

    assert refusal(post, channel=office.room.id, text="x" * 40_001) == "msg_too_long"
    assert refusal(client.chat_update, channel=office.room.id, ts=ts, text="x" * 4_001) == "msg_too_long"


@pytest.mark.parametrize(
    ("most", "more"), [("ä" * 2000, "ä"), ("&" * 800, "x"), ("&amp;" * 800, "x"), ("😀" * 1000, "x")]
)
def test_an_edit_is_counted_in_bytes_once_it_is_escaped(
    office: Office, client: WebClient, most: str, more: str
) -> None:
    ts = client.chat_postMessage(channel=office.room.id, text=most + more)["ts"]

    assert client.chat_update(channel=office.room.id, ts=ts, text=most)["ok"]
    assert refusal(client.chat_update, channel=office.room.id, ts=ts, text=most + more) == "msg_too_long"


def test_something_has_to_be_said(office: Office, client: WebClient) -> None:
    where = {"channel": office.room.id}
    own = client.chat_postMessage(**where, text="own")["ts"]
    for method, empty in (("chat.postMessage", where), ("chat.update", where | {"ts": own, "text": " "})):
        # slack-sdk's own functions warn their caller of it
        assert refusal(client.api_call, api_method=method, json=empty) == "no_text"


@pytest.mark.parametrize(
    ("blocks", "error"),
    [
        ('[{"type": "section"', "invalid_blocks_format"),
        ([{"text": "no type"}], "invalid_blocks_format"),
        ([{"type": "divider"}] * 51, "invalid_blocks"),
        ([{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}], "invalid_blocks"),
    ],
)
def test_blocks_are_looked_at(office: Office, client: WebClient, blocks: Any, error: str) -> None:
    assert refusal(client.chat_postMessage, channel=office.room.id, text="x", blocks=blocks) == error


def test_where_one_may_not_post(office: Office, client: WebClient) -> None:
    slack, post = office.slack, client.chat_postMessage
    private, public = slack.channel("secret", office.ann, is_private=True), slack.channel("open", office.ann)
    old, board = slack.channel("old", office.ann, office.bot), slack.channel("board", office.bot)
    slack.archive(old)
    board.is_read_only = True

    assert refusal(post, channel="C0NOWHERE", text="x") == "channel_not_found"
    assert refusal(post, channel=private.id, text="x") == "channel_not_found"
    assert refusal(post, channel=public.id, text="x") == "not_in_channel"
    assert refusal(post, channel=old.id, text="x") == "is_archived"
    assert refusal(post, channel=board.id, text="x") == "restricted_action_read_only_channel"


def test_a_channel_by_its_name_and_a_person_by_id(office: Office, client: WebClient) -> None:
    client.chat_postMessage(channel="#talk", text="by name")
    direct = client.chat_postMessage(channel=office.ann.id, text="to you")["channel"]
    opening = office.slack.install(office.app, by=office.ann, scopes=["im:write"])

    assert office.slack.texts(office.room) == ["by name"]
    assert direct.startswith("D")
    opened = office.client(opening.value).conversations_open(users=office.ann.id)
    assert opened["channel"]["id"] == direct


def test_threads(office: Office, client: WebClient) -> None:
    parent = client.chat_postMessage(channel=office.room.id, text="parent")["ts"]
    reply = client.chat_postMessage(channel=office.room.id, text="reply", thread_ts=parent)["ts"]
    shown = client.chat_postMessage(
        channel=office.room.id, text="shown", thread_ts=parent, reply_broadcast=True
    )["message"]

    assert (shown["subtype"], shown["root"]["text"]) == ("thread_broadcast", "parent")
    history = client.conversations_history(channel=office.room.id)["messages"]
    assert [one["text"] for one in history] == ["shown", "parent"]
    assert (history[1]["reply_count"], history[1]["thread_ts"]) == (2, parent)
    replies = client.conversations_replies(channel=office.room.id, ts=parent)["messages"]
    assert [one["text"] for one in replies] == ["parent", "reply", "shown"]
    assert replies[1]["parent_user_id"] == office.bot.user.id
    post = client.chat_postMessage
    assert refusal(post, channel=office.room.id, text="x", thread_ts=reply) == "invalid_thread_ts"
    assert refusal(post, channel=office.room.id, text="x", thread_ts="1.000001") == "invalid_thread_ts"


def test_nobody_answers_a_joining(office: Office, client: WebClient) -> None:
    carol = office.slack.person("carol")
    office.slack.join(office.room, carol)
    [joined] = [one for one in office.slack.history(office.room) if one.subtype == "channel_join"]

    assert refusal(client.chat_postMessage, channel=office.room.id, text="x", thread_ts=joined.ts) == (
        "cannot_reply_to_message"
    )


def test_updating_ones_own(office: Office, client: WebClient) -> None:
    ts = client.chat_postMessage(channel=office.room.id, text="one")["ts"]

    told = client.chat_update(channel=office.room.id, ts=ts, text="two < three")

    assert (told["ts"], told["text"]) == (ts, "two &lt; three")
    assert told["message"]["edited"]["user"] == office.bot.user.id
    assert office.slack.texts(office.room) == ["two &lt; three"]


def test_what_cannot_be_updated_or_deleted(office: Office, client: WebClient) -> None:
    theirs = office.slack.say(office.room, office.ann, "mine")
    change, away = client.chat_update, client.chat_delete
    where = {"channel": office.room.id}

    assert refusal(change, **where, ts=theirs.ts, text="x") == "cant_update_message"
    assert refusal(away, **where, ts=theirs.ts) == "cant_delete_message"
    assert refusal(change, **where, ts="1.000001", text="x") == "message_not_found"
    assert refusal(away, **where, ts="1.000001") == "message_not_found"
    own = client.chat_postMessage(**where, text="own")["ts"]
    office.slack.archive(office.room)
    assert refusal(change, **where, ts=own, text="x") == "is_inactive"


def test_deleting(office: Office, client: WebClient) -> None:
    ts = client.chat_postMessage(channel=office.room.id, text="one")["ts"]

    assert client.chat_delete(channel=office.room.id, ts=ts)["ts"] == ts

    assert office.slack.history(office.room) == []
    assert refusal(client.chat_delete, channel=office.room.id, ts=ts) == "message_not_found"


def test_the_parent_of_a_thread_leaves_a_tombstone(office: Office, client: WebClient) -> None:
    ts = client.chat_postMessage(channel=office.room.id, text="one")["ts"]
    client.chat_postMessage(channel=office.room.id, text="reply", thread_ts=ts)

    client.chat_delete(channel=office.room.id, ts=ts)

    [left] = client.conversations_history(channel=office.room.id)["messages"]
    assert (left["subtype"], left["user"], left["ts"]) == ("tombstone", "USLACKBOT", ts)
    assert refusal(client.chat_delete, channel=office.room.id, ts=ts) == "message_not_found"


def test_reactions(office: Office, client: WebClient) -> None:
    said = office.slack.say(office.room, office.ann, "hello")
    office.slack.react(said, office.ann, "tada")
    item = {"channel": office.room.id, "timestamp": said.ts}

    client.reactions_add(**item, name="tada")
    client.reactions_add(**item, name="wave::skin-tone-3")

    assert client.reactions_get(**item)["message"]["reactions"] == [
        {"name": "tada", "users": [office.ann.id, office.bot.user.id], "count": 2},
        {"name": "wave::skin-tone-3", "users": [office.bot.user.id], "count": 1},
    ]
    assert refusal(client.reactions_add, **item, name="tada") == "already_reacted"
    assert refusal(client.reactions_add, **item, name="no_such_thing") == "invalid_name"
    assert (
        refusal(client.reactions_add, **item | {"timestamp": "1.000001"}, name="tada") == "message_not_found"
    )
    assert refusal(client.reactions_add, **item | {"timestamp": "soon"}, name="tada") == "bad_timestamp"
    client.reactions_remove(**item, name="tada")
    assert refusal(client.reactions_remove, **item, name="tada") == "no_reaction"
    assert said.reactions["tada"] == [office.ann]


def test_a_custom_emoji_is_one(office: Office, client: WebClient) -> None:
    said = office.slack.say(office.room, office.ann, "hello")
    office.slack.add_emoji("party_parrot", "https://emoji.example/parrot.gif")

    client.reactions_add(channel=office.room.id, timestamp=said.ts, name="party_parrot")

    assert [*said.reactions] == ["party_parrot"]


def test_reactions_on_a_message_are_limited(office: Office, client: WebClient) -> None:
    said = office.slack.say(office.room, office.ann, "hello")
    for number in range(24):
        office.slack.add_emoji(f"e{number}", "https://emoji.example/e.png")
    for number in range(23):
        client.reactions_add(channel=office.room.id, timestamp=said.ts, name=f"e{number}")

    add = client.reactions_add
    assert refusal(add, channel=office.room.id, timestamp=said.ts, name="e23") == "too_many_reactions"


def test_a_link_to_a_message(office: Office, client: WebClient) -> None:
    said = office.slack.say(office.room, office.ann, "hello")

    link = client.chat_getPermalink(channel=office.room.id, message_ts=said.ts)["permalink"]

    assert link == f"https://acme.slack.com/archives/{office.room.id}/p{said.ts.replace('.', '')}"
