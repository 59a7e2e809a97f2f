"""Every quirk of HipChat's API that concerns reading, by the real connector from a real server.

The numbers are those of the list of quirks that we keep of the service's behaviour.
"""

from datetime import timedelta
from typing import Any

import pytest

from connectors.base import Cursor, MessageId
from connectors.errors import RetryLater, RoomGone
from connectors.hipchat import reading
from connectors.hipchat.connector import HipChatConnector
from connectors.markup.tree import Mention, Paragraph
from sameroom import clock
from sandbox.clock import iso
from tests.connectors.hipchat.harness import HipChatHarness
from tests.connectors.hipchat.items import item, rendered


def answer(hipchat: HipChatHarness, *items: dict[str, Any], **fault: Any) -> None:
    hipchat.fault(path="/history", status=200, body={"items": list(items)}, **fault)


def polls(hipchat: HipChatHarness) -> dict[str, int]:
    return hipchat.world.request_counts()[hipchat.token]


def test_quirk_01_from_is_an_object_a_string_or_null(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    hipchat.say("a person")
    hipchat.world.post_notification(hipchat.room_record.id, "Jenkins", "an integration")
    [person, integration] = connector.read_after(hipchat.room, None).events
    answer(hipchat, item(**{"from": None}))
    [nobody] = connector.read_after(hipchat.room, None).events

    found = [event.author for event in (person, integration, nobody)]
    assert [(author.id, author.name) for author in found] == [
        (str(hipchat.person.id), hipchat.person.name),
        ("", "Jenkins"),
        ("", "HipChat"),
    ]


def test_quirk_02_a_deleted_message_is_passed_over(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    hipchat.say("first")
    hipchat.world.delete_message(hipchat.say("taken back"))
    hipchat.say("last")

    assert rendered(connector.read_after(hipchat.room, None).events) == ["first", "last"]


def test_quirk_03_and_04_the_anchor_comes_back_and_is_not_read_again(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    hipchat.say("anchor")
    [cursor] = connector.newest(hipchat.room)

    only_the_anchor = connector.read_after(hipchat.room, cursor)
    hipchat.say("new")
    more = connector.read_after(hipchat.room, cursor)

    assert (only_the_anchor.events, only_the_anchor.cursor, only_the_anchor.gap) == ([], cursor, False)
    assert (rendered(more.events), more.gap) == (["new"], False)
    assert polls(hipchat)["total"] == 3


def test_quirk_05_without_the_anchor_there_is_a_gap_that_is_filled_in_order_and_once(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    hipchat.say("anchor")
    [cursor] = connector.newest(hipchat.room)
    texts = [f"line {number}" for number in range(2 * reading.PAGE + 20)]
    ids = [hipchat.say(text) for text in texts]

    page = connector.read_after(hipchat.room, cursor)

    assert [event.id for event in page.events] == ids
    assert (rendered(page.events), page.gap, page.cursor and page.cursor.id) == (texts, False, ids[-1])


def test_quirk_05_a_dropped_anchor_is_looked_for_once_more(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    hipchat.say("anchor")
    [cursor] = connector.newest(hipchat.room)
    hipchat.say("new")
    hipchat.fault(path="/history/latest", drop_anchor=True)

    page = connector.read_after(hipchat.room, cursor)

    assert (rendered(page.events), page.gap) == (["new"], False)


@pytest.mark.parametrize("answered", [200, 404])
def test_quirk_05_an_anchor_unknown_to_the_server_hides_nothing(
    answered: int, hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    """What a server does with one that was purged, nobody wrote down."""
    hipchat.say("before")
    [cursor] = connector.newest(hipchat.room)
    hipchat.say("after")
    purged = Cursor(MessageId("purged"), cursor.time)
    body: dict[str, Any] = {"items": []} if answered == 200 else {"error": {"code": 404, "message": "gone"}}
    hipchat.fault(path="/history/latest", status=answered, body=body)

    page = connector.read_after(hipchat.room, purged)

    assert (rendered(page.events), page.gap) == (["before", "after"], True)
    assert connector.read_after(hipchat.room, page.cursor).gap is False


def test_quirk_08_a_file_may_have_no_text(hipchat: HipChatHarness, connector: HipChatConnector) -> None:
    """Quirk 28: its name has blanks and accents, its address is percent-encoded."""
    hipchat.world.post_file(
        hipchat.room_record.id,
        hipchat.person.id,
        name="Bild é 1.png",
        content_type="image/png",
        content=b"x",
    )

    [event] = connector.read_after(hipchat.room, None).events
    [file] = event.attachments

    assert (rendered([event]), file.name, file.size) == ([""], "Bild é 1.png", 1)
    assert file.url.endswith("/Bild%20%C3%A9%201.png")


def test_quirk_08_a_file_behind_a_login_is_named(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    hipchat.world.set_switches(authenticated_files=True)
    hipchat.world.post_file(
        hipchat.room_record.id,
        hipchat.person.id,
        name="a.zip",
        content_type="application/zip",
        content=b"12345",
    )

    [event] = connector.read_after(hipchat.room, None).events
    [file] = event.attachments

    assert (file.name, file.size, file.url, file.reference != "") == ("a.zip", 5, "", True)


@pytest.mark.parametrize("text", ["Room not found", "Room 7 not found", "Raum unbekannt"])
def test_quirk_11_the_words_of_a_404_do_not_matter(
    text: str, hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    hipchat.fault(path="/history", count=-1, status=404, body={"error": {"code": 404, "message": text}})

    with pytest.raises(RoomGone):
        connector.read_after(hipchat.room, None)


def test_quirk_12_a_401_of_one_query_is_checked_with_the_session(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    hipchat.say("anchor")
    [cursor] = connector.newest(hipchat.room)
    for number in range(reading.PAGE + 5):
        hipchat.say(str(number))
    hipchat.fault(
        path=r"/history\?", status=401, body={"error": {"code": 401, "message": "Invalid OAuth session"}}
    )

    with pytest.raises(RetryLater):
        connector.read_after(hipchat.room, cursor)
    assert len(connector.read_after(hipchat.room, cursor).events) == reading.PAGE + 5


def test_quirk_13_a_query_by_date_that_runs_behind_leaves_no_hole(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    hipchat.say("anchor")
    [cursor] = connector.newest(hipchat.room)
    hipchat.world.set_switches(date_lag_seconds=30)
    texts = [str(number) for number in range(2 * reading.PAGE)]
    for text in texts:
        hipchat.say(text)

    with pytest.raises(RetryLater) as caught:
        connector.read_after(hipchat.room, cursor)
    hipchat.world.advance_clock(60)

    assert caught.value.seconds == reading.LAG_PAUSE
    assert rendered(connector.read_after(hipchat.room, cursor).events) == texts


def test_quirk_13_a_query_by_date_that_never_repeats_its_bound_stops_nobody_for_good(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    """The items joining two pages are missing, and so old that no index can be that late."""
    ago = clock.now() - timedelta(hours=1)
    dates = [(ago + timedelta(seconds=number)).isoformat() for number in range(reading.PAGE + 1)]
    items = [item(id=f"i-{number}", message=str(number), date=date) for number, date in enumerate(dates)]
    answer(hipchat, *items[1:])
    answer(hipchat, items[0])
    cursor = Cursor(MessageId("i-0"), ago)

    page = connector.read_after(hipchat.room, cursor)

    assert rendered(page.events) == [str(number) for number in range(1, reading.PAGE + 1)]


def test_quirk_14_dates_come_in_several_spellings(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    dates = [
        "2018-05-02T09:11:40",
        "2018-05-02T11:11:41+0200",
        "2018-05-02T09:11:41.5Z",
        "2018-05-02T09:11:41.500001+00:00",
        "2018-05-02T10:11:42+01:00",
    ]
    items = [item(id=f"i-{number}", message=str(number), date=date) for number, date in enumerate(dates)]
    answer(hipchat, *reversed(items))

    page = connector.read_after(hipchat.room, None)

    assert rendered(page.events) == ["0", "1", "2", "3", "4"]
    assert [event.said_at.utcoffset() is not None for event in page.events] == [True] * 5


def test_quirk_14_a_server_that_leaves_out_fractions_is_read_back_without_a_hole(
    hipchat: HipChatHarness, connector: HipChatConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page begins in the middle of a second; what was said before in that second is asked for too."""
    monkeypatch.setattr("sandbox.shapes.iso", lambda stamp, zone=None: iso(stamp).partition(".")[0])
    hipchat.say("anchor")
    [cursor] = connector.newest(hipchat.room)
    texts = [str(number) for number in range(reading.PAGE + 50)]
    for text in texts[:100]:
        hipchat.say(text)
    hipchat.world.advance_clock(2)
    for text in texts[100:]:
        hipchat.say(text)

    page = connector.read_after(hipchat.room, cursor)

    assert (rendered(page.events), page.gap) == (texts, False)


def test_quirk_15_two_messages_of_one_microsecond_keep_their_order(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    items = [item(id=name, message=name) for name in ("f", "a", "e", "b")]
    answer(hipchat, *items)
    cursor = connector.newest(hipchat.room, 4)[1]
    answer(hipchat, *items)

    assert rendered(connector.read_after(hipchat.room, cursor).events) == ["e", "b"]


def test_quirk_18_a_renamed_room_is_read_under_its_id(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    hipchat.say("before")
    hipchat.world.rename_room(hipchat.room_record.id, "Other name")
    hipchat.say("after")

    assert rendered(connector.read_after(hipchat.room, None).events) == ["before", "after"]


def test_quirk_18_an_archived_room_is_still_read(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    hipchat.say("last words")
    hipchat.world.archive_room(hipchat.room_record.id)

    assert rendered(connector.read_after(hipchat.room, None).events) == ["last words"]


def test_quirk_18_a_deleted_room_is_gone(hipchat: HipChatHarness, connector: HipChatConnector) -> None:
    hipchat.say("anchor")
    [cursor] = connector.newest(hipchat.room)
    hipchat.world.delete_room(hipchat.room_record.id)

    with pytest.raises(RoomGone):
        connector.read_after(hipchat.room, cursor)


def test_quirk_21_everybody_who_is_mentioned_by_all_is_one_mention(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    hipchat.say(f"@all and @{hipchat.ann.mention_name.lower()}")

    [event] = connector.read_after(hipchat.room, None).events

    assert event.body is not None
    [paragraph] = event.body.blocks
    assert isinstance(paragraph, Paragraph)
    assert [node for node in paragraph.inlines if isinstance(node, Mention)] == [
        Mention("", "all"),
        Mention(str(hipchat.ann.id), hipchat.ann.mention_name.lower()),
    ]


def test_quirk_22_and_23_emoji_and_32_kilobytes_arrive_whole(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    text = "👩‍👩‍👧‍👦🇩🇪 " * 2730
    hipchat.say(text)

    assert rendered(connector.read_after(hipchat.room, None).events) == [text]


def test_quirk_25_a_page_of_a_proxy_says_nothing_of_the_room(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    hipchat.fault(path="/history", count=2, status=404, body="<html>not here</html>")

    for _ in range(2):
        with pytest.raises(RetryLater):
            connector.read_after(hipchat.room, None)
    assert connector.read_after(hipchat.room, None).events == []


def test_quirk_27_ids_of_people_may_be_strings(hipchat: HipChatHarness, connector: HipChatConnector) -> None:
    mentioned = {"id": "501", "mention_name": "Ann", "name": "Ann Lee"}
    sender = {"id": "502", "mention_name": "Bo", "name": "Bo Ray"}
    answer(hipchat, item(message="@Ann hi", mentions=[mentioned], **{"from": sender}))

    [event] = connector.read_after(hipchat.room, None).events

    assert event.author.id == "502"
    assert event.body is not None
    assert Mention("501", "Ann") in event.body.blocks[0].inlines  # type: ignore[union-attr]


def test_quirk_30_a_guest_is_an_author_like_any_other(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    guest = hipchat.world.create_user(hipchat.ann.group_id, "Eve Ext", mention_name="EveExtGuest")
    hipchat.world.post_message(hipchat.room_record.id, guest.id, "hello")

    [event] = connector.read_after(hipchat.room, None).events

    assert (event.author.name, event.author.username) == ("Eve Ext", "EveExtGuest")


def test_an_empty_room_is_read_without_an_anchor_until_something_is_said(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    assert (connector.newest(hipchat.room), connector.read_after(hipchat.room, None).cursor) == ([], None)
    hipchat.say("first")

    page = connector.read_after(hipchat.room, None)

    assert (rendered(page.events), page.gap) == (["first"], False)


def test_a_room_that_was_emptied_goes_on_from_where_it_was(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    hipchat.say("before")
    [cursor] = connector.newest(hipchat.room)
    answer(hipchat, count=2)

    emptied = connector.read_after(hipchat.room, cursor)

    assert (emptied.events, emptied.cursor, emptied.gap) == ([], cursor, True)


def test_topics_and_unknown_items_move_the_position_and_are_not_relayed(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    hipchat.world.set_topic(hipchat.room_record.id, hipchat.person.id, "Release week")
    hipchat.world.messages.add(hipchat.room_record.chat, "joined", kind="guest_access", sender="HipChat")
    last = hipchat.world.messages.add(
        hipchat.room_record.chat, "x", kind="presence", user_id=hipchat.person.id
    )

    page = connector.read_after(hipchat.room, None)

    assert (page.events, page.cursor and page.cursor.id) == ([], last.id)


def test_a_history_that_was_read_whole_is_told_from_one_with_items_left_out(
    hipchat: HipChatHarness, connector: HipChatConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "SETTLE_ITEMS", 2)
    answer(hipchat, item(), item(id="odd", date="yesterday"))

    assert connector.recent(hipchat.room).whole is False
