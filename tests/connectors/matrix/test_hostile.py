"""Events and answers that would stop a stream, or fill a process."""

import json

import pytest

from connectors.base import Kind, RoomId
from connectors.errors import RetryLater
from connectors.matrix import memory, polling
from connectors.matrix import stream as streaming
from tests.connectors.matrix.test_scripted import (
    ROOM,
    answer,
    connector,
    event,
    server,
    stream,
    told,
)

__all__ = ["connector", "server"]

HUGE = "$" + "x" * 60_000


def edit(number, target):
    new = {"m.new_content": {"msgtype": "m.text", "body": "new"}}
    return event(number, **{"m.relates_to": {"rel_type": "m.replace", "event_id": target}, **new})


# ------------------------------------------------------------------------------ what people may write
@pytest.mark.parametrize("target", [HUGE, "$\ud800", "$\x00", "$a b", "no id", "", 7, None])
def test_edit_of_what_can_be_no_event_does_not_stop_the_stream(server, connector, target):
    server.in_turn("GET", "/sync", answer("s1", edit(1, target), event(2)))

    assert told(stream(connector)) == ["text 2"]
    assert [call.path for call in server.asked] == ["/sync"]


@pytest.mark.parametrize("status", [400, 403, 404, 414])
def test_edit_of_what_the_server_does_not_give_out_is_passed_over(server, connector, status):
    server.in_turn("GET", "/sync", answer("s1", edit(1, "$0"), event(2)))
    server.on("GET", f"/rooms/{ROOM}/event/$0", (status, {"errcode": "M_UNKNOWN"}))

    assert told(stream(connector)) == ["text 2"]


@pytest.mark.parametrize("status", [429, 502])
def test_edit_that_cannot_be_looked_up_just_now_has_the_answer_told_again(server, connector, status):
    server.in_turn("GET", "/sync", answer("s1", edit(1, "$0")))
    server.on("GET", f"/rooms/{ROOM}/event/$0", (status, {}))

    with pytest.raises(RetryLater):
        stream(connector)


@pytest.mark.parametrize("new", ["!\ud800", "!a\x00b"])
def test_tombstone_with_an_impossible_room_does_not_stop_the_stream(server, connector, new):
    tombstone = {**event(1, "m.room.tombstone", replacement_room=new), "state_key": ""}
    server.in_turn("GET", "/sync", answer("s1", tombstone, event(2)))

    [batch] = stream(connector)

    assert (told([batch]), batch.moved, batch.lost) == (["text 2"], {}, {})


def test_reply_and_deletion_of_what_can_be_no_event(server, connector):
    reply = event(1, **{"m.relates_to": {"m.in_reply_to": {"event_id": HUGE}}})
    redaction = {**event(2, "m.room.redaction"), "redacts": HUGE}
    server.in_turn("GET", "/sync", answer("s1", reply, redaction))

    [batch] = stream(connector)

    assert [(one.kind, one.reply_to) for _, one in batch.events] == [(Kind.MESSAGE, None)]
    assert batch.unreadable == 1


def test_memory_keeps_little_of_an_event_however_large():
    def known(kind, named):
        return memory.known_of(
            {"sender": HUGE, "content": {"m.relates_to": {"rel_type": kind, "event_id": named, "key": HUGE}}}
        )

    for kind in ("m.annotation", "m.replace", "m.thread"):
        one = known(kind, HUGE)
        assert one.target == one.thread == ""
        assert max(len(one.sender), len(one.emoji)) <= 255


# ------------------------------------------------------------------------------ what is asked for
def filter_of(call):
    return json.loads(call.query["filter"])["room"]


def test_only_rooms_that_matter_are_asked_for_after_an_absence(server, connector):
    server.in_turn("GET", "/sync", answer("s1", event(1)), answer("s2", event(2)))
    watched = [ROOM, RoomId("!a:example.org")]

    stream(connector, count=2, rooms=lambda: watched)

    first, second = server.calls("/sync")
    assert filter_of(first)["rooms"] == ["!a:example.org", ROOM]
    assert "rooms" not in filter_of(second)  # one that begins to matter has to end the poll


@pytest.mark.parametrize(
    "watched",
    [
        [RoomId(f"!{number}:example.org") for number in range(81)],
        [RoomId(f"!{n}{'x' * 250}") for n in range(20)],
    ],
    ids=["many", "long"],
)
def test_more_rooms_than_an_address_takes_are_not_named(server, connector, watched):
    server.in_turn("GET", "/sync", answer("s1", event(1), room=watched[0]))

    assert told(stream(connector, rooms=lambda: watched)) == ["text 1"]
    assert "rooms" not in filter_of(server.calls("/sync")[0])


def test_room_that_stops_and_begins_to_matter_during_a_poll_is_read_back(server, connector):
    other = RoomId("!other:example.org")
    asked = iter([[ROOM, other], [ROOM, other], [ROOM, other], [ROOM], [ROOM, other], [ROOM, other]])
    server.in_turn("GET", "/sync", answer("s1", event(1)), answer("s2", event(3)))
    server.on("GET", f"/rooms/{other}/messages", (200, {"chunk": [event(2)]}))

    batches = stream(connector, count=3, rooms=lambda: next(asked))

    assert told(batches) == ["text 1", "text 2", "text 3"]


def test_answer_that_is_too_long_is_asked_for_in_pieces(server, connector, monkeypatch):
    monkeypatch.setattr(polling, "PAGE_BYTES", 20_000)

    def sync(asked):
        if filter_of(asked)["timeline"]["limit"] > streaming.FEW:
            return answer("s1", *(event(number, body="x" * 1000) for number in range(50)))
        return answer("s1", event(3), limited=True)

    server.on("GET", "/sync", sync)
    server.on("GET", f"/rooms/{ROOM}/messages", (200, {"chunk": [event(2), event(1)]}))

    batches = stream(connector, count=2)

    assert told(batches) == ["text 1", "text 2", "text 3"]
    assert [batch.token for batch in batches] == ["s0", "s1"]


def test_answer_that_stays_too_long_ends_the_stream_for_now(server, connector, monkeypatch):
    monkeypatch.setattr(polling, "PAGE_BYTES", 1000)
    server.on("GET", "/sync", answer("s1", event(1, body="x" * 400_000)))

    with pytest.raises(RetryLater, match="more than"):
        stream(connector)

    assert len(server.calls("/sync")) == 2


def test_refusal_of_somebody_in_between_does_not_cost_the_token(server, connector):
    server.on("GET", "/sync", (400, b"<html>Bad Request</html>"))

    with pytest.raises(RetryLater, match="status 400"):
        stream(connector)

    assert len(server.calls("/sync")) == 1


def test_gap_goes_on_behind_a_page_that_the_filter_has_emptied(server, connector):
    pages = {
        "before-s1": {"chunk": [event(2)], "end": "t2"},
        "t2": {"chunk": [], "end": "t3"},
        "t3": {"chunk": [event(1)], "end": "t4"},
        "t4": {"chunk": [], "end": "t4"},
    }
    server.in_turn("GET", "/sync", answer("s1", event(3), limited=True))
    server.on("GET", f"/rooms/{ROOM}/messages", lambda asked: (200, pages[asked.query["from"]]))

    assert told(stream(connector, count=2)) == ["text 1", "text 2", "text 3"]
    assert len(server.calls(f"/rooms/{ROOM}/messages")) == 4
