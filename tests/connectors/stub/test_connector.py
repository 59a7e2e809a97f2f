import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing, closing, contextmanager
from dataclasses import replace

import pytest

from connectors.base import (
    Batch,
    Capabilities,
    Kind,
    Login,
    MessageId,
    OutgoingMessage,
    Reading,
    RoomId,
    Support,
)
from connectors.errors import (
    ConnectorError,
    DeliveryUnknown,
    LoginRejected,
    MessageRejected,
    RetryLater,
    RoomGone,
    UnsupportedAction,
)
from connectors.markup import plain
from stub.connector.connector import StubConnector
from stub.connector.forms import StubCredentialsForm
from stub.control import Stub
from stub.pushes import signature
from tests import loops
from tests.connectors.stub.harness import StubHarness, start
from tests.waiting import PATIENCE


@pytest.fixture
def stub() -> Iterator[StubHarness]:
    with start() as harness:
        yield harness


def connector(stub: StubHarness, features: str = "") -> StubConnector:
    return StubConnector(stub.login_with(features=features))


def push(stub: StubHarness, *entries: dict[str, object], session: str = "s1") -> bytes:
    return json.dumps({"session": session, "room": stub.room, "events": entries}).encode()


def entry(kind: str = "message", **more: object) -> dict[str, object]:
    who = {"author_id": "u-Ann", "author_name": "Ann", "said_at": 1_700_000_000.5}
    return {"id": "m7", "seq": 3, "kind": kind, **who, **more}


def test_features_narrow_what_an_account_can_do(stub: StubHarness) -> None:
    most = StubConnector.capabilities

    assert connector(stub).capabilities == replace(most, sends_by_session=False)
    spoken = connector(stub, "stream,session,lines").capabilities
    assert (spoken.sends_by_session, spoken.one_line, spoken.reading) == (True, True, Reading.STREAM)
    assert connector(stub, "deadline=3").capabilities.send_deadline == 3
    least = connector(stub, "history,ids,length=50").capabilities
    assert least == Capabilities(
        max_text_length=50, limit=None, reading=Reading.POLL, history=True, fastest_poll=0.1
    )
    blind = connector(stub, "push,keys=60,edits").capabilities
    assert (blind.reading, blind.history, blind.message_ids) == (Reading.WEBHOOK, False, False)
    assert (blind.idempotency_life, blind.edits, blind.sender_override) == (
        60,
        Support.IMITATED,
        Support.NONE,
    )


def test_account_without_history_reads_nothing(stub: StubHarness) -> None:
    blind = connector(stub, "push,ids")

    for read in (blind.newest, blind.recent, lambda room: blind.read_after(room, None)):
        with pytest.raises(UnsupportedAction):
            read(stub.room)


def test_form_keeps_what_logs_in(stub: StubHarness) -> None:
    data = {
        "server": f"{stub.login.server}/",
        "token": "bot:pass",
        "features": "push,history,ids",
        "hook_secret": "s",
    }

    form = StubCredentialsForm(data, connector_class=StubConnector)

    assert form.is_valid(), form.errors
    assert (form.identity.server, form.identity.user_id, form.identity.user_name) == (
        stub.login.server,
        "u-bot",
        "bot",
    )
    assert form.secrets() == {"token": "bot:pass", "features": "push,history,ids", "hook_secret": "s"}
    for bad in ("push,colour", "ids", "length=x"):
        assert not StubCredentialsForm(data | {"features": bad}, connector_class=StubConnector).is_valid()


def test_reading_tells_edits_deletions_and_reactions(stub: StubHarness) -> None:
    first = stub.say("one")
    reader = connector(stub)
    [cursor] = reader.newest(stub.room)
    stub.stub.edit(stub.room, first, "two")
    stub.stub.react(stub.room, first, "Bob", "👍")
    stub.stub.delete(stub.room, first)

    page = reader.read_after(stub.room, cursor)

    assert [(event.kind, event.target, event.emoji) for event in page.events] == [
        (Kind.EDIT, first, ""),
        (Kind.REACTION, first, "👍"),
        (Kind.DELETE, first, ""),
    ]
    assert [plain.render(event.body) for event in page.events if event.body] == ["two"]
    assert page.cursor == reader.newest(stub.room)[0]
    assert reader.read_after(stub.room, page.cursor).events == []


