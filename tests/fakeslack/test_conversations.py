"""Channels, their members and what was said there, as slack-sdk meets them."""

from __future__ import annotations

import pytest
from slack_sdk import WebClient

from tests.fakeslack.asking import refusal
from tests.fakeslack.conftest import Office


def names(pages: object) -> list[list[str]]:
    return [[one["name"] for one in page["channels"]] for page in pages]  # type: ignore[attr-defined]


def test_channels_come_in_pages(office: Office, client: WebClient) -> None:
    for number in range(4):
        office.slack.channel(f"c{number}")

    assert names(client.conversations_list(limit=2)) == [["talk", "c0"], ["c1", "c2"], ["c3"]]


def test_a_cursor_of_something_else_is_refused(office: Office, client: WebClient) -> None:
    office.slack.channel("more")
    cursor = client.conversations_list(limit=1)["response_metadata"]["next_cursor"]

    assert refusal(client.users_list, limit=1, cursor=cursor) == "invalid_cursor"
    assert refusal(client.conversations_list, cursor="rubbish") == "invalid_cursor"


def test_who_sees_which_channels(office: Office, client: WebClient) -> None:
    office.slack.channel("secret", office.ann, is_private=True)
    office.slack.channel("ours", office.ann, office.bot, is_private=True)
    gone = office.slack.channel("gone", office.ann)
    office.slack.archive(gone)
    elsewhere = office.slack.workspace("Other")
    office.slack.channel("theirs", office.slack.person("zoe", team=elsewhere), team=elsewhere)

    both = "public_channel,private_channel"
    assert names([client.conversations_list(types=both)]) == [["talk", "ours", "gone"]]
    assert names([client.conversations_list(types=both, exclude_archived=True)]) == [["talk", "ours"]]
    assert names([client.users_conversations(types=both)]) == [["talk", "ours"]]
    assert refusal(client.conversations_list, types="public") == "invalid_types"


def test_what_a_channel_is(office: Office, client: WebClient) -> None:
    office.slack.set_topic(office.room, "weather")
    other = office.slack.channel("other", office.ann, is_private=True)

    told = client.conversations_info(channel=office.room.id, include_num_members=True)["channel"]

    assert (told["name"], told["is_member"], told["num_members"]) == ("talk", True, 3)
    assert (told["is_private"], told["is_archived"], told["topic"]["value"]) == (False, False, "weather")
    assert refusal(client.conversations_info, channel=other.id) == "channel_not_found"


def test_a_shared_channel(office: Office, client: WebClient) -> None:
    other = office.slack.workspace("Other")
    zoe = office.slack.person("zoe", team=other)
    office.slack.connect(office.room, other)
    office.slack.join(office.room, zoe)

    told = client.conversations_info(channel=office.room.id)["channel"]

    assert (told["is_ext_shared"], told["connected_team_ids"]) == (True, [other.id])
    assert client.users_info(user=zoe.id)["user"]["is_stranger"] is True
    assert zoe.id not in [one["id"] for one in client.users_list()["members"]]


def test_members_come_in_pages(office: Office, client: WebClient) -> None:
    pages = client.conversations_members(channel=office.room.id, limit=2)

    assert [page["members"] for page in pages] == [[office.ann.id, office.bob.id], [office.bot.user.id]]


def test_joining(office: Office, client: WebClient) -> None:
    public, private = (
        office.slack.channel("open", office.ann),
        office.slack.channel("x", office.bot, is_private=True),
    )
    old = office.slack.channel("old", office.ann)
    office.slack.archive(old)

    assert client.conversations_join(channel=public.id)["channel"]["is_member"] is True
    again = client.conversations_join(channel=public.id)
    assert again["response_metadata"]["warnings"] == ["already_in_channel"]
    assert public.members == [office.ann, office.bot.user]
    assert refusal(client.conversations_join, channel=old.id) == "is_archived"
    assert refusal(client.conversations_join, channel=private.id) == "method_not_supported_for_channel_type"


