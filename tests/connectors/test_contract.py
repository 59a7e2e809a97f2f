"""What every connector owes the relay, tried on every registered one, nothing left out."""

import traceback
from collections.abc import Iterator
from dataclasses import replace

import pytest

from connectors.base import Connector, Login, OutgoingMessage, RoomId
from connectors.checks import connector_errors
from connectors.errors import (
    ConnectorError,
    DeliveryUnknown,
    LoginRejected,
    MessageRejected,
    RetryLater,
    RoomGone,
)
from connectors.markup import plain
from connectors.markup.tree import (
    Bold,
    Code,
    CodeBlock,
    Document,
    Italic,
    Link,
    List,
    Paragraph,
    Quote,
    Text,
)
from connectors.registry import connectors
from sameroom import clock
from tests.connectors.harness import Harness, harness_of, marks_of, peers, read, standing
from tests.connectors.trouble import CUT, HANG, NONSENSE, Trouble, troubled
from tests.waiting import until
from tubes.relay.rendering import fingerprint

# Not the stub: its accounts can, but the one that is tried here is pushed to.
BY_SESSION = [
    kind for kind, cls in sorted(connectors().items()) if cls.capabilities.sends_by_session and kind != "stub"
]
OTHERS = [kind for kind in sorted(connectors()) if kind not in BY_SESSION]


def tried_at(kinds: list[str]) -> list[object]:
    """The peers of these kinds, as parameters."""
    return [pytest.param(peer, marks=marks_of(peer)) for kind in kinds for peer in peers(kind)]


# What only a service can do that keeps what was said, and what only one that posts by its session has to.
keeps_history = pytest.mark.parametrize("peer", tried_at(OTHERS), indirect=True)
posts_by_session = pytest.mark.parametrize("peer", tried_at(BY_SESSION), indirect=True)


