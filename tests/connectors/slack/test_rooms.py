"""Channels: listed, entered where somebody asks for one, and what becomes of them."""

import io

import pytest
from django.core.cache import cache

from connectors.base import OutgoingMessage
from connectors.budget import Limit
from connectors.errors import FileGone, RetryLater, RoomGone
from connectors.markup import plain
from connectors.slack import client, pace
from connectors.slack.connector import SlackConnector
from tests.connectors.slack.harness import SlackHarness
from tests.fakeslack.receiver import receiving
from tests.waiting import PATIENCE


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


def test_look_at_a_channel_that_fails_is_taken_again(connector, harness):
    harness.slack.archive(harness.channel)
    connector.rooms.look_again(harness.room)
    harness.slack.fault("status", on="conversations.info", count=1, status=503)

    with pytest.raises(RetryLater):
        connector.read_after(harness.room, None)
    with pytest.raises(RoomGone, match="archived"):
        connector.read_after(harness.room, None)


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


def test_post_of_our_account_in_another_workspace_is_known_as_its(connector, harness):
    other = harness.slack.workspace("Globex")
    harness.slack.connect(harness.channel, other)
    theirs = harness.slack.install(harness.slack.app("Theirs"), team=other)
    harness.slack.join(harness.channel, theirs.bot)
    twin = SlackConnector(harness.login_of(theirs))
    harness.slack.post(harness.channel, theirs.bot.user, "before")
    connector.read_after(harness.room, None)  # nobody tells whose it is

    twin.send(harness.room, OutgoingMessage("x", plain.parse("x"), sender_name="Ann"))

    event = connector.read_after(harness.room, None).events[-1]
    assert (event.author.id, event.author.name) == (theirs.bot.user.id, "Ann")


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


def test_file_of_a_message_that_is_forwarded_crosses_with_it(connector, harness):
    harness.slack.upload(harness.channel, harness.person, "plan.pdf", b"%PDF", "the plan")
    [file] = harness.slack.history(harness.channel)[-1].files
    known = {"id": file.id, "name": "plan.pdf", "size": 4}
    told = {"type": "message", "user": harness.person.id, "text": ""}

    events = connector._history.events(
        [
            {**told, "ts": ts, "attachments": [{"is_share": True, "author_name": "Bob", "files": [one]}]}
            for ts, one in [
                ("1700000000.000100", known),
                ("1700000000.000200", {"id": file.id, "file_access": "check_file_info"}),
            ]
        ]
    )

    assert [plain.render(event.body) for event in events] == ["> Bob:", "> Bob:"]
    files = [(file.name, file.size, file.reference) for event in events for file in event.attachments]
    assert files == [("plan.pdf", 4, file.id)] * 2


def test_file_that_a_login_may_not_ask_for_ends_no_login(connector, harness):
    harness.slack.connect(harness.channel, harness.slack.workspace("Globex"))
    harness.slack.upload(harness.channel, harness.person, "plan.pdf", b"%PDF", "the plan")
    harness.slack.fault("error", on="files.info", error="missing_scope")

    [event] = connector.read_after(harness.room, None).events

    assert plain.render(event.body) == "the plan"
    with pytest.raises(FileGone, match="files:read"):
        connector.fetch(event.attachments[0], io.BytesIO(), most=100, deadline=PATIENCE)


def test_people_of_a_large_workspace_are_listed_in_turns(connector, harness, monkeypatch):
    monkeypatch.setattr(client, "LISTED", 2)
    monkeypatch.setitem(pace.TIERS, "users.list", Limit(4, 3600.0))  # a minute may end during the test
    ids = [harness.slack.person(f"p{number}").id for number in range(7)]
    harness.slack.add_emoji("yes", "alias:thumbsup")

    with pytest.raises(RetryLater, match="used up"):
        connector.refresh_people()
    asked = harness.slack.core.called.count(("users.list", ""))
    first = connector.directory.known(ids).found
    monkeypatch.setitem(pace.TIERS, "users.list", Limit(100, 3600.0))
    connector.refresh_people()

    assert 0 < len(first) < 7
    assert connector.reader.emoji("yes") == "👍"
    assert set(connector.directory.known(ids).found) == set(ids)
    everybody = harness.slack.core.called.count(("users.list", ""))
    connector.refresh_people()
    assert harness.slack.core.called.count(("users.list", "")) - everybody == everybody  # from the beginning
    assert asked > 0


def test_people_are_listed_though_emoji_are_not_told(connector, harness):
    harness.slack.fault("status", on="emoji.list", count=1, status=503)

    connector.refresh_people()

    assert harness.person.id in connector.directory.known([harness.person.id]).found
