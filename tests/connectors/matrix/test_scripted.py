"""What a real homeserver will not do on demand: gaps, limits, ended sessions, nonsense, hangs and drips."""

import asyncio
import io
import json
import logging
import re
import time
import traceback
from contextlib import aclosing
from itertools import pairwise

import pytest

from connectors.base import (
    Attachment,
    Kind,
    Login,
    MessageId,
    OutgoingFile,
    OutgoingMessage,
    RoomId,
    UserId,
)
from connectors.errors import (
    DeliveryUnknown,
    FileGone,
    LoginRejected,
    MessageRejected,
    RetryLater,
    RoomGone,
)
from connectors.markup import plain
from connectors.matrix import memory, polling
from connectors.matrix.connector import MatrixConnector
from connectors.matrix.events import event_of
from connectors.matrix.refusals import BANNED, ENCRYPTED, NOT_IN_ROOM, REMOVED, SESSION_ENDED, SOFTLY_ENDED
from connectors.matrix.upgrades import upgraded
from tests import loops
from tests.connectors.matrix.fake import fake
from tests.waiting import PATIENCE

ROOM = RoomId("!room:example.org")
ME, ANN = "@me:example.org", "@ann:example.org"
TOKEN = "syt_s3cret_token"
NOW = int(time.time() * 1000)


@pytest.fixture
def server():
    memory.forget()
    with fake() as started:
        yield started


@pytest.fixture
def connector(server):
    return MatrixConnector(Login(server.url, {"token": TOKEN}, UserId(ME)))


def event(number, kind="m.room.message", *, sender=ANN, **content):
    said = {"msgtype": "m.text", "body": f"text {number}"} if kind == "m.room.message" else {}
    return {
        "event_id": f"${number}",
        "type": kind,
        "sender": sender,
        "origin_server_ts": NOW + number,
        "content": said | content,
    }


def member(user, name, **content):
    return {
        "type": "m.room.member",
        "state_key": user,
        "sender": user,
        "content": {"membership": "join", "displayname": name, **content},
    }


def answer(token, *events, limited=False, state=(), room=ROOM):
    timeline = {"events": list(events), "limited": limited, "prev_batch": f"before-{token}"}
    joined = {room: {"timeline": timeline, "state": {"events": list(state)}}}
    return (200, {"next_batch": token, "rooms": {"join": joined if events or state else {}}})


def left(token, *events):
    return (200, {"next_batch": token, "rooms": {"leave": {ROOM: {"timeline": {"events": list(events)}}}}})


async def gather(connector, token, count, rooms=lambda: [ROOM]):
    batches = []
    async with asyncio.timeout(PATIENCE), aclosing(connector.stream(token, rooms)) as stream:
        async for batch in stream:
            batches.append(batch)
            if len(batches) == count:
                break
    return batches


def stream(connector, token="s0", count=1, **options):
    return loops.run(gather(connector, token, count, **options))


def told(batches):
    return [plain.render(event.body) for batch in batches for _, event in batch.events]


# ------------------------------------------------------------------------------ the stream
def test_no_two_listings_are_asked_alike(server, connector):
    server.on("GET", "/sync", (200, {"next_batch": "s1"}))

    for _ in range(200):
        assert list(connector.list_rooms()) == []

    asked = {(call.query["filter"], call.query["timeout"]) for call in server.calls("/sync")}
    assert len(asked) == 200
    assert {timeout for _, timeout in asked} == {"0"}  # others wait for as long where there is no room yet


def test_stream_goes_on_from_its_token_and_asks_for_little(server, connector):
    server.in_turn(
        "GET", "/sync", answer("s1", event(1), state=[member(ANN, "Ann Lee")]), answer("s2", event(2))
    )

    batches = stream(connector, count=2)

    first, second = (call.query for call in server.calls("/sync"))
    assert [(batch.token, told([batch])) for batch in batches] == [("s1", ["text 1"]), ("s2", ["text 2"])]
    assert [batch.events[0][1].author.name for batch in batches] == ["Ann Lee", "ann"]
    assert (first["since"], first["timeout"], second["since"], second["timeout"]) == (
        "s0",
        "0",
        "s1",
        "30000",
    )
    asked = json.loads(first["filter"])
    assert (asked["presence"], asked["account_data"]) == ({"types": []}, {"types": []})
    assert asked["room"]["state"]["lazy_load_members"] is True


