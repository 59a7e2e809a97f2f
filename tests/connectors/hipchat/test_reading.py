from uuid import uuid4

import pytest

from connectors.base import Cursor, MessageId
from connectors.errors import LoginRejected, RetryLater, RoomGone
from connectors.hipchat.connector import HipChatConnector
from sameroom import clock
from tests.connectors.hipchat.harness import HipChatHarness
from tests.connectors.hipchat.items import rendered


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


def test_the_clock_of_the_project_is_not_the_services(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    hipchat.world.advance_clock(3600)
    hipchat.say("from the future")

    [found] = connector.recent(hipchat.room).events

    assert found.said_at > clock.now()
