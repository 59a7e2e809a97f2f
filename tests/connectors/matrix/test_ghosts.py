"""Application-service mode at a real homeserver: each author posts under a user of their own."""

import json

import pytest

from connectors.base import Login, OutgoingMessage, RoomId, Support, UserId
from connectors.matrix import ghosts, memory
from connectors.matrix.connector import MatrixConnector
from connectors.matrix.forms import MatrixCredentialsForm
from tests.connectors.harness import read
from tests.connectors.matrix.fake import fake
from tests.connectors.matrix.harness import MARKS
from tests.homeserver import homeserver

pytestmark = [*MARKS]
AS_TOKEN = "as-token-of-the-tests"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    registration = {
        "id": "sameroom",
        "url": None,
        "as_token": AS_TOKEN,
        "hs_token": "hs-token-of-the-tests",
        "sender_localpart": "sameroom",
        "rate_limited": False,
        "namespaces": {"users": [{"exclusive": True, "regex": "@sameroom_.*:localhost"}]},
    }
    path = tmp_path_factory.mktemp("as") / "registration.yaml"
    path.write_text(json.dumps(registration))
    with homeserver(app_service_config_files=[str(path)]) as started:
        yield started


@pytest.fixture
def bot(server):
    return server.person("relay", display_name="Sameroom Bot")


@pytest.fixture
def connector(server, bot):
    memory.forget()
    ghosts.forget()
    credentials = {"token": bot.token, "service_token": AS_TOKEN, "ghosts": "sameroom_"}
    return MatrixConnector(Login(server.url, credentials, UserId(bot.id)))


@pytest.fixture
def ann(server):
    return server.person("ann", display_name="Ann")


@pytest.fixture
def room(connector, ann, bot):
    made = ann.make_room(preset="private_chat", name="Club", invite=[bot.id])
    return connector.room(RoomId(made)).id  # accepts the invitation


def post(connector, room, text, name="Bob Lee", **more):
    return connector.send(room, OutgoingMessage(text, sender_name=name, **more))


def sender_of(ann, room, event):
    return ann.ask("GET", "rooms", room, "event", event)["sender"]


def test_each_name_is_a_user_with_that_name(connector, ann, room):
    one, two = post(connector, room, "hi"), post(connector, room, "hello", "Zoë")
    again = post(connector, room, "more")

    senders = [sender_of(ann, room, event) for event in (one, two, again)]

    assert senders[0] == senders[2] != senders[1]
    assert senders[0].startswith("@sameroom_bob-lee-")
    names = [ann.ask("GET", "profile", sender)["displayname"] for sender in senders]
    assert names == ["Bob Lee", "Zoë", "Bob Lee"]


def test_what_ghosts_say_is_known_as_ours(connector, ann, bot, room):
    place = read(connector, room).place
    sent = post(connector, room, "hi")
    ann.say(room, "hello")

    events = read(connector, room, place, expected=2).events

    assert [(event.id == sent, event.author.id) for event in events] == [(True, bot.id), (False, ann.id)]
    assert [event.author.id for event in connector.recent(room).events] == [bot.id, ann.id]


def test_ghost_changes_and_takes_back_what_it_posted(connector, ann, room):
    sent = post(connector, room, "one")

    connector.edit(room, sent, OutgoingMessage("two", sender_name="Bob Lee"))
    edit = ann.history(room)[-1]
    connector.delete(room, sent)

    assert (edit["sender"], edit["content"]["m.new_content"]["body"]) == (sender_of(ann, room, sent), "two")
    assert ann.ask("GET", "rooms", room, "event", sent)["content"] == {}


def test_ghost_that_was_put_out_comes_back(connector, ann, room):
    sent = post(connector, room, "one")
    ann.ask("POST", "rooms", room, "kick", body={"user_id": sender_of(ann, room, sent)})

    post(connector, room, "two")

    said = [event["content"]["body"] for event in ann.history(room) if event["type"] == "m.room.message"]
    assert said == ["one", "two"]


def test_notice_without_a_name_is_the_linked_users(connector, ann, bot, room):
    assert sender_of(ann, room, post(connector, room, "All is well.", name="")) == bot.id


def test_picture_is_taken_along_once(connector, ann, room):
    with fake() as web:
        web.on("GET", "/ann.png", (200, b"picture"))
        sent = post(connector, room, "hi", "Eve", sender_avatar_url=f"{web.url}/ann.png")
        post(connector, room, "hi", "Eve", sender_avatar_url=f"{web.url}/ann.png")
        post(connector, room, "hi", "Mallory", sender_avatar_url=f"{web.url}/gone.png")

        assert [one.path for one in web.asked] == ["/ann.png", "/gone.png"]
    address = ann.ask("GET", "profile", sender_of(ann, room, sent))["avatar_url"]
    assert address.startswith("mxc://localhost/")


def test_form_tries_the_prefix(server, bot):
    def form(**data):
        given = {"server": server.url, "token": bot.token, "service_token": AS_TOKEN, **data}
        return MatrixCredentialsForm(given, connector_class=MatrixConnector)

    good, foreign, odd, half = (form(ghosts=prefix) for prefix in ("sameroom_", "other_", "Same Room", ""))

    assert good.is_valid()
    assert good.secrets() == {"token": bot.token, "service_token": AS_TOKEN, "ghosts": "sameroom_"}
    assert not foreign.is_valid()
    assert "may make no user called other_sameroom-" in str(foreign.errors)
    assert not odd.is_valid()
    assert "small letters" in str(odd.errors["ghosts"])
    assert not half.is_valid()
    assert "needs both" in str(half.errors)


def test_claims_are_those_of_the_mode(connector, bot, server):
    alone = MatrixConnector(Login(server.url, {"token": bot.token}, UserId(bot.id)))

    assert (connector.capabilities.sender_override, connector.capabilities.idempotency_life) == (
        Support.NATIVE,
        0.0,
    )
    assert alone.capabilities.sender_override is Support.NONE