def test_stream_without_a_token_brings_the_end_of_each_room(server, connector):
    chunk = [event(number) for number in range(70, 0, -1)]
    server.in_turn("GET", "/sync", (200, {"next_batch": "s1"}), answer("s2", event(71)))
    server.on(
        "GET", f"/rooms/{ROOM}/messages", (200, {"chunk": chunk, "state": [member(ANN, "Ann")], "end": "t"})
    )

    batches = stream(connector, "", 3)

    assert told(batches[:1]) == [f"text {number}" for number in range(21, 71)]
    assert batches[0].token == ""  # a second room may still have to be read
    assert [batch.token for batch in batches[1:]] == ["s1", "s2"]
    assert json.loads(server.calls("/sync")[0].query["filter"])["room"]["rooms"] == []


def test_gap_is_filled_backwards_and_told_oldest_first(server, connector):
    pages = {
        "before-s1": {"chunk": [event(5), event(4)], "end": "t2"},
        "t2": {"chunk": [event(3), event(2)], "end": "t3"},
        "t3": {"chunk": []},
    }
    server.in_turn("GET", "/sync", answer("s1", event(6), event(7), limited=True))
    server.on("GET", f"/rooms/{ROOM}/messages", lambda asked: (200, pages[asked.query["from"]]))

    batches = stream(connector, count=2)

    assert [told([batch]) for batch in batches] == [
        ["text 2", "text 3", "text 4", "text 5"],
        ["text 6", "text 7"],
    ]
    # Cut off in between, all of it comes again: the token moves on only with the last batch.
    assert [batch.token for batch in batches] == ["s0", "s1"]
    assert {call.query["to"] for call in server.calls(f"/rooms/{ROOM}/messages")} == {"s0"}


def test_gap_ends_at_what_is_too_old_for_anybody(server, connector):
    ancient = event(1) | {"origin_server_ts": NOW - 50 * 3600 * 1000}
    server.in_turn("GET", "/sync", answer("s1", event(3), limited=True))
    server.on("GET", f"/rooms/{ROOM}/messages", (200, {"chunk": [event(2), ancient], "end": "more"}))

    stream(connector, count=2)

    assert len(server.calls(f"/rooms/{ROOM}/messages")) == 1


def test_endless_gap_ends(server, connector, monkeypatch, caplog):
    monkeypatch.setattr("connectors.matrix.stream.MOST_PAGES", 3)
    server.in_turn("GET", "/sync", answer("s1", event(3), limited=True))
    server.on("GET", f"/rooms/{ROOM}/messages", (200, {"chunk": [event(2)], "end": "on"}))

    stream(connector, count=2)

    assert len(server.calls(f"/rooms/{ROOM}/messages")) == 3
    assert "3 unread events read, older ones are left out" in caplog.text


def test_room_that_begins_to_matter_is_read_back(server, connector):
    watched = [ROOM]
    other = RoomId("!other:example.org")
    server.in_turn("GET", "/sync", answer("s1", event(1)), answer("s2", event(3), room=other))
    server.on("GET", f"/rooms/{other}/messages", (200, {"chunk": [event(3), event(2)]}))

    async def watch():
        seen = []
        async with aclosing(connector.stream("s0", lambda: watched)) as batches:
            async for batch in batches:
                seen.append((batch.token, [(room, event.id) for room, event in batch.events]))
                watched[:] = [ROOM, other]
                if len(seen) == 2:
                    break
        return seen

    assert loops.run(watch()) == [("s1", [(ROOM, "$1")]), ("s1", [(other, "$2"), (other, "$3")])]


def test_rooms_that_do_not_matter_are_passed_over(server, connector):
    server.in_turn(
        "GET", "/sync", answer("s1", event(1), room="!elsewhere:example.org"), answer("s2", event(2))
    )

    first, second = stream(connector, count=2)

    assert (first.events, told([second])) == ([], ["text 2"])


def test_long_answer_leaves_others_their_turn(server, connector, monkeypatch):
    server.in_turn("GET", "/sync", answer("s1", *(event(number) for number in range(300))))
    translated, seen = [], []
    real = event_of

    def counted(room, raw):
        translated.append(raw)
        return real(room, raw)

    monkeypatch.setattr("connectors.matrix.stream.event_of", counted)

    async def read_beside_others():
        reading = asyncio.create_task(gather(connector, "s0", 1))
        while not reading.done():
            await asyncio.sleep(0)
            seen.append(len(translated))
        return reading.result()

    [batch] = loops.run(read_beside_others())

    assert len(batch.events) == 300
    assert max(later - sooner for sooner, later in pairwise(seen)) <= 100


