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
from connectors.registry import connectors
from sameroom import clock
from tests.connectors.harness import Harness, harness_of, marks_of, read
from tests.connectors.trouble import CUT, HANG, NONSENSE, Trouble, troubled


@pytest.fixture(params=[pytest.param(kind, marks=marks_of(kind)) for kind in sorted(connectors())])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def harness(kind: str) -> Iterator[Harness]:
    with harness_of(kind) as started:
        yield started


@pytest.fixture
def connector(kind: str, harness: Harness) -> Connector:
    return connectors()[kind](harness.login)


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
    for call in (connector.room, connector.newest, lambda room: read(connector, room)):
        with pytest.raises(RoomGone):
            call(harness.missing_room)


def test_an_empty_room_has_nothing_and_then_everything(connector: Connector, harness: Harness) -> None:
    assert (connector.newest(harness.room), read(connector, harness.room).events) == ([], [])

    harness.say("first")

    assert rendered(read(connector, harness.room, expected=1).events) == ["first"]


def test_reading_goes_on_where_it_was_and_may_be_repeated(connector: Connector, harness: Harness) -> None:
    harness.say("before")
    before = read(connector, harness.room, expected=1)
    ids = [harness.say("one"), harness.say("two")]

    after = read(connector, harness.room, before.place, expected=2)

    assert after.ids == ids
    assert rendered(after.events) == ["one", "two"]
    assert read(connector, harness.room, before.place, expected=2).events == after.events
    assert read(connector, harness.room, after.place).events == []


def test_a_sent_message_stands_in_history_under_its_id(connector: Connector, harness: Harness) -> None:
    sent = connector.send(harness.room, OutgoingMessage(text="[Ann, Acme] hello"))

    [event] = connector.recent(harness.room).events
    assert (event.id, event.author.id, rendered([event])) == (
        sent,
        harness.login.user_id,
        ["[Ann, Acme] hello"],
    )


@pytest.mark.parametrize(
    "text", ["ünïcödé 👩‍👩‍👧 🇩🇪", "<b>&amp;</b>", "line\nline\n\n  indented", "@all (as ever) :)"]
)
def test_text_arrives_as_it_was_said(text: str, connector: Connector, harness: Harness) -> None:
    harness.say(text)
    connector.send(harness.room, OutgoingMessage(text=text))

    assert harness.texts() == [text, text]
    assert rendered(connector.recent(harness.room).events) == [text, text]


def test_the_longest_text_passes_and_a_longer_one_is_rejected(connector: Connector, harness: Harness) -> None:
    longest = connector.capabilities.max_text_length
    connector.send(harness.room, OutgoingMessage(text="x" * longest))

    with pytest.raises(MessageRejected):
        connector.send(harness.room, OutgoingMessage(text="x" * (longest + 1)))
    assert len(harness.texts()) == 1


def test_a_send_whose_turn_has_passed_is_not_made(connector: Connector, harness: Harness) -> None:
    with pytest.raises(RetryLater):
        connector.send(harness.room, OutgoingMessage(text="late", not_after=clock.monotonic() - 1))
    assert harness.texts() == []


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
    stranger = Login("http://127.0.0.1:9", login.credentials, login.user_id, login.team_id)
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

NETWORKED = [kind for kind in sorted(connectors()) if kind != "echo"]  # which is in this process


@pytest.fixture
def trouble() -> Iterator[Trouble]:
    with troubled() as server:
        yield server


@pytest.fixture(params=[pytest.param(kind, marks=marks_of(kind)) for kind in NETWORKED])
def victim(request: pytest.FixtureRequest, trouble: Trouble) -> Connector:
    """A connector whose server is in trouble, with a second for each send."""
    with harness_of(str(request.param)) as harness:
        login = replace(harness.login, server=trouble.url)
    made = connectors()[str(request.param)](login)
    made.capabilities = replace(made.capabilities, send_deadline=1.0)
    return made


def send(connector: Connector) -> None:
    connector.send(RoomId("1"), OutgoingMessage(text="hello", idempotency_key="key"))


@pytest.mark.parametrize("what", [HANG, CUT, NONSENSE, 500, 502, 504])
def test_a_send_that_is_not_clearly_answered_may_have_arrived(
    what: str | int, victim: Connector, trouble: Trouble
) -> None:
    trouble.what = what
    began = clock.monotonic()

    with pytest.raises(DeliveryUnknown, match=r"\.$"):
        send(victim)

    assert clock.monotonic() - began < 3
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
