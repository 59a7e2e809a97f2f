"""Upgraded rooms are followed, where old and new name each other; and what goes wrong on the way."""

import asyncio
import time
from contextlib import aclosing

import pytest

from connectors.base import Batch, Login, OutgoingMessage, RoomId, UserId
from connectors.errors import DeliveryUnknown, MessageRejected, RetryLater, RoomGone
from connectors.matrix import client, memory
from connectors.matrix.connector import MatrixConnector
from connectors.matrix.refusals import ENCRYPTED
from connectors.matrix.upgrades import BEING_UPGRADED, upgraded
from sameroom import clock
from tests import loops
from tests.connectors.matrix.fake import fake
from tests.waiting import PATIENCE

OLD, NEW = RoomId("!old:example.org"), RoomId("!new:example.org")
TOMBSTONE = {
    "event_id": "$2",
    "type": "m.room.tombstone",
    "state_key": "",
    "sender": "@ann:far.example",
    "origin_server_ts": 1,
    "content": {"replacement_room": NEW},
}
SAID = {
    "event_id": "$1",
    "type": "m.room.message",
    "sender": "@ann:far.example",
    "origin_server_ts": 1,
    "content": {"msgtype": "m.text", "body": "last words"},
}
NOT_ALLOWED = (403, {"errcode": "M_FORBIDDEN"})
IS_NEXT = (200, {"predecessor": {"room_id": OLD}})
CREATED = f"/rooms/{NEW}/state/m.room.create/"


@pytest.fixture
def server():
    memory.forget()
    with fake() as started:
        started.on("POST", f"/join/{NEW}", (200, {"room_id": NEW}))
        started.on("GET", CREATED, IS_NEXT)
        yield started


@pytest.fixture
def connector(server):
    return MatrixConnector(Login(server.url, {"token": "syt_s3cret"}, UserId("@me:example.org")))


def synced(token, room, *events, state=()):
    described = {"timeline": {"events": list(events)}, "state": {"events": list(state)}}
    return (200, {"next_batch": token, "rooms": {"join": {room: described}}})


async def first_batch(connector) -> Batch:
    async with asyncio.timeout(PATIENCE), aclosing(connector.stream("s0", lambda: [OLD])) as stream:
        return await anext(stream)


def streamed(connector) -> Batch:
    return loops.run(first_batch(connector))


@pytest.mark.parametrize("is_state", [True, False])
def test_stream_enters_the_new_room_by_way_of_who_made_it(server, connector, is_state):
    told = synced("s1", OLD, state=[TOMBSTONE]) if is_state else synced("s1", OLD, SAID, TOMBSTONE)
    server.in_turn("GET", "/sync", told)

    batch = streamed(connector)

    assert (batch.moved, batch.lost, batch.token) == ({OLD: NEW}, {}, "s1")
    assert [event.id for _, event in batch.events] == ([] if is_state else ["$1"])
    [joined] = server.calls(f"/join/{NEW}")
    assert (joined.query["via"], joined.query["server_name"], joined.json) == (
        "far.example",
        "far.example",
        {},
    )


@pytest.mark.parametrize(
    "created",
    [(200, {}), (200, {"predecessor": {"room_id": "!other:x"}}), (200, {"predecessor": 7}), NOT_ALLOWED],
)
def test_tombstone_that_points_elsewhere_is_not_followed(server, connector, created):
    server.on("GET", CREATED, created)
    server.on("GET", "/sync", synced("s1", OLD, TOMBSTONE))

    batch = streamed(connector)

    assert (batch.moved, batch.lost) == ({}, {OLD: upgraded(NEW)})
    server.on("GET", "/sync", synced("s1", OLD, state=[TOMBSTONE]))
    with pytest.raises(RoomGone, match="was upgraded"):
        connector.room(OLD)


@pytest.mark.parametrize("named", [None, 7, "", "new", "#new:example.org", "!" + "x" * 255])
def test_tombstone_that_names_no_room_ends_none(server, connector, named):
    content = {"content": {"replacement_room": named}}
    server.in_turn("GET", "/sync", synced("s1", OLD, SAID, TOMBSTONE | content))

    batch = streamed(connector)

    assert (batch.moved, batch.lost, len(batch.events)) == ({}, {}, 1)


@pytest.mark.parametrize("answered", [NOT_ALLOWED, (502, {}), (404, {"errcode": "M_NOT_FOUND"})])
def test_new_room_that_cannot_be_entered_is_lost(server, connector, answered):
    server.on("POST", f"/join/{NEW}", answered)
    server.in_turn("GET", "/sync", synced("s1", OLD, TOMBSTONE))

    batch = streamed(connector)

    assert (batch.moved, batch.lost) == ({}, {OLD: upgraded(NEW)})


def test_limit_on_the_way_has_the_answer_told_again(server, connector):
    server.on("POST", f"/join/{NEW}", (429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 500}))
    server.in_turn("GET", "/sync", synced("s1", OLD, SAID, TOMBSTONE))

    with pytest.raises(RetryLater):
        streamed(connector)