def test_history_comes_newest_first_in_pages(office: Office, client: WebClient) -> None:
    for number in range(5):
        office.slack.say(office.room, office.ann, str(number))

    pages = client.conversations_history(channel=office.room.id, limit=2)

    assert [[one["text"] for one in page["messages"]] for page in pages] == [["4", "3"], ["2", "1"], ["0"]]


@pytest.mark.parametrize(
    ("forward", "expected"), [(False, ["4", "3", "2", "1"]), (True, ["2", "1", "4", "3"])]
)
def test_history_after_a_message(
    office: Office, client: WebClient, forward: bool, expected: list[str]
) -> None:
    office.slack.core.world.pages_forward = forward
    said = [office.slack.say(office.room, office.ann, str(number)) for number in range(5)]

    pages = client.conversations_history(channel=office.room.id, oldest=said[0].ts, limit=2)

    assert [one["text"] for page in pages for one in page["messages"]] == expected


def test_ranges_of_history(office: Office, client: WebClient) -> None:
    said = [office.slack.say(office.room, office.ann, str(number)) for number in range(4)]
    ends = {"channel": office.room.id, "oldest": said[0].ts, "latest": said[3].ts}

    assert [one["text"] for one in client.conversations_history(**ends)["messages"]] == ["2", "1"]
    inclusive = client.conversations_history(**ends, inclusive=True)["messages"]
    assert [one["text"] for one in inclusive] == ["3", "2", "1", "0"]
    assert refusal(client.conversations_history, channel=office.room.id, oldest="noon") == "invalid_ts_oldest"
    assert refusal(client.conversations_history, channel=office.room.id, latest="now") == "invalid_ts_latest"


def test_history_is_for_members(office: Office, client: WebClient) -> None:
    public, secret = (
        office.slack.channel("open", office.ann),
        office.slack.channel("s", office.ann, is_private=True),
    )

    assert refusal(client.conversations_history, channel=public.id) == "not_in_channel"
    assert refusal(client.conversations_history, channel=secret.id) == "channel_not_found"


def test_replies_come_in_pages(office: Office, client: WebClient) -> None:
    parent = office.slack.say(office.room, office.ann, "parent")
    for number in range(4):
        office.slack.reply(parent, office.bob, str(number))

    pages = client.conversations_replies(channel=office.room.id, ts=parent.ts, limit=3)

    assert [[one["text"] for one in page["messages"]] for page in pages] == [["parent", "0", "1"], ["2", "3"]]
    assert refusal(client.conversations_replies, channel=office.room.id, ts="1.000001") == "thread_not_found"


def test_replies_after_one_still_begin_with_the_parent(office: Office, client: WebClient) -> None:
    parent = office.slack.say(office.room, office.ann, "parent")
    replies = [office.slack.reply(parent, office.bob, str(number)) for number in range(3)]

    told = client.conversations_replies(channel=office.room.id, ts=parent.ts, oldest=replies[1].ts)

    assert [one["text"] for one in told["messages"]] == ["parent", "2"]


def test_leaving_and_making_channels(office: Office) -> None:
    scopes = ["channels:manage", "channels:read", "groups:write", "groups:read"]
    client = office.client(
        office.slack.install(office.slack.app("Maker"), by=office.ann, scopes=scopes).value
    )

    made = client.conversations_create(name="new-room")["channel"]

    assert (made["name"], made["is_member"]) == ("new-room", True)
    assert refusal(client.conversations_create, name="new-room") == "name_taken"
    assert refusal(client.conversations_create, name="New Room") == "invalid_name_specials"
    assert client.conversations_create(name="hidden", is_private=True)["channel"]["is_private"] is True
    client.conversations_leave(channel=made["id"])
    assert client.conversations_leave(channel=made["id"])["not_in_channel"] is True
