"""What takes several requests has one deadline for all of them."""

import time

import pytest

from connectors.base import Login, MessageId, OutgoingMessage, UserId
from connectors.errors import MessageRejected, RetryLater
from connectors.matrix import ghosts, memory
from connectors.matrix.connector import MatrixConnector
from sameroom import clock
from tests.connectors.matrix.fake import fake
from tests.connectors.matrix.test_scripted import ME, ROOM, TOKEN


@pytest.fixture
def server():
    memory.forget()
    ghosts.forget()
    with fake() as started:
        yield started


@pytest.fixture
def connector(server):
    return MatrixConnector(Login(server.url, {"token": TOKEN}, UserId(ME)))


def slowly(answered, seconds=0.3):
    def rule(asked):
        time.sleep(seconds)
        return answered

    return rule


def test_taking_back_a_reaction_keeps_one_deadline_for_all_its_requests(server, connector, monkeypatch):
    where = f"/rooms/{ROOM}/relations/$1/m.annotation/m.reaction"
    server.on("GET", where, slowly((200, {"chunk": [], "next_batch": "on"})))
    monkeypatch.setattr(
        connector,
        "capabilities",
        connector.capabilities.__class__(max_text_length=1, limit=None, send_deadline=0.7),
    )
    started = time.monotonic()

    with pytest.raises(RetryLater):
        connector.react(ROOM, MessageId("$1"), "👍", add=False)

    assert time.monotonic() - started < 2
    assert len(server.calls(where)) < 5


def test_ghost_that_takes_long_to_enter_posts_nothing_after_its_turn(server):
    credentials = {"token": TOKEN, "service_token": "as", "ghosts": "sameroom_"}
    connector = MatrixConnector(Login(server.url, credentials, UserId(ME)))
    for method, path in (("POST", "/register"), ("PUT", "/profile/*"), ("POST", "/join/*")):
        server.on(method, path, slowly((200, {}), 0.4))
    started = clock.monotonic()

    with pytest.raises(RetryLater):
        connector.send(ROOM, OutgoingMessage("hi", sender_name="Bob", not_after=started + 0.7))
    server.on("GET", f"/rooms/{ROOM}/event/$1", slowly((200, {}), 0.8))
    with pytest.raises(RetryLater):
        connector.edit(ROOM, MessageId("$1"), OutgoingMessage("hi", not_after=clock.monotonic() + 0.3))

    assert clock.monotonic() - started < 4
    assert not [call for call in server.asked if "/send/" in call.path]


def test_room_that_was_made_and_is_encrypted_is_refused_also_where_it_cannot_be_left(server, connector):
    state = [{"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "x"}}]
    joined = {"join": {ROOM: {"state": {"events": state}}}}
    server.on("POST", "/createRoom", (200, {"room_id": ROOM}))
    server.on("GET", "/sync", (200, {"next_batch": "s1", "rooms": joined}))
    server.on("POST", f"/rooms/{ROOM}/leave", (502, {}))

    with pytest.raises(MessageRejected, match="encrypted"):
        connector.create_room("Club")