def test_token_that_the_server_has_forgotten_begins_anew(server, connector):
    invalid = (400, {"errcode": "M_INVALID_PARAM", "error": "Invalid stream token"})
    server.in_turn("GET", "/sync", invalid, (200, {"next_batch": "s9"}), answer("s10", event(2)))
    server.on("GET", f"/rooms/{ROOM}/messages", (200, {"chunk": [event(1)]}))

    assert [batch.token for batch in stream(connector, "gone", 3)] == ["", "s9", "s10"]


NONSENSE = [
    {"type": "m.room.message"},
    {**event(90), "content": "words"},
    {**event(91), "content": {"msgtype": "m.text", "body": ["no", "text"]}},
    {**event(92), "origin_server_ts": "yesterday"},
    {**event(93), "origin_server_ts": 10**30},
    {**event(94), "event_id": None},
    {**event(95), "sender": 7},
    event(96, msgtype="m.image", url="https://example.org/picture.png"),
    event(97, "m.reaction", **{"m.relates_to": {"rel_type": "m.annotation", "event_id": "$1"}}),
    event(98, "m.room.redaction"),
]
QUIET = [
    event(80, "org.example.poll"),
    event(81, msgtype="m.key.verification.request"),
    {**event(82), "content": {}, "unsigned": {"redacted_because": {"type": "m.room.redaction"}}},
    {"type": ["m.room.message"], "content": {}},
]


def test_nonsense_is_logged_once_counted_and_passed_over(server, connector, caplog):
    server.in_turn(
        "GET", "/sync", answer("s1", event(1), *NONSENSE, *QUIET, event(2)), answer("s2", event(3))
    )

    with caplog.at_level(logging.WARNING):
        batches = stream(connector, count=2)

    assert told(batches) == ["text 1", "text 2", "text 3"]
    assert [batch.unreadable for batch in batches] == [len(NONSENSE), 0]
    assert len([record for record in caplog.records if "cannot be read" in record.message]) == 3


@pytest.mark.parametrize(
    "rooms", [[], "none", {"join": []}, {"join": {ROOM: 1}}, {"join": {ROOM: {"timeline": []}}}]
)
def test_answers_of_another_shape_hold_nothing(server, connector, rooms):
    server.in_turn("GET", "/sync", (200, {"next_batch": "s1", "rooms": rooms}), answer("s2", event(1)))

    assert told(stream(connector, count=2)) == ["text 1"]


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ([member(ME, "", membership="leave")], NOT_IN_ROOM),
        ([{**member(ME, "", membership="leave"), "sender": ANN}], REMOVED),
        ([{**member(ME, "", membership="ban"), "sender": ANN}], BANNED),
        ([], NOT_IN_ROOM),
    ],
)
def test_room_that_we_are_out_of_is_lost(server, connector, events, why):
    server.in_turn("GET", "/sync", left("s1", *events))

    [batch] = stream(connector)

    assert batch.lost == {ROOM: why}


@pytest.mark.parametrize(
    ("last", "why"),
    [
        ({**event(2, "m.room.encryption", algorithm="m.megolm.v1.aes-sha2"), "state_key": ""}, ENCRYPTED),
        (event(2, "m.room.encrypted", ciphertext="x"), ENCRYPTED),
        ({**event(2, "m.room.tombstone", replacement_room="!new:x"), "state_key": ""}, upgraded("!new:x")),
    ],
    ids=["encryption", "encrypted", "upgraded, and the new one closed to us"],
)
def test_room_that_cannot_be_read_any_more_is_lost_after_what_was_said(server, connector, last, why):
    server.in_turn("GET", "/sync", answer("s1", event(1), last))

    [batch] = stream(connector)

    assert (told([batch]), batch.lost) == (["text 1"], {ROOM: why})


def test_edit_by_somebody_else_is_none(server, connector):
    new = {"m.new_content": {"msgtype": "m.text", "body": "forged"}}
    edit = {"m.relates_to": {"rel_type": "m.replace", "event_id": "$1"}, **new}
    ours, theirs = event(2, **edit), event(3, sender="@eve:example.org", **edit)
    server.in_turn("GET", "/sync", answer("s1", theirs, ours))
    server.on("GET", f"/rooms/{ROOM}/event/$1", (200, event(1)))

    [batch] = stream(connector)

    assert [(found.kind, found.id, found.target) for _, found in batch.events] == [(Kind.EDIT, "$2", "$1")]
    assert len(server.calls(f"/rooms/{ROOM}/event/$1")) == 1