@pytest.fixture(params=tried_at([*OTHERS, *BY_SESSION]))
def peer(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def kind(peer: str) -> str:
    return peer.partition("@")[0]


@pytest.fixture
def harness(peer: str) -> Iterator[Harness]:
    with harness_of(peer) as started:
        yield started


@pytest.fixture
def connector(kind: str, harness: Harness) -> Iterator[Connector]:
    made = connectors()[kind](harness.login)
    if kind in BY_SESSION:
        with standing(made, harness.room):
            yield made
    else:
        yield made


def rendered(events: object) -> list[str]:
    return [plain.render(event.body) for event in events]  # type: ignore[attr-defined]


def test_claims_and_methods_agree(kind: str) -> None:
    assert connector_errors(connectors()[kind]) == []


def test_a_login_says_who_it_is(connector: Connector, harness: Harness) -> None:
    identity = connector.verify()

    assert identity.user_id == harness.login.user_id
    assert identity.user_name
    assert identity.server == harness.login.server
    assert identity.space.startswith(harness.login.server)


def test_a_refused_login_says_what_to_do(kind: str, harness: Harness) -> None:
    with pytest.raises(LoginRejected, match=r"[A-Z].*\.$"):
        connectors()[kind](harness.bad_login).verify()


def test_the_room_is_listed_and_described(connector: Connector, harness: Harness) -> None:
    listed = {info.id: info for info in connector.list_rooms()}

    assert connector.room(harness.room) == listed[harness.room]
    assert listed[harness.room].name


def test_a_missing_room_is_gone(connector: Connector, harness: Harness) -> None:
    with pytest.raises(RoomGone):
        connector.room(harness.missing_room)


@keeps_history
def test_a_missing_room_has_nothing_to_read(connector: Connector, harness: Harness) -> None:
    for call in (connector.newest, lambda room: read(connector, room)):
        with pytest.raises(RoomGone):
            call(harness.missing_room)


@keeps_history
def test_an_empty_room_has_nothing_and_then_everything(connector: Connector, harness: Harness) -> None:
    assert (connector.newest(harness.room), read(connector, harness.room).events) == ([], [])

    harness.say("first")

    assert rendered(read(connector, harness.room, expected=1).events) == ["first"]


@keeps_history
def test_reading_goes_on_where_it_was_and_may_be_repeated(connector: Connector, harness: Harness) -> None:
    harness.say("before")
    before = read(connector, harness.room, expected=1)
    ids = [harness.say("one"), harness.say("two")]

    after = read(connector, harness.room, before.place, expected=2)

    assert after.ids == ids
    assert rendered(after.events) == ["one", "two"]
    assert read(connector, harness.room, before.place, expected=2).events == after.events
    assert read(connector, harness.room, after.place).events == []


@keeps_history
def test_a_sent_message_stands_in_history_under_its_id(connector: Connector, harness: Harness) -> None:
    sent = connector.send(harness.room, OutgoingMessage(text="[Ann, Acme] hello"))

    [event] = connector.recent(harness.room).events
    assert (event.id, event.author.id, rendered([event])) == (
        sent,
        harness.login.user_id,
        ["[Ann, Acme] hello"],
    )


LINES = ["ünïcödé 👩‍👩‍👧 🇩🇪", "<b>&amp;</b>", "@all (as ever) :)"]


@pytest.mark.parametrize("text", LINES)
def test_text_arrives_as_it_was_said(text: str, connector: Connector, harness: Harness) -> None:
    harness.say(text)
    connector.send(harness.room, OutgoingMessage(text=text))

    assert harness.texts() == [text, text]


@keeps_history
@pytest.mark.parametrize("text", [*LINES, "line\nline\n\n  indented"])
def test_text_stands_in_history_as_it_was_said(text: str, connector: Connector, harness: Harness) -> None:
    harness.say(text)
    connector.send(harness.room, OutgoingMessage(text=text))

    assert harness.texts() == [text, text]
    assert rendered(connector.recent(harness.room).events) == [text, text]


LISTED = List(((Paragraph((Text("one"),)),), (Paragraph((Text("two"),)),)))
BODIES = {
    "styles": Document((Paragraph((Bold((Text("for"),)), Text(" ~5 of "), Italic((Text("*them*"),)))),)),
    "list": Document((Paragraph((Text("for lunch:"),)), LISTED)),
    "quote": Document((Quote((Paragraph((Text("one"),)), LISTED)), Paragraph((Text("two"),)))),
    "code": Document((Paragraph((Code("a|b"),)), CodeBlock("if a < b:\n\n    c", "py"))),
    "link": Document((Paragraph((Link("https://example.org/?a&b", (Text("that"),)), Text(" `"))),)),
}


@keeps_history
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_post_is_known_again_by_its_words(body: Document, connector: Connector, harness: Harness) -> None:
    text = plain.render(body)
    posted = OutgoingMessage(text, body if connector.capabilities.rich else None)

    connector.send(harness.room, posted)

    [event] = connector.recent(harness.room).events
    assert event.body is not None
    assert fingerprint(plain.render(event.body)) == fingerprint(connector.as_read(posted))


@posts_by_session
def test_what_is_said_and_posted_is_told_by_the_stream(kind: str, harness: Harness) -> None:
    made = connectors()[kind](harness.login)
    with standing(made, harness.room) as living:
        harness.say("one")
        made.send(harness.room, OutgoingMessage(text="[Ann, Acme] two"))
        harness.say("three")

        living.wait(lambda: "three" in living.texts)

    assert harness.texts() == ["one", "[Ann, Acme] two", "three"]
    own = [plain.render(event.body) for _, event in living.events if event.author.id == harness.login.user_id]
    assert [text for text in living.texts if text not in own] == ["one", "three"]
    assert {room for room, _ in living.events} == {harness.room}


@posts_by_session
def test_nothing_is_posted_but_by_the_session(kind: str, harness: Harness) -> None:
    with pytest.raises(RetryLater, match=r"\.$"):
        connectors()[kind](harness.login).send(harness.room, OutgoingMessage(text="hello"))
    assert harness.texts() == []


@posts_by_session
def test_a_hundred_lines_at_once_all_arrive_in_order(kind: str, harness: Harness) -> None:
    made = connectors()[kind](harness.login)
    texts = [f"line {number}" for number in range(100)]
    with standing(made, harness.room) as living:
        for text in texts:
            living.insist(harness.room, text)

    assert harness.texts() == texts


def test_the_longest_text_passes_and_a_longer_one_is_rejected(
    kind: str, connector: Connector, harness: Harness
) -> None:
    longest = connector.capabilities.max_text_length
    # A session declares what fits into a line anywhere: beside a short name more does.
    longer = longest * 2 if kind in BY_SESSION else longest + 1
    connector.send(harness.room, OutgoingMessage(text="x" * longest))

    with pytest.raises(MessageRejected):
        connector.send(harness.room, OutgoingMessage(text="x" * longer))
    assert len(harness.texts()) == 1


def test_a_send_whose_turn_has_passed_is_not_made(connector: Connector, harness: Harness) -> None:
    with pytest.raises(RetryLater):
        connector.send(harness.room, OutgoingMessage(text="late", not_after=clock.monotonic() - 1))
    assert harness.texts() == []


@keeps_history
def test_the_end_of_a_history_says_whether_it_is_whole(connector: Connector, harness: Harness) -> None:
    assert connector.recent(harness.room).whole
    for number in range(3):
        harness.say(str(number))

    recent = connector.recent(harness.room)
    assert (rendered(recent.events), recent.whole) == (["0", "1", "2"], True)


def test_escaping_changes_nothing_that_is_seen(connector: Connector) -> None:
    text = "[Ann] hello @all @Bob a@b.c /me s/x/y/ <!channel>"

    assert connector.escape(text).replace("\u200b", "") == text


def test_no_error_holds_a_secret(kind: str, harness: Harness) -> None:
    login = harness.login
    stranger = Login(
        getattr(harness, "nowhere", "http://127.0.0.1:9"), login.credentials, login.user_id, login.team_id
    )
    connector = connectors()[kind](stranger if login.server else login)
    calls = (
        connector.verify,
        lambda: connector.room(RoomId("999999")),
        lambda: connector.send(RoomId("999999"), OutgoingMessage(text="x")),
    )
    texts = [repr(connector.login)]
    for call in calls:
        try:
            call()
        except ConnectorError as error:
            texts += [str(error), repr(error), "".join(traceback.format_exception(error))]

    assert len(texts) > 3
    assert [text for text in texts for secret in harness.secrets if secret in text] == []


# ----------------------------------------------------------------- servers in trouble

# Of those that are asked by HTTP; echo is in this process, and those by session have tests of their own.
NETWORKED = [kind for kind in OTHERS if kind != "echo"]


@pytest.fixture
def trouble() -> Iterator[Trouble]:
    with troubled() as server:
        yield server


@pytest.fixture(params=[pytest.param(kind, marks=marks_of(kind)) for kind in NETWORKED])
def victim(request: pytest.FixtureRequest, trouble: Trouble) -> Connector:
    """A connector whose server is in trouble."""
    with harness_of(str(request.param)) as harness:
        login = replace(harness.login, server=trouble.url)
    return connectors()[str(request.param)](login)


def send(connector: Connector) -> None:
    connector.send(RoomId("1"), OutgoingMessage(text="hello", idempotency_key="key"))


@pytest.mark.parametrize("what", [HANG, CUT, NONSENSE, 500, 502, 504])
def test_a_send_that_is_not_clearly_answered_may_have_arrived(
    what: str | int, victim: Connector, trouble: Trouble
) -> None:
    trouble.what = what
    deadline = 2.0 if what == HANG else victim.capabilities.send_deadline
    victim.capabilities = replace(victim.capabilities, send_deadline=deadline)
    began = clock.monotonic()

    with pytest.raises(DeliveryUnknown, match=r"\.$"):
        send(victim)

    assert clock.monotonic() - began < deadline + 2
    until(lambda: trouble.requests)
    assert trouble.requests == 1  # not repeated


def test_a_limit_is_told_with_its_time_for_reads_and_sends(victim: Connector, trouble: Trouble) -> None:
    trouble.what, trouble.headers = 429, {"Retry-After": "17"}

    for call in (send, lambda connector: connector.room(RoomId("1"))):
        with pytest.raises(RetryLater) as caught:
            call(victim)  # type: ignore[no-untyped-call]
        assert caught.value.seconds == pytest.approx(17, abs=2)


@pytest.mark.parametrize("what", [CUT, NONSENSE, 500, 503])
def test_a_read_that_is_not_clearly_answered_is_for_later(
    what: str | int, victim: Connector, trouble: Trouble
) -> None:
    trouble.what = what

    for call in (victim.room, victim.recent):
        with pytest.raises(RetryLater, match=r"\.$"):
            call(RoomId("1"))


def test_nobody_there_means_surely_not_sent(victim: Connector) -> None:
    nobody = type(victim)(replace(victim.login, server="http://127.0.0.1:9"))

    with pytest.raises(RetryLater):
        send(nobody)
