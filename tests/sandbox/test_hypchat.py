"""The sandbox as HypChat sees it: a client of HipChat's API that was written against HipChat, not by us.

HypChat 0.21 is of January 2016. It needs no patch on today's Python, but HTTPS: it knows rooms, users
and histories by addresses that start with https://.
"""

import warnings
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.records import SCOPES
from sandbox.server import SandboxServer

with warnings.catch_warnings():
    # One of its regular expressions is no raw string. Python says so whenever it compiles the module.
    warnings.simplefilter("ignore", SyntaxWarning)
    warnings.simplefilter("ignore", DeprecationWarning)
    import hypchat
    from hypchat import requests as failures
    from hypchat import restobject


@pytest.fixture(scope="module")
def secure(certificate):
    with SandboxServer(certificate=(str(certificate), str(certificate))) as server:
        yield server


@pytest.fixture
def world(secure):
    secure.world.reset()
    secure.world.set_limits(requests=100, sends=30)
    return secure.world


@pytest.fixture
def connect(secure, certificate):
    """Sign in as somebody with these scopes; all there are, if none are given."""
    clients = []

    def connect(user, *scopes):
        token = secure.world.create_token(user.id, scopes or SCOPES).token
        clients.append(hypchat.HypChat(token, endpoint=secure.url, verify=str(certificate)))
        return clients[-1]

    yield connect
    for client in clients:
        client._requests.close()


@pytest.fixture
def ann(world):
    return world.user_named("Ann Lee")


@pytest.fixture
def bo(world):
    return world.user_named("Bo Ray")


@pytest.fixture
def client(connect, ann):
    return connect(ann)


@pytest.fixture
def room(client):
    return client.get_room("Support")


def texts(history):
    return [item["message"] for item in history["items"]]


def test_server_tells_what_it_is(client, secure):
    assert client.capabilities()["links"]["api"] == f"{secure.url}/v2"


def test_rooms_are_listed_over_several_pages(client, world, ann):
    for number in range(5):
        world.create_room(ann.id, f"Room {number}")

    found = client.rooms(max_results=3)

    assert isinstance(found, restobject.RoomCollection)
    names = [room.name for room in found.contents()]
    assert names == [room.name for room in world.rooms.open_to(ann)]
    assert len(names) == 8


def test_expanded_rooms_have_topics_and_dates(client):
    (support,) = [room for room in client.rooms(expand="items").contents() if room.name == "Support"]
    assert support["topic"] == "Questions from customers"  # .topic sets one
    assert support.created.utcoffset() == timedelta(0)
    assert support.last_active is None


@pytest.mark.parametrize("key", ["Globex project", "globex%20PROJECT"])
def test_room_is_found_by_name_and_by_id(client, key):
    room = client.get_room(key)
    assert isinstance(room, restobject.Room)
    assert (room.privacy, room.owner.name) == ("private", "Ann Lee")
    assert client.get_room(room.id) == room


def test_expanded_room_has_people_in_full(client):
    room = client.get_room("Support", expand=["participants", "owner"])
    assert room["participants"][0].email == "ann@group77.example.com"  # .participants fetches them
    assert isinstance(room.owner, restobject.User)
    assert room.owner.title == "Support"


def test_message_is_sent_and_read_in_every_way(room, ann):
    started = datetime.now(UTC)
    for text in ("first", "second 😀", "third"):
        room.message(text)

    recent, latest = room.history(), room.latest()

    assert isinstance(recent, restobject.HistoryCollection)
    assert texts(recent) == texts(latest) == ["first", "second 😀", "third"]
    assert started <= recent["items"][0]["date"] <= datetime.now(UTC)
    assert isinstance(recent["items"][0]["from"], restobject.User)
    assert recent["items"][0]["from"]["id"] == ann.id
    assert texts(room.latest(not_before=latest["items"][1]["id"])) == ["second 😀", "third"]
    assert texts(room.latest(maxResults=1)) == ["third"]


def test_history_is_walked_backwards_page_by_page(room, world, ann):
    for number in range(7):
        world.post_message(room.id, ann.id, str(number))

    found = room.history(date=datetime.now(UTC) + timedelta(days=1), maxResults=3)

    pages = [found]
    while hasattr(pages[-1], "next"):
        pages.append(pages[-1].next())
    assert [texts(page) for page in pages] == [["4", "5", "6"], ["1", "2", "3"], ["0"]]


def test_notifications_choose_their_format_by_themselves(room):
    room.notification("<b>Built</b>", color="green")
    room.notification("Broken @Bo ", color="red", notify=True)

    built, broken = room.latest()["items"]

    assert (built["from"], built["color"], built["message_format"]) == ("Ann Lee", "green", "html")
    assert (broken["color"], broken["message_format"]) == ("red", "text")
    assert [user["name"] for user in broken["mentions"]] == ["Bo Ray"]