def test_reaction_taken_back_is_known_by_who_saw_it(server, connector):
    reaction = event(
        2, "m.reaction", **{"m.relates_to": {"rel_type": "m.annotation", "event_id": "$1", "key": "👍"}}
    )
    redaction = {**event(3, "m.room.redaction", sender="@mod:example.org"), "redacts": "$2"}
    emptied = {**reaction, "content": {}, "unsigned": {"redacted_because": redaction}}
    server.in_turn("GET", "/sync", answer("s1", reaction), answer("s2", emptied, redaction))
    unseen = {**event(9, "m.room.redaction"), "content": {"redacts": "$8"}}

    _, batch = stream(connector, count=2)

    [(_, found)] = batch.events
    assert (found.kind, found.target, found.emoji, found.author.id) == (Kind.UNREACTION, "$1", "👍", ANN)
    memory.forget()  # as after a restart: the relay knows what it was
    server.in_turn("GET", "/sync", answer("s3", unseen))
    [batch] = stream(connector, "s2")
    [(_, found)] = batch.events
    assert (found.kind, found.target) == (Kind.DELETE, "$8")
    assert not server.calls(f"/rooms/{ROOM}/event/$8")


# ------------------------------------------------------------------------------ refusals
def unknown(**more):
    return (401, {"errcode": "M_UNKNOWN_TOKEN", "error": "no", **more})


@pytest.mark.parametrize(
    ("answered", "error", "text"),
    [
        (unknown(), LoginRejected, re.escape(SESSION_ENDED)),
        (unknown(soft_logout=True), LoginRejected, re.escape(SOFTLY_ENDED)),
        ((403, {"errcode": "M_USER_DEACTIVATED"}), LoginRejected, "deactivated"),
        ((429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 2500}), RetryLater, "fewer requests"),
        ((502, b"<html>"), RetryLater, r"status 502"),
        ((200, b"<html>"), RetryLater, "did not answer like a Matrix homeserver"),
        ((401, b"<html>"), RetryLater, "status 401"),
    ],
)
def test_stream_and_calls_read_a_refusal_alike(server, connector, answered, error, text):
    server.on("GET", "/sync", answered)
    server.on("GET", "/account/whoami", answered)

    for call in (lambda: stream(connector), connector.verify):
        with pytest.raises(error, match=text) as caught:
            call()
        if error is RetryLater and answered[0] == 429:
            assert caught.value.seconds == 2.5


def test_wait_is_named_by_the_header_first(server, connector):
    server.on(
        "PUT", f"/rooms/{ROOM}/send/m.room.message/k", (429, {"retry_after_ms": 1}, {"Retry-After": "7"})
    )
    with pytest.raises(RetryLater) as named:
        connector.send(ROOM, OutgoingMessage("x", idempotency_key="k"))
    server.on("PUT", f"/rooms/{ROOM}/send/m.room.message/k", (429, {}))
    with pytest.raises(RetryLater) as unnamed:
        connector.send(ROOM, OutgoingMessage("x", idempotency_key="k"))

    assert (named.value.seconds, unnamed.value.seconds) == (7, 5)


@pytest.mark.parametrize(
    ("answered", "error"),
    [
        ((403, {"errcode": "M_FORBIDDEN"}), RoomGone),
        ((404, {"errcode": "M_NOT_FOUND"}), RoomGone),
        ((413, {"errcode": "M_TOO_LARGE"}), MessageRejected),
        ((400, {"errcode": "M_BAD_JSON"}), MessageRejected),
        ((500, {"errcode": "M_UNKNOWN"}), DeliveryUnknown),
        ((504, b"gateway"), DeliveryUnknown),
        ((403, b"firewall"), RetryLater),
        ((200, b"{"), DeliveryUnknown),
        ((200, {}), DeliveryUnknown),
        (
            lambda asked: lambda wfile: wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
            DeliveryUnknown,
        ),
    ],
)
def test_what_a_refused_send_means(server, connector, answered, error):
    server.on("PUT", f"/rooms/{ROOM}/send/m.room.message/k", answered)

    with pytest.raises(error, match=r"\.$") as caught:
        connector.send(ROOM, OutgoingMessage("x", idempotency_key="k"))

    assert TOKEN not in "".join(traceback.format_exception(caught.value))


