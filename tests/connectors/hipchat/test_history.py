import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Attachment
from connectors.hipchat import history
from connectors.hipchat.corrections import events_of
from connectors.hipchat.history import body_of, in_order
from tests.connectors.hipchat.items import ANN, BO, event, item, rendered, said

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
anything = st.recursive(
    scalars | st.sampled_from(["html", "notification", "message", "s/a/b/"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "name", "mention_name", "url", "size"]), inner)
    ),
    max_leaves=4,
)
KEYS = ("message", "from", "mentions", "card", "message_format", "file", "authenticated_file", "attach_to")


@given(st.dictionaries(st.sampled_from([*KEYS, "type", "notification_sender"]), anything))
def test_whatever_an_item_holds_reading_goes_on(changes: dict[str, object]) -> None:
    sound = item(id="i-9", message="and on") | {"from": ANN}
    items = in_order([item(**changes), item(message="s/l/r/"), {"id": changes, "date": changes}, sound])

    assert len(items) == 3
    last = events_of(items, 0)[-1]
    assert (last.id, rendered([last])) == ("i-9", ["and on"])


@pytest.mark.parametrize(
    ("sender", "author"),
    [
        (BO, ("502", "Bo Ray", "Bo")),
        ({"id": "502", "mention_name": "Bo"}, ("502", "Bo", "Bo")),
        ({"id": 502, "name": "Eve Ext", "mention_name": "EveGuest"}, ("502", "Eve Ext", "EveGuest")),
        ({}, ("", "", "")),
        ("Jenkins", ("", "Jenkins", "")),
        (None, ("", "HipChat", "")),
        (7, ("", "7", "")),
        ([], ("", "[]", "")),
    ],
)
def test_the_author_is_an_object_a_string_or_null(sender: object, author: tuple[str, str, str]) -> None:
    found = event(item(**{"from": sender}))

    assert found is not None
    assert (found.author.id, found.author.name, found.author.username) == author


@pytest.mark.parametrize(
    "changes",
    [
        {"message": None},
        {"message": 5},
        {"message": "  \n"},
        {"type": "topic"},
        {"type": "guest_access"},
        {"type": "something new"},
        {"type": ["odd"]},
    ],
)
def test_what_is_not_relayed(changes: dict[str, object]) -> None:
    assert event(item(**changes)) is None


def test_an_unknown_type_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    history._note_unknown.cache_clear()
    with caplog.at_level(logging.INFO):
        for kind in ("presence", "topic", "presence", "missed-call"):
            event(item(type=kind))

    assert [record.args for record in caplog.records] == [("presence",), ("missed-call",)]


@pytest.mark.parametrize("kind", [None, "", "message"])
def test_an_item_without_a_type_is_a_message(kind: str | None) -> None:
    told = item(type=kind)

    assert said(told) == "hello"
    del told["type"]
    assert said(told) == "hello"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"message": "<b>literal</b> &amp; text"}, "<b>literal</b> &amp; text"),
        ({"message": "nul\x00 and \ud800"}, "nul and \ufffd"),
        ({"message": "beyond the BMP 🧑‍🚀"}, "beyond the BMP 🧑‍🚀"),
        ({"message_links": [{"type": "link", "url": "https://a.example"}]}, "hello"),
        ({"message": "see", "file": "odd", "authenticated_file": []}, "see"),
    ],
)
def test_the_text_of_an_item(changes: dict[str, object], text: str) -> None:
    assert said(item(**changes)) == text


@pytest.mark.parametrize(
    ("changes", "file"),
    [
        (
            {"file": {"name": " shot.png", "size": 7, "url": "https://files.example/shot.png"}},
            Attachment("shot.png", 7, url="https://files.example/shot.png"),
        ),
        (
            {"file": {"name": "(heart) é.png", "url": "https://files.example/%20a%C3%A9.png"}},
            Attachment("(heart) é.png", url="https://files.example/%20a%C3%A9.png"),
        ),
        ({"file": {"url": "https://files.example/x"}}, Attachment("file", url="https://files.example/x")),
        (
            {"authenticated_file": {"id": "7c2f", "name": "a.zip", "size": "5"}},
            Attachment("a.zip", reference="7c2f"),
        ),
    ],
)
@pytest.mark.parametrize("text", ["", "see", "/code x\n  y"])
def test_the_file_of_an_item_is_no_part_of_its_text(
    changes: dict[str, object], file: Attachment, text: str
) -> None:
    found = event(item(message=text, **changes))

    assert found is not None
    assert (found.attachments, found.body) == ([file], body_of(item(message=text)))


@pytest.mark.parametrize(
    "date", ["2018-05-02T09:11:40", "2018-05-02T11:11:40+0200", "2018-05-02T09:11:40.000000Z"]
)
def test_every_spelling_of_a_date_is_the_same_moment(date: str) -> None:
    [found] = in_order([item(date=date)])

    assert found.said_at.isoformat() == found.cursor.time.isoformat()
    assert found.said_at == in_order([item(date="2018-05-02T09:11:40+00:00")])[0].said_at


@pytest.mark.parametrize(
    ("date", "until"),
    [
        ("2018-05-02T09:11:40.123456+00:00", "2018-05-02T09:11:40.123456+00:00"),
        ("2018-05-02T09:11:40.123Z", "2018-05-02T09:11:40.123999+00:00"),
        ("2018-05-02T09:11:40", "2018-05-02T09:11:40.999999+00:00"),
    ],
)
def test_a_date_without_its_fraction_may_mean_any_moment_of_that_second(date: str, until: str) -> None:
    [found] = in_order([item(date=date)])

    assert found.until == until


@pytest.mark.parametrize("date", [None, "", "yesterday", 1476919340, "1476919340", "2018-13-01T00:00:00"])
def test_an_item_without_a_date_that_can_be_read_is_left_out(date: object) -> None:
    assert [found.id for found in in_order([item(date=date), item(id="i-2")])] == ["i-2"]


def test_items_of_one_microsecond_stay_in_the_order_they_came_in() -> None:
    told = [item(id="c"), item(id="a"), item(id="b", date="2018-05-02T09:11:40.123455+00:00"), item(id="d")]

    assert [found.id for found in in_order(told)] == ["b", "c", "a", "d"]


def test_an_id_that_is_a_number_is_the_same_as_a_string() -> None:
    assert in_order([item(id=5)])[0].cursor.id == "5"