def test_reply_names_its_parent(room, world):
    room.message("question")
    room.reply("answer", room.latest()["items"][0]["id"])
    assert texts(room.latest()) == ["question", "answer"]
    with pytest.raises(failures.HttpBadRequest):
        room.reply("answer", "nothing")


def test_topic_is_set(room, client):
    room.topic("New topic")
    assert client.get_room("Support")["topic"] == "New topic"


def test_webhook_is_made_called_and_removed(room, receiver):
    made = room.create_webhook(receiver.url, "room_message", pattern="^go", name="starter")
    room.message("stay")
    room.message("go now")

    payload = receiver.next()

    assert payload["item"]["message"]["message"] == "go now"
    assert payload["webhook_id"] == made["id"]
    (listed,) = room.webhooks().contents()
    assert isinstance(listed, restobject.Webhook)
    assert (listed.name, listed.pattern) == ("starter", "^go")
    listed.delete()
    assert list(room.webhooks().contents()) == []


def test_webhook_without_a_name_and_a_pattern_is_taken(room, receiver):
    room.create_webhook(receiver.url, "room_notification")  # sends both as null
    room.notification("hi")
    assert receiver.next()["item"]["message"]["message"] == "hi"


def test_users_are_listed_found_and_written_to(client, connect, bo):
    found = client.users()
    assert isinstance(found, restobject.UserCollection)
    assert [user.name for user in found.contents()][:2] == ["Ann Lee", "Bo Ray"]
    for key in ("@bo", bo.email, bo.id):
        user = client.get_user(key)
        assert (user.id, user.created.utcoffset()) == (bo.id, timedelta(0))
        assert user.last_active.utcoffset() == timedelta(0)
    user.message("psst", notify=True)
    assert texts(user.history()) == ["psst"]
    assert texts(connect(bo).get_user("@ann").history()) == ["psst"]


def test_guests_are_listed_on_request(client, world):
    world.create_user(77, "Gil", is_guest=True)
    assert "Gil" not in [user.name for user in client.users().contents()]
    (guest,) = [user for user in client.users(guests=True).contents() if user.name == "Gil"]
    assert guest.mention_name == "GilGuest"
    with pytest.raises(failures.HttpNotFound):
        client.get_user(guest.id)


def test_room_is_made_filled_changed_and_deleted(client, ann, bo):
    made = client.create_room("Plans", owner=None, privacy="private", guest_access=False)
    room = client.get_room(made["id"])
    members = room.members()
    assert isinstance(members, restobject.MemberCollection)
    members.add({"id": bo.id})
    assert [user.name for user in room.members().contents()] == ["Ann Lee", "Bo Ray"]
    members.remove({"id": bo.id})
    room.invite({"id": bo.id}, "Have a look")
    room["topic"], room["is_guest_accessible"] = "All of them", True
    room.save()
    changed = client.get_room("Plans")
    assert (changed["topic"], changed.is_guest_accessible) == ("All of them", True)
    room.delete()
    with pytest.raises(failures.HttpNotFound):
        client.get_room("Plans")


def test_statistics_count_what_was_said(client, room):
    room.message("one")
    told = client.fromurl(room.statistics.url)
    assert told["messages_sent"] == 1
    assert client.get_room("Support", expand="statistics").statistics["messages_sent"] == 1


def test_emoticons_are_listed_and_found(client):
    shortcuts = [emoticon.shortcut for emoticon in client.emoticons(max_results=50).contents()]
    assert (len(shortcuts), shortcuts[0], shortcuts[-1]) == (len(set(shortcuts)), "allthethings", "zzz")
    assert client.get_emoticon("heart").shortcut == "heart"


def test_refusals_are_those_it_knows(client, connect, ann, world):
    with pytest.raises(failures.HttpNotFound, match="Room nope not found"):
        client.get_room("nope")
    with pytest.raises(failures.HttpForbidden, match=r"\[u'view_group', u'view_room'\]"):
        connect(ann, "send_message").rooms()
    stranger = connect(ann)
    world.revoke_token(world.tokens.of_user(ann.id)[0].token)
    with pytest.raises(failures.HttpUnauthorized, match="Invalid OAuth session"):
        stranger.rooms()


def test_rate_limit_is_waited_for(client, world, monkeypatch):
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        world.advance_clock(seconds + 1)

    monkeypatch.setattr(hypchat.time, "sleep", sleep)
    world.set_limits(requests=1)
    client.rooms()
    with pytest.warns(hypchat.RateLimitWarning):
        client.rooms()
    assert [round(wait, -1) for wait in waits] == [300]


def test_flood_control_is_told_from_the_rate_limit(room, world):
    world.set_limits(sends=1)
    room.message("one")
    with pytest.raises(failures.HttpTooManyRequests) as refused:
        room.message("two")
    headers = refused.value.response.headers
    assert (headers["X-FloodControl-Remaining"], int(headers["X-Ratelimit-Remaining"]) > 0) == ("0", True)
