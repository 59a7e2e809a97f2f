"""Channels: listed, entered where somebody asks for one, and what becomes of them."""

import pytest
from django.core.cache import cache

from connectors.errors import RoomGone
from connectors.slack import client
from connectors.slack.connector import SlackConnector
from tests.connectors.slack.harness import SlackHarness
from tests.fakeslack.receiver import receiving


def named(connector):
    return sorted(info.name for info in connector.list_rooms())


def test_public_channels_and_private_ones_of_the_app_are_listed(connector, harness):
    harness.slack.channel("open", harness.person)
    harness.slack.channel("closed", harness.person, is_private=True)
    harness.another("ours", is_private=True)
    harness.slack.archive(harness.another("old"))

    assert named(connector) == ["contract", "open", "ours"]
    assert {info.name: info.is_private for info in connector.list_rooms()}["ours"] is True


def test_listing_goes_on_page_by_page(connector, harness, monkeypatch):
    monkeypatch.setattr(client, "LISTED", 3)
    names = sorted(harness.another(f"room-{number}").name for number in range(10))

    assert named(connector) == sorted(["contract", *names])


def test_public_channel_is_entered_when_it_is_asked_for(connector, harness):
    channel = harness.slack.channel("open", harness.person)

    info = connector.room(channel.id)

    assert (info.id, info.name) == (channel.id, "open")
    assert harness.bot.user in channel.members


def test_without_the_scope_public_channels_are_not_entered(harness: SlackHarness):
    scopes = [one for one in harness.app.scopes if one != "channels:join"]
    few = harness.slack.install(harness.slack.app("Less"), scopes=scopes)
    connector = SlackConnector(harness.login_of(few))

    assert named(connector) == []
    with pytest.raises(RoomGone, match="/invite @Sameroom"):
        connector.room(harness.room)


def test_private_channel_of_others_is_gone_for_us(connector, harness):
    channel = harness.slack.channel("closed", harness.person, is_private=True)

    with pytest.raises(RoomGone, match="no such channel"):
        connector.room(channel.id)


def test_archived_channel_says_so_and_renamed_one_has_its_new_name(connector, harness):
    harness.slack.rename(harness.channel, "renamed")
    harness.slack.archive(harness.channel)

    info = connector.room(harness.room)
    assert (info.name, info.is_archived) == ("renamed", True)


def test_deleted_channel_is_gone(connector, harness):
    harness.slack.delete_channel(harness.channel)

    for look in (connector.room, connector.recent, lambda room: connector.read_after(room, None)):
        with pytest.raises(RoomGone, match="no such channel"):
            look(harness.room)


def test_where_the_app_was_put_out_it_does_not_come_back_by_itself(connector, harness):
    harness.slack.leave(harness.channel, harness.bot)
    with pytest.raises(RoomGone):
        connector.read_after(harness.room, None)

    with pytest.raises(RoomGone, match="/invite @Sameroom"):
        connector.room(harness.room)

    assert harness.bot.user not in harness.channel.members
    cache.clear()
    assert connector.room(harness.room).id == harness.room


def test_channel_shared_with_another_workspace_is_one_room_with_one_id(connector, harness):
    other = harness.slack.workspace("Globex")
    guest = harness.slack.person("eve", team=other, display_name="Eve")
    harness.slack.connect(harness.channel, other)
    harness.slack.join(harness.channel, guest)
    theirs = harness.slack.install(harness.slack.app("Theirs"), team=other)
    harness.slack.join(harness.channel, theirs.bot)
    twin = SlackConnector(harness.login_of(theirs))
    harness.slack.say(harness.channel, guest, "hello from outside")

    assert connector.verify().space == twin.verify().space
    assert connector.verify().team_id != twin.verify().team_id
    assert harness.room in [info.id for info in twin.list_rooms()]
    assert connector.newest(harness.room) == twin.newest(harness.room)
    said = [event for event in connector.read_after(harness.room, None).events if not event.is_presence]
    assert [event.author.name for event in said] == ["Eve"]


def test_file_in_a_shared_channel_is_asked_for(connector, harness):
    harness.slack.connect(harness.channel, harness.slack.workspace("Globex"))
    connector.refresh_people()
    with receiving() as receiver:
        harness.slack.listen(harness.app, receiver.url)
        harness.slack.upload(harness.channel, harness.person, "plan.pdf", b"%PDF", "the plan")
        [request] = receiver.of_type("message")
        push = connector.receive(request.headers, request.body)

    assert (list(push.events), list(push.rooms)) == ([], [harness.room])
    [event] = connector.read_after(harness.room, None).events
    assert [(file.name, file.size) for file in event.attachments] == [("plan.pdf", 4)]
    [asked] = connector._history.events([request.event])
    assert [(file.name, file.size) for file in asked.attachments] == [("plan.pdf", 4)]
