"""`s/old/new/` read as an edit of the sender's last message, by the real connector from a real server."""

import pytest

from connectors.base import Cursor, IncomingEvent, Kind, MessageId
from connectors.hipchat.connector import HipChatConnector
from connectors.hipchat.corrections import LOOK_BACK
from connectors.hipchat.reading import PAGE
from connectors.markup import plain
from tests.connectors.hipchat.harness import HipChatHarness
from tests.connectors.hipchat.items import item, rendered


@pytest.fixture
def anchor(hipchat: HipChatHarness, connector: HipChatConnector) -> Cursor:
    hipchat.world.post_message(hipchat.room_record.id, hipchat.ann.id, "anchor")
    [cursor] = connector.newest(hipchat.room)
    return cursor


def heard(events: list[IncomingEvent]) -> list[tuple[Kind, str, MessageId | None]]:
    return [(event.kind, plain.render(event.body), event.target) for event in events if event.body]


def polls(hipchat: HipChatHarness) -> int:
    return hipchat.world.request_counts()[hipchat.token]["total"]


def test_a_correction_is_an_edit_of_the_senders_last_message(
    hipchat: HipChatHarness, connector: HipChatConnector, anchor: Cursor
) -> None:
    first = hipchat.say("helo wrld")
    hipchat.world.post_message(hipchat.room_record.id, hipchat.ann.id, "somebody else: helo")
    command = hipchat.say("s/helo/hello/")

    [said, _, edit] = connector.read_after(hipchat.room, anchor).events

    assert (said.id, plain.render(said.body)) == (first, "helo wrld")  # type: ignore[arg-type]
    assert (edit.kind, edit.target, edit.dedupe_key, edit.id) == (Kind.EDIT, first, command, command)
    assert edit.author.name == hipchat.person.name
    assert rendered([edit]) == ["hello wrld"]
    assert polls(hipchat) == 2  # the anchor's, and this one


def test_several_corrections_build_on_each_other(
    hipchat: HipChatHarness, connector: HipChatConnector, anchor: Cursor
) -> None:
    first = hipchat.say("helo wrld (heart)")
    for command in ("s/helo/hello/", "s/wrld/world", "s/ world//", "s/(heart)/(beer)/"):
        hipchat.say(command)

    assert heard(connector.read_after(hipchat.room, anchor).events)[1:] == [  # type: ignore[arg-type]
        (Kind.EDIT, "hello wrld ❤️", first),
        (Kind.EDIT, "hello world ❤️", first),
        (Kind.EDIT, "hello ❤️", first),
        (Kind.EDIT, "hello 🍺", first),
    ]


def test_only_the_first_occurrence_is_replaced_and_literally(
    hipchat: HipChatHarness, connector: HipChatConnector, anchor: Cursor
) -> None:
    hipchat.say("a.b axb a.b")
    hipchat.say("s/a.b/\\1$&/")

    assert rendered(connector.read_after(hipchat.room, anchor).events)[1:] == ["\\1$& axb a.b"]


def test_the_message_may_have_been_read_before(
    hipchat: HipChatHarness, connector: HipChatConnector, anchor: Cursor
) -> None:
    first = hipchat.say("helo wrld")
    hipchat.say("s/helo/hello/")
    hipchat.world.post_message(hipchat.room_record.id, hipchat.ann.id, "between")
    page = connector.read_after(hipchat.room, anchor)
    hipchat.say("s/wrld/world/")
    before = polls(hipchat)

    [edit] = connector.read_after(hipchat.room, page.cursor).events

    assert heard([edit]) == [(Kind.EDIT, "hello world", first)]
    assert polls(hipchat) - before == 2
    assert connector.read_after(hipchat.room, anchor).events[-1] == edit