def test_push_and_history_tell_the_same(stub: StubHarness) -> None:
    ids = [stub.say("one"), stub.say("two")]
    stub.stub.edit(stub.room, ids[0], "uno")
    reader = connector(stub)
    room = stub.stub.history(stub.room)
    assert [item.id for item in room] == ids
    read = reader.read_after(stub.room, None).events
    entries = reader._client.get("rooms", stub.room, "messages")["events"]

    body = push(stub, *entries)
    pushed = reader.receive({"x-stub-signature": signature("hook-secret", body)}, body)

    assert pushed.events == [(stub.room, event) for event in read]


def test_push_without_ids_goes_by_its_session(stub: StubHarness) -> None:
    body = push(stub, entry(text="hello"), entry("edit", target="m7", text="x"))

    [(room, event)] = (
        connector(stub, "push").receive({"x-stub-signature": signature("hook-secret", body)}, body).events
    )

    assert (room, event.id, event.dedupe_key, event.author.id) == (stub.room, "", "s1:3", "u-Ann")


def test_push_that_is_not_signed_or_unreadable_is_refused(stub: StubHarness) -> None:
    body = push(stub, entry(text="hello"))
    for headers in ({}, {"x-stub-signature": ""}, {"x-stub-signature": signature("other", body)}):
        with pytest.raises(LoginRejected):
            connector(stub).receive(headers, body)
    nobody = StubConnector(stub.login_with(hook_secret=""))
    with pytest.raises(LoginRejected):
        nobody.receive({"x-stub-signature": signature("", body)}, body)
    for bad in (b"{}", b"[]", b"x", push(stub, {"id": "m1"}), push(stub, entry("nonsense"))):
        with pytest.raises(ValueError):
            connector(stub).receive({"x-stub-signature": signature("hook-secret", bad)}, bad)


def test_send_carries_what_the_account_can(stub: StubHarness) -> None:
    target = stub.say("first")
    message = OutgoingMessage(
        "hi", idempotency_key="k", sender_name="Ann", sender_avatar_url="u", reply_to=target
    )

    sent = [connector(stub, features).send(stub.room, message) for features in ("", "", "push,history")]

    kept = [(item.id, item.key, item.sender_name, item.reply_to) for item in stub.stub.history(stub.room)[1:]]
    assert [item[1:] for item in kept] == [("k", "Ann", target), ("", "", "")]
    assert sent == [kept[0][0], kept[0][0], ""]


def test_own_post_is_edited_deleted_and_reacted_to(stub: StubHarness) -> None:
    writer = connector(stub)
    sent = writer.send(stub.room, OutgoingMessage("one"))

    writer.edit(stub.room, sent, OutgoingMessage("two"))
    writer.react(stub.room, sent, "👍/x", add=True)
    [item] = stub.stub.history(stub.room)
    assert (item.edits, item.reactions) == (["two"], {"👍/x": ["u-relay"]})
    writer.react(stub.room, sent, "👍/x", add=False)
    writer.delete(stub.room, sent)
    [item] = stub.stub.history(stub.room)
    assert (item.is_deleted, item.reactions) == (True, {"👍/x": []})


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "status", "status": 500}, DeliveryUnknown),
        ({"kind": "status", "status": 503, "stored": True}, DeliveryUnknown),
        ({"kind": "reset", "stored": True}, DeliveryUnknown),
        ({"kind": "hang"}, DeliveryUnknown),
        ({"kind": "drip", "pause": 0.3}, DeliveryUnknown),
        ({"kind": "throttle", "retry_after": 7}, RetryLater),
        ({"kind": "status", "status": 400}, MessageRejected),
    ],
)
def test_fault_of_a_send_becomes_its_error(
    stub: StubHarness, fault: dict[str, str], error: type[ConnectorError]
) -> None:
    stub.stub.fault(**fault)
    never_ends = fault["kind"] in ("hang", "drip")  # any other answer has the time it takes

    with pytest.raises(error) as raised:
        connector(stub, "deadline=3" if never_ends else "").send(stub.room, OutgoingMessage("x"))

    assert getattr(raised.value, "seconds", None) == (7.0 if fault["kind"] == "throttle" else None)


@pytest.mark.parametrize("kind", ["status", "reset"])
def test_fault_of_a_read_is_tried_again(stub: StubHarness, kind: str) -> None:
    stub.stub.fault(kind, on="read")

    with pytest.raises(RetryLater):
        connector(stub).newest(stub.room)