def test_room_that_is_asked_for_is_the_one_it_goes_on_as(server, connector):
    wanted = iter([synced("s1", OLD, state=[TOMBSTONE]), synced("s2", NEW)])
    server.on("GET", "/sync", lambda asked: next(wanted))

    assert connector.room(OLD).id == NEW


def test_rooms_that_go_round_in_a_circle_end(server, connector):
    back = TOMBSTONE | {"content": {"replacement_room": OLD}}
    server.on("POST", f"/join/{OLD}", (200, {"room_id": OLD}))
    server.on("GET", f"/rooms/{OLD}/state/m.room.create/", (200, {"predecessor": {"room_id": NEW}}))
    both = {OLD: {"state": {"events": [TOMBSTONE]}}, NEW: {"state": {"events": [back]}}}
    server.on("GET", "/sync", (200, {"next_batch": "s1", "rooms": {"join": both}}))

    with pytest.raises(RoomGone, match="was upgraded"):
        connector.room(OLD)

    assert len(server.calls("/sync")) == 6


def test_send_into_a_room_that_is_being_upgraded_waits(server, connector):
    server.on("PUT", f"/rooms/{OLD}/send/*", NOT_ALLOWED)

    with pytest.raises(RoomGone):
        connector.send(OLD, OutgoingMessage("hi", idempotency_key="k"))
    server.on("GET", f"/rooms/{OLD}/state/m.room.tombstone/", (200, {"replacement_room": NEW}))
    with pytest.raises(RetryLater, match=BEING_UPGRADED) as waits:
        connector.send(OLD, OutgoingMessage("hi", idempotency_key="k"))

    assert waits.value.seconds == 2.0


# ------------------------------------------------------------------------------ entering and making


def test_entering_ends_in_time_at_a_server_that_hangs(server, connector, monkeypatch):
    server.on("POST", "/join/*", (200, {"room_id": NEW}))
    server.on("GET", "/sync", lambda asked: server.hang)
    began = time.monotonic()
    join, real, ahead = client.MatrixClient.join, clock.monotonic, [0.0]

    def join_slowly(asking, *given):
        joined = join(asking, *given)
        ahead[0] = asking._ends - real() - 0.9
        return joined

    monkeypatch.setattr(client.MatrixClient, "join", join_slowly)
    monkeypatch.setattr(clock, "monotonic", lambda: real() + ahead[0])

    with pytest.raises(RetryLater, match=r"did not answer within 0\.\d seconds"):
        connector.enter("#new:example.org")

    assert time.monotonic() - began < 3


def test_room_that_the_server_encrypts_is_left(server, connector):
    server.on("POST", "/createRoom", (200, {"room_id": NEW}))
    encryption = {
        "type": "m.room.encryption",
        "state_key": "",
        "content": {"algorithm": "m.megolm.v1.aes-sha2"},
    }
    server.on("GET", "/sync", synced("s1", NEW, state=[encryption]))
    server.on("POST", f"/rooms/{NEW}/leave", (200, {}))

    with pytest.raises(MessageRejected) as refused:
        connector.create_room("Club", ["@ann:example.org"])

    assert str(refused.value) == ENCRYPTED
    assert len(server.calls(f"/rooms/{NEW}/leave")) == 1


@pytest.mark.parametrize(
    ("answered", "error", "sentence"),
    [
        (NOT_ALLOWED, MessageRejected, r"Matrix did not make the room \(M_FORBIDDEN\)"),
        ((400, {"errcode": "M_INVALID_PARAM"}), MessageRejected, "M_INVALID_PARAM"),
        ((502, {}), DeliveryUnknown, "status 502"),
        ((200, {}), DeliveryUnknown, "without saying which"),
        ((429, {"errcode": "M_LIMIT_EXCEEDED"}), RetryLater, "fewer requests"),
    ],
)
def test_what_a_room_that_is_not_made_means(server, connector, answered, error, sentence):
    server.on("POST", "/createRoom", answered)

    with pytest.raises(error, match=sentence):
        connector.create_room("Club")


def test_room_that_was_made_and_cannot_be_read_may_have_been_made(server, connector):
    server.on("POST", "/createRoom", (200, {"room_id": NEW}))
    server.on("GET", "/sync", (502, {}))

    with pytest.raises(DeliveryUnknown):
        connector.create_room("Club")


def test_who_is_no_user_is_not_invited(server, connector):
    with pytest.raises(MessageRejected, match="ann is no id of a Matrix user"):
        connector.create_room("Club", ["@bob:example.org", "ann"])

    assert server.calls("/createRoom") == []


def test_many_requests_share_their_time(server):
    shared = client.MatrixClient(server.url, "syt_s3cret").within(1.2)
    server.on("GET", "/account/whoami", lambda asked: server.hang)
    began = time.monotonic()

    for _ in range(2):
        with pytest.raises(RetryLater):
            shared.whoami()

    assert time.monotonic() - began < 4