def test_the_anchor_itself_may_be_corrected_for_no_further_request(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    first = hipchat.say("helo")
    [cursor] = connector.newest(hipchat.room)
    hipchat.say("s/helo/hello/")
    before = polls(hipchat)

    assert heard(connector.read_after(hipchat.room, cursor).events) == [(Kind.EDIT, "hello", first)]  # type: ignore[arg-type]
    assert polls(hipchat) - before == 1


@pytest.mark.parametrize("distance", [1, LOOK_BACK - 1, LOOK_BACK, LOOK_BACK + 1, PAGE])
def test_it_is_the_same_from_wherever_the_history_is_read(
    distance: int, hipchat: HipChatHarness, connector: HipChatConnector, anchor: Cursor
) -> None:
    hipchat.say("helo")
    places = [anchor, *connector.newest(hipchat.room)]
    for number in range(distance - 1):
        hipchat.world.post_message(hipchat.room_record.id, hipchat.ann.id, f"line {number}")
        if number in (0, distance // 2):
            places += connector.newest(hipchat.room)
    hipchat.say("s/helo/hello/")
    for number in range(3):
        hipchat.say(f"after {number}")

    found = [connector.read_after(hipchat.room, place).events[-4] for place in places]

    assert {(event.kind, plain.render(event.body)) for event in found if event.body} == {
        (Kind.EDIT, "hello") if distance <= LOOK_BACK else (Kind.MESSAGE, "s/helo/hello/")
    }


@pytest.mark.parametrize("behind", [200, 2 * PAGE])
def test_a_correction_before_a_burst_is_found_too(
    behind: int, hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    first = hipchat.say("helo")
    for number in range(80):
        hipchat.world.post_message(hipchat.room_record.id, hipchat.ann.id, f"between {number}")
    [cursor] = connector.newest(hipchat.room)
    hipchat.say("s/helo/hello/")
    for number in range(behind):
        hipchat.say(f"line {number}")

    events = connector.read_after(hipchat.room, cursor).events

    assert heard(events[:2]) == [(Kind.EDIT, "hello", first), (Kind.MESSAGE, "line 0", None)]  # type: ignore[arg-type]
    assert len(events) == behind + 1


def test_a_correction_of_a_moment_ago_does_not_wait_for_queries_by_date(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    hipchat.world.set_switches(date_lag_seconds=30)
    first = hipchat.say("helo")
    hipchat.world.post_message(hipchat.room_record.id, hipchat.ann.id, "between")
    [cursor] = connector.newest(hipchat.room)
    hipchat.say("s/helo/hello/")

    assert heard(connector.read_after(hipchat.room, cursor).events) == [(Kind.EDIT, "hello", first)]  # type: ignore[arg-type]


def test_two_who_have_no_id_are_not_taken_for_one(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    nobody = [
        item(id="i-1", message="helo", **{"from": None}),
        item(id="i-2", message="s/e/o/", **{"from": "X"}),
    ]
    hipchat.fault(path="/history/latest", status=200, body={"items": nobody})

    assert rendered(connector.read_after(hipchat.room, None).events) == ["helo", "s/e/o/"]


@pytest.mark.parametrize("before", [None, "no match here", "/me waves"])
def test_a_correction_that_changes_nothing_is_a_message(
    before: str | None, hipchat: HipChatHarness, connector: HipChatConnector, anchor: Cursor
) -> None:
    if before:
        hipchat.say(before)
    command = hipchat.say("s/helo/hello/")

    event = connector.read_after(hipchat.room, anchor).events[-1]

    assert (event.kind, event.id, rendered([event])) == (Kind.MESSAGE, command, ["s/helo/hello/"])


def test_a_correction_is_never_corrected(
    hipchat: HipChatHarness, connector: HipChatConnector, anchor: Cursor
) -> None:
    first = hipchat.say("one")
    hipchat.say("s/missing/x/")
    hipchat.say("s/one/two/")

    assert heard(connector.read_after(hipchat.room, anchor).events)[1:] == [  # type: ignore[arg-type]
        (Kind.MESSAGE, "s/missing/x/", None),
        (Kind.EDIT, "two", first),
    ]


def test_a_deleted_message_is_not_corrected(
    hipchat: HipChatHarness, connector: HipChatConnector, anchor: Cursor
) -> None:
    first = hipchat.say("one and two")
    hipchat.world.delete_message(hipchat.say("two"))
    hipchat.say("s/two/three/")

    assert heard(connector.read_after(hipchat.room, anchor).events)[1:] == [
        (Kind.EDIT, "one and three", first)
    ]  # type: ignore[arg-type]


def test_a_description_is_corrected_and_its_file_stays(
    hipchat: HipChatHarness, connector: HipChatConnector, anchor: Cursor
) -> None:
    room, person = hipchat.room_record.id, hipchat.person.id
    file = {"name": "a.txt", "content_type": "text/plain", "content": b"x"}
    hipchat.world.post_file(room, person, text="helo", **file)
    hipchat.say("s/helo/hello/")

    shared, correction = connector.read_after(hipchat.room, anchor).events

    assert rendered([shared, correction]) == ["helo", "hello"]
    assert ([file.name for file in shared.attachments], correction.attachments) == (["a.txt"], ())


def test_a_description_is_no_correction(
    hipchat: HipChatHarness, connector: HipChatConnector, anchor: Cursor
) -> None:
    hipchat.say("helo")
    hipchat.world.post_file(
        hipchat.room_record.id,
        hipchat.person.id,
        name="a.txt",
        content_type="text/plain",
        content=b"x",
        text="s/helo/hello/",
    )

    assert [event.kind for event in connector.read_after(hipchat.room, anchor).events] == [Kind.MESSAGE] * 2


def test_a_message_that_would_grow_beyond_what_hipchat_takes_is_left_as_it_is(
    hipchat: HipChatHarness, connector: HipChatConnector, anchor: Cursor
) -> None:
    hipchat.say("x" + "y" * 32_767)
    hipchat.say("s/x/xx/")

    assert connector.read_after(hipchat.room, anchor).events[-1].kind == Kind.MESSAGE


def test_a_message_is_corrected_to_nothing(
    hipchat: HipChatHarness, connector: HipChatConnector, anchor: Cursor
) -> None:
    hipchat.say("oops")
    hipchat.say("s/oops//")

    edit = connector.read_after(hipchat.room, anchor).events[-1]

    assert (edit.kind, rendered([edit])) == (Kind.EDIT, [""])


def test_notifications_neither_correct_nor_are_corrected(
    hipchat: HipChatHarness, connector: HipChatConnector, anchor: Cursor
) -> None:
    for text in ("helo", "s/helo/hello/"):
        hipchat.world.post_notification(hipchat.room_record.id, "Jenkins", text, message_format="text")

    assert [event.kind for event in connector.read_after(hipchat.room, anchor).events] == [Kind.MESSAGE] * 2


def test_what_a_send_is_looked_up_in_holds_corrections_as_they_were_typed(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    hipchat.say("helo")
    hipchat.say("s/helo/hello/")

    assert rendered(connector.recent(hipchat.room).events) == ["helo", "s/helo/hello/"]
