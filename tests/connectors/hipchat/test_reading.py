from uuid import uuid4

import pytest

from connectors.base import Attachment, Cursor, IncomingEvent, MessageId
from connectors.errors import LoginRejected, RetryLater, RoomGone
from connectors.hipchat.connector import HipChatConnector
from connectors.hipchat.history import event_of
from connectors.markup import plain
from sameroom import clock
from tests.connectors.hipchat.harness import HipChatHarness


def rendered(events: object) -> list[str]:
    return [plain.render(event.body) for event in events]  # type: ignore[attr-defined]


def test_more_than_a_page_since_the_anchor_is_read_whole_and_in_order(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    hipchat.say("anchor")
    [cursor] = connector.newest(hipchat.room)
    said = [f"message {number}" for number in range(350)]
    for text in said:
        hipchat.say(text)

    page = connector.read_after(hipchat.room, cursor)

    assert (rendered(page.events), page.gap) == (said, False)


def test_an_anchor_that_is_gone_falls_back_on_the_time(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    hipchat.say("before")
    [cursor] = connector.newest(hipchat.room)
    hipchat.say("after")

    page = connector.read_after(hipchat.room, Cursor(MessageId("0" * 8), cursor.time))

    assert rendered(page.events) == ["before", "after"]


def test_a_purged_anchor_that_is_answered_404_takes_no_room_away(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    hipchat.world.set_switches(unknown_not_before="404")
    hipchat.say("before")
    [cursor] = connector.newest(hipchat.room)
    hipchat.say("after")

    page = connector.read_after(hipchat.room, Cursor(MessageId(str(uuid4())), cursor.time))

    assert (rendered(page.events), page.gap) == (["before", "after"], True)


def test_thousands_of_messages_are_caught_up_with(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    hipchat.say("anchor")
    [cursor] = connector.newest(hipchat.room)
    for number in range(3000):
        hipchat.say(str(number))
    hipchat.world.set_limits(requests=100)

    page = connector.read_after(hipchat.room, cursor)

    assert rendered(page.events) == [str(number) for number in range(3000)]


def test_the_position_moves_past_deleted_items(hipchat: HipChatHarness, connector: HipChatConnector) -> None:
    hipchat.say("anchor")
    [cursor] = connector.newest(hipchat.room)
    gone = hipchat.say("taken back")
    hipchat.world.delete_message(gone)

    page = connector.read_after(hipchat.room, cursor)

    assert page.events == []
    assert page.cursor is not None
    assert page.cursor.id == gone


def test_a_deleted_anchor_is_still_an_anchor(hipchat: HipChatHarness, connector: HipChatConnector) -> None:
    anchor = hipchat.say("anchor")
    [cursor] = connector.newest(hipchat.room)
    hipchat.world.delete_message(anchor)
    hipchat.say("after")

    page = connector.read_after(hipchat.room, cursor)

    assert (rendered(page.events), page.gap) == (["after"], False)


def test_rooms_are_listed_page_by_page(
    hipchat: HipChatHarness, connector: HipChatConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.hipchat.connector.ROOMS_PER_PAGE", 2)
    for number in range(5):
        hipchat.world.create_room(hipchat.person.id, f"Extra {number}")

    names = [room.name for room in connector.list_rooms()]

    assert {f"Extra {number}" for number in range(5)} <= set(names)
    assert len(names) == len(set(names))


def test_an_archived_room_says_so(hipchat: HipChatHarness, connector: HipChatConnector) -> None:
    hipchat.world.archive_room(hipchat.room_record.id)

    assert connector.room(hipchat.room).is_archived


def test_a_room_closed_to_us_is_gone(hipchat: HipChatHarness, connector: HipChatConnector) -> None:
    private = hipchat.world.create_room(hipchat.person.id, "Secret", privacy="private")

    with pytest.raises(RoomGone):
        connector.read_after(str(private.id), None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 502, "body": "<html>Bad gateway</html>"},
        {"status": 500, "body": {"error": {"code": 500}}},
        {"status": 200, "body": "<html>maintenance</html>"},
        {"status": 200, "body": {"items": "none"}},
        {"cut": "before"},
        {"cut": "inside"},
        {"cut": "garbage"},
        {"status": 429},
    ],
)
def test_trouble_while_reading_is_a_reason_to_try_later(
    fault: dict[str, object], hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    hipchat.fault(path="/history/latest", **fault)

    with pytest.raises(RetryLater):
        connector.read_after(hipchat.room, None)


def test_one_401_with_a_token_that_is_fine_is_no_refused_login(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    hipchat.fault(path="/history/latest", status=401, body={"error": {"code": 401}})

    with pytest.raises(RetryLater):
        connector.read_after(hipchat.room, None)


def test_a_revoked_token_is_a_refused_login(hipchat: HipChatHarness, connector: HipChatConnector) -> None:
    hipchat.world.revoke_token(hipchat.token)

    with pytest.raises(LoginRejected):
        connector.read_after(hipchat.room, None)


def test_a_lost_scope_is_a_refused_login_that_names_it(hipchat: HipChatHarness) -> None:
    token = hipchat.world.create_token(hipchat.ann.id, ["view_room"]).token

    with pytest.raises(LoginRejected, match="view_messages"):
        HipChatConnector(hipchat.login_with(token)).read_after(hipchat.room, None)


def test_a_limit_in_the_headers_is_learned(hipchat: HipChatHarness, connector: HipChatConnector) -> None:
    slow = connector.budget.poll_interval(1, fastest=0.5)

    connector.read_after(hipchat.room, None)

    assert (slow > 2, connector.budget.poll_interval(1, fastest=0.5)) == (True, 0.5)


def item(**changes: object) -> dict[str, object]:
    return {
        "id": "i-1",
        "date": "2018-05-02T09:11:40.123456+00:00",
        "type": "message",
        "from": {"id": 502, "name": "Bo Ray", "mention_name": "Bo"},
        "message": "hello",
        "mentions": [],
    } | changes


def event(**changes: object) -> IncomingEvent:
    found = event_of(item(**changes))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("sender", "author"),
    [
        ({"id": 502, "name": "Bo Ray", "mention_name": "Bo"}, ("502", "Bo Ray", "Bo")),
        ({"id": "502", "mention_name": "Bo"}, ("502", "Bo", "Bo")),
        ("Jenkins", ("", "Jenkins", "")),
        (None, ("", "HipChat", "")),
        (7, ("", "7", "")),
    ],
)
def test_the_author_is_an_object_a_string_or_null(sender: object, author: tuple[str, str, str]) -> None:
    found = event(**{"from": sender}).author

    assert (found.id, found.name, found.username) == author


@pytest.mark.parametrize(
    "changes",
    [
        {"message": None},
        {"message": 5},
        {"message": "  \n"},
        {"type": "topic"},
        {"type": "guest_access"},
        {"type": "something new"},
        {"type": "notification", "attach_to": "x", "notification_sender": {"id": "hipchat-clinky"}},
    ],
)
def test_what_is_not_relayed(changes: dict[str, object]) -> None:
    assert event_of(item(**changes)) is None


@pytest.mark.parametrize(
    ("changes", "files"),
    [
        (
            {"file": {"name": " shot.png", "size": 7, "url": "https://files.example/shot.png"}},
            [Attachment("shot.png", 7, url="https://files.example/shot.png")],
        ),
        ({"file": {"url": "https://files.example/a"}}, [Attachment("file", url="https://files.example/a")]),
        (
            {"authenticated_file": {"id": "7c2f", "name": "a.zip", "size": "5"}},
            [Attachment("a.zip", None, reference="7c2f")],
        ),
    ],
)
def test_the_file_of_an_item(changes: dict[str, object], files: list[Attachment]) -> None:
    found = event(message="", **changes)

    assert (found.attachments, found.body) == (files, plain.parse(""))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"message": "<b>literal</b> &amp; text"}, "<b>literal</b> &amp; text"),
        (
            {
                "type": "notification",
                "message_format": "html",
                "message": "Build <a href='x'>#42</a> &amp; <b>done</b>",
            },
            "Build #42 & done",
        ),
        ({"message": "nul\x00 and \ud800"}, "nul and \ufffd"),
    ],
)
def test_the_text_of_an_item(changes: dict[str, object], text: str) -> None:
    assert rendered([event(**changes)]) == [text]


@pytest.mark.parametrize(
    "date", ["2018-05-02T09:11:40", "2018-05-02T11:11:40+0200", "2018-05-02T09:11:40.000000Z"]
)
def test_every_spelling_of_a_date_is_the_same_moment(date: str) -> None:
    assert event(date=date).said_at.isoformat() == event(
        date="2018-05-02T09:11:40+00:00"
    ).said_at.isoformat() or (event(date=date).said_at == event(date="2018-05-02T09:11:40+00:00").said_at)


def test_the_clock_of_the_project_is_not_the_services(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    hipchat.world.advance_clock(3600)
    hipchat.say("from the future")

    [found] = connector.recent(hipchat.room).events

    assert found.said_at > clock.now()
