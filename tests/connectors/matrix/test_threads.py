"""Answers to what stands in a thread."""

import pytest

from connectors.base import MessageId, OutgoingMessage
from tests.connectors.matrix.test_scripted import ROOM, answer, connector, event, server, stream

__all__ = ["connector", "server"]


def posted(server):
    return next(call.json for call in server.asked if call.method == "PUT")["m.relates_to"]


def in_thread(number, root):
    return event(number, **{"m.relates_to": {"rel_type": "m.thread", "event_id": root}})


ANSWER = OutgoingMessage("because", idempotency_key="k", reply_to=MessageId("$2"))
IN_THREAD = {
    "m.in_reply_to": {"event_id": "$2"},
    "rel_type": "m.thread",
    "event_id": "$1",
    "is_falling_back": False,
}


def test_answer_to_a_message_in_a_thread_stands_in_the_thread(server, connector):
    server.on("PUT", f"/rooms/{ROOM}/send/m.room.message/k", (200, {"event_id": "$3"}))
    server.on("GET", f"/rooms/{ROOM}/event/$2", (200, in_thread(2, "$1")))

    connector.send(ROOM, ANSWER)
    connector.send(ROOM, ANSWER)

    assert posted(server) == IN_THREAD
    assert len(server.calls(f"/rooms/{ROOM}/event/$2")) == 1


def test_thread_is_known_to_who_has_read_the_message(server, connector):
    server.in_turn("GET", "/sync", answer("s1", in_thread(2, "$1")))
    server.on("PUT", f"/rooms/{ROOM}/send/m.room.message/k", (200, {"event_id": "$3"}))
    stream(connector)

    connector.send(ROOM, ANSWER)

    assert posted(server) == IN_THREAD
    assert not server.calls(f"/rooms/{ROOM}/event/$2")


@pytest.mark.parametrize("answered", [(200, event(2)), (404, {"errcode": "M_NOT_FOUND"}), (502, b"")])
def test_answer_to_anything_else_is_a_plain_one(server, connector, answered):
    server.on("PUT", f"/rooms/{ROOM}/send/m.room.message/k", (200, {"event_id": "$3"}))
    server.on("GET", f"/rooms/{ROOM}/event/$2", answered)

    connector.send(ROOM, ANSWER)

    assert posted(server) == {"m.in_reply_to": {"event_id": "$2"}}