def test_refusals_say_what_to_do(stub: StubHarness) -> None:
    writer, away = connector(stub), StubConnector(Login("http://127.0.0.1:9", stub.login.credentials))
    foreign, gone, text = stub.say("x"), MessageId("m0"), OutgoingMessage("y")

    with pytest.raises(MessageRejected):
        writer.edit(stub.room, foreign, text)
    with pytest.raises(MessageRejected):
        writer.edit(stub.room, gone, text)
    with pytest.raises(RoomGone):
        writer.delete(RoomId("cellar"), gone)
    with pytest.raises(RetryLater):
        away.send(stub.room, text)
    stub.stub.switch(edits=False)
    with pytest.raises(UnsupportedAction):
        writer.edit(stub.room, foreign, text)


# ----------------------------------------------------------------- streams


STREAMED = "stream,history,ids"


async def batches(stub: StubHarness, token: str, rooms: set[str], count: int) -> list[Batch]:
    """The first batches of a stream."""
    stream = connector(stub, STREAMED).stream(token, lambda: {RoomId(room) for room in rooms})
    async with asyncio.timeout(PATIENCE), aclosing(stream):
        return [await anext(stream) for _ in range(count)]


@contextmanager
def meanwhile(stub: StubHarness, act: Callable[[Stub], object]) -> Iterator[None]:
    """Do something as soon as somebody waits for news."""

    def run() -> None:
        with closing(Stub(stub.stub.url)) as other:
            while not other.counts().waiting:
                time.sleep(0.01)
            act(other)

    thread = threading.Thread(target=run)
    thread.start()
    yield
    thread.join()


def told(batch: Batch) -> list[tuple[str, str]]:
    return [(room, plain.render(event.body)) for room, event in batch.events if event.body]


def test_stream_is_what_neither_push_nor_poll_is(stub: StubHarness) -> None:
    assert connector(stub, STREAMED).capabilities.reading is Reading.STREAM
    assert connector(stub, "push,stream,history,ids").capabilities.reading is Reading.WEBHOOK


def test_stream_without_a_token_begins_with_what_was_said_last(stub: StubHarness) -> None:
    stub.say("before")
    stub.stub.say("elsewhere", "Ann", "hush")

    [first] = loops.run(batches(stub, "", {stub.room}, 1))

    assert (told(first), first.token) == ([(stub.room, "before")], "2")


def test_stream_goes_on_from_its_token_in_order_and_may_be_repeated(stub: StubHarness) -> None:
    for number in range(150):  # more than one answer holds
        stub.stub.say(("one", "two")[number % 2], "Ann", f"#{number}")

    for _ in range(2):
        found = loops.run(batches(stub, "10", {"one", "two"}, 2))
        assert [text for batch in found for _, text in told(batch)] == [f"#{n}" for n in range(10, 150)]
    assert found[-1].token == "150"


def test_stream_says_at_once_that_it_stands_and_then_waits_for_news(stub: StubHarness) -> None:
    with meanwhile(stub, lambda other: other.say("one", "Ann", "news")):
        first, second = loops.run(batches(stub, "0", {"one"}, 2))

    assert (told(first), told(second)) == ([], [("one", "news")])


def test_stream_asks_which_rooms_matter_once_an_answer_has_come(stub: StubHarness) -> None:
    rooms: set[str] = set()

    def speak(other: Stub) -> None:
        rooms.add("one")
        other.say("one", "Ann", "news")

    with meanwhile(stub, speak):
        _, second = loops.run(batches(stub, "0", rooms, 2))

    assert told(second) == [("one", "news")]


@pytest.mark.parametrize("kind", ["status", "throttle"])
def test_fault_of_a_stream_is_tried_again_and_comes_while_it_waits(stub: StubHarness, kind: str) -> None:
    with (
        meanwhile(stub, lambda other: other.fault(kind, on="read", retry_after=7)),
        pytest.raises(RetryLater) as caught,
    ):
        loops.run(batches(stub, "0", {"one"}, 2))

    assert caught.value.seconds == (7 if kind == "throttle" else None)


def test_stream_of_a_refused_login_asks_for_one(stub: StubHarness) -> None:
    async def begin() -> None:
        async with aclosing(StubConnector(stub.bad_login).stream("", lambda: ())) as stream:
            await anext(stream)

    with pytest.raises(LoginRejected):
        loops.run(begin())