def test_stream_that_hangs_or_drips_ends_in_time(server, connector, monkeypatch):
    monkeypatch.setattr(polling, "POLL", 0.2)
    monkeypatch.setattr(polling, "GRACE", 0.2)

    def drip(wfile):
        wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
        while not server.done.wait(0.02):
            wfile.write(b" ")
            wfile.flush()

    monkeypatch.setattr(polling, "PAGE_DEADLINE", 0.4)
    server.on("GET", f"/rooms/{ROOM}/messages", lambda asked: server.hang)
    for behaviour in (server.hang, drip, answer("s1", event(1), limited=True)):
        server.in_turn("GET", "/sync", behaviour)
        started = time.monotonic()
        with pytest.raises(RetryLater, match="broke off") as caught:
            stream(connector)
        assert time.monotonic() - started < 3
        assert TOKEN not in "".join(traceback.format_exception(caught.value))


# ------------------------------------------------------------------------------ files
def test_file_of_a_store_elsewhere_is_fetched_without_the_token(server, connector):
    moved = {"Location": f"{server.url}/store/1"}
    server.on("GET", "/media/download/example.org/abc", (307, b"", moved))
    server.on("GET", "/store/1", (200, b"content"))
    into = io.BytesIO()

    connector.fetch(Attachment("a", reference="mxc://example.org/abc"), into, most=100, deadline=PATIENCE)

    assert into.getvalue() == b"content"
    assert ["Authorization" in call.headers for call in server.asked] == [True, False]


@pytest.mark.parametrize(
    ("reference", "answered", "error"),
    [
        ("mxc://example.org/abc", (404, {"errcode": "M_NOT_FOUND"}), FileGone),
        ("mxc://example.org/abc", (200, b"x" * 101), FileGone),
        ("mxc://example.org/abc", (502, b""), RetryLater),
        ("mxc://example.org/abc", unknown(), RetryLater),
        ("https://example.org/abc", (200, b"x"), FileGone),
        ("mxc://example.org/../../x", (200, b"x"), FileGone),
    ],
)
def test_file_that_is_not_given_out(server, connector, reference, answered, error):
    server.on("GET", "/media/download/example.org/abc", answered)

    with pytest.raises(error):
        connector.fetch(Attachment("a", reference=reference), io.BytesIO(), most=100, deadline=PATIENCE)


def test_file_whose_upload_breaks_off_is_surely_not_posted(server, connector):
    server.on("POST", "/upload", (502, b""))
    file = OutgoingFile("a.txt", "text/plain", 3, io.BytesIO(b"abc"), OutgoingMessage("[Ann]"))

    with pytest.raises(RetryLater):
        connector.send_file(ROOM, file)
    server.on("POST", "/upload", (413, {"errcode": "M_TOO_LARGE"}))
    with pytest.raises(MessageRejected, match="too large"):
        connector.send_file(ROOM, file)

    assert [call.path for call in server.asked] == ["/upload", "/upload"]


# ------------------------------------------------------------------------------ reactions
def test_own_reaction_is_found_page_by_page_and_taken_back(server, connector):
    where = f"/rooms/{ROOM}/relations/$1/m.annotation/m.reaction"

    def reaction(number, sender, key):
        relation = {"rel_type": "m.annotation", "event_id": "$1", "key": key}
        return event(number, "m.reaction", sender=sender, **{"m.relates_to": relation})

    server.in_turn(
        "GET",
        where,
        (200, {"chunk": [reaction(2, ANN, "❤️"), reaction(3, ME, "👍")], "next_batch": "p2"}),
        (200, {"chunk": [reaction(4, ME, "❤️")]}),
    )
    server.on("PUT", f"/rooms/{ROOM}/redact/*", (200, {"event_id": "$5"}))

    connector.react(ROOM, MessageId("$1"), "❤", add=False)

    redactions = [call.path for call in server.asked if call.method == "PUT"]
    assert [path.split("/")[4] for path in redactions] == ["$4"]
    assert [call.query.get("from") for call in server.calls(where)] == [None, "p2"]


def test_reaction_that_stands_already_is_what_is_wanted(server, connector):
    duplicate = (400, {"errcode": "M_DUPLICATE_ANNOTATION", "error": "Can't send same reaction twice"})
    server.on("PUT", f"/rooms/{ROOM}/send/m.reaction/*", duplicate)

    connector.react(ROOM, MessageId("$1"), "👍", add=True)

    assert server.asked[0].json["m.relates_to"]["key"] == "👍"
