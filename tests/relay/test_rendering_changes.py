from datetime import timedelta

import pytest

from connectors.base import MessageId, OutgoingMessage
from tests.relay.renderings import (
    IMITATED,
    LATE,
    NATIVE,
    NONE,
    NOON,
    connector,
    copy,
    event,
    messages,
    steps,
    texts,
)
from tubes.relay.rendering.steps import Delete, Edit, React, Send

ALL_NATIVE = {"edits": NATIVE, "deletes": NATIVE, "reactions": NATIVE, "replies": NATIVE}
ABLE = connector(**ALL_NATIVE)
LONG = "word " * 200  # three parts


def post(text, **extra):
    return OutgoingMessage(text, **extra)


# ------------------------------------------------------------------ edits


def test_an_edit_is_native_where_the_service_can():
    assert steps(event("edit"), "At one.", copy("7"), by=ABLE) == [
        Edit(MessageId("7"), post("[Ann, Acme] At one."))
    ]


def test_an_edit_that_needs_more_parts_posts_them():
    found = steps(event("edit"), LONG, copy("7"), by=ABLE)

    assert [type(step) for step in found] == [Edit, Send, Send]
    assert {message.text[:12] for message in messages(found)} == {"[Ann, Acme] "}


def test_an_edit_that_needs_fewer_parts_deletes_the_rest_from_the_end():
    assert steps(event("edit"), "At one.", copy("7", "8", "9"), by=ABLE) == [
        Edit(MessageId("7"), post("[Ann, Acme] At one.")),
        Delete(MessageId("9")),
        Delete(MessageId("8")),
    ]


@pytest.mark.parametrize("deletes", [IMITATED, NONE])
def test_an_edit_that_needs_fewer_parts_empties_the_rest_where_nothing_can_be_deleted(deletes):
    by = connector(edits=NATIVE, deletes=deletes)

    assert steps(event("edit"), "At one.", copy("7", "8"), by=by) == [
        Edit(MessageId("7"), post("[Ann, Acme] At one.")),
        Edit(MessageId("8"), post("[Ann, Acme] …")),
    ]


def test_an_edit_that_leaves_no_words_takes_all_parts_away():
    assert steps(event("edit"), " ", copy("7"), by=ABLE) == [Delete(MessageId("7"))]


def test_an_edited_post_keeps_the_stamp_it_was_posted_with():
    late_original = copy("7", said_at=NOON - timedelta(days=1), posted_at=NOON)
    timely_original = copy("7")

    found = [
        message.text
        for original in (late_original, timely_original)
        for message in messages(steps(event("edit"), "At one.", original, late=LATE, by=ABLE))
    ]

    assert found == ["[Ann, Acme · 21 Nov 12:00 UTC] At one.", "[Ann, Acme] At one."]


def test_an_edit_stays_under_its_authors_name():
    by = connector(**ALL_NATIVE, sender_override=NATIVE)

    assert steps(
        event("edit", author_avatar_url="https://example.org/a.png"), "At one.", copy("7"), by=by
    ) == [
        Edit(
            MessageId("7"),
            post("At one.", sender_name="Ann", sender_avatar_url="https://example.org/a.png"),
        )
    ]


@pytest.mark.parametrize(
    ("can", "original"),
    [
        ({"edits": IMITATED}, copy("7")),
        ({"edit_age": 3599.0}, copy("7")),
        ({"message_ids": False}, copy("7")),
        ({}, copy()),
        ({}, copy("7", "")),
        ({}, copy("7", is_ours=False)),
        ({}, copy("7", is_shared=True)),
        ({}, None),
    ],
)
def test_an_edit_is_told_where_the_post_cannot_be_changed(can, original):
    by = connector(**(ALL_NATIVE | can))

    assert texts(steps(event("edit"), "At one.", original, by=by)) == ["[Ann, Acme] ✎ At one."]


def test_an_edit_is_native_up_to_the_age_the_service_allows():
    by = connector(edits=NATIVE, edit_age=3600.0)
    told = "[Ann, Acme] ✎ At one."

    found = [
        steps(event("edit"), "At one.", copy("7"), by=by, late=timedelta(seconds=seconds))
        for seconds in (0, 1)
    ]

    assert found == [[Edit(MessageId("7"), post("[Ann, Acme] At one."))], [Send(post(told))]]


def test_a_told_edit_is_cut_and_stamped_like_a_message():
    parts = texts(steps(event("edit"), LONG, copy("7"), late=LATE))

    assert [part[:30] for part in parts] == [
        "[Ann, Acme · 12:00 UTC] ✎ word",
        "[Ann, Acme · 12:00 UTC] word w",
        "[Ann, Acme · 12:00 UTC] word w",
    ]


# ------------------------------------------------------------------ deletes


def test_a_delete_takes_all_parts_back_from_the_end():
    assert steps(event("delete"), None, copy("7", "8"), by=ABLE) == [
        Delete(MessageId("8")),
        Delete(MessageId("7")),
    ]


@pytest.mark.parametrize(
    ("can", "original"),
    [
        ({"deletes": IMITATED}, copy("7")),
        ({"message_ids": False}, copy("7")),
        ({}, copy()),
        ({}, copy("7", is_ours=False)),
        ({}, copy("7", is_shared=True)),
    ],
)
def test_a_delete_is_told_without_the_text_where_the_post_cannot_be_taken_back(can, original):
    by = connector(**(ALL_NATIVE | can))

    assert texts(steps(event("delete"), None, original, by=by)) == [
        "[Ann, Acme] deleted a message of 11:00 UTC."
    ]


def test_a_delete_of_another_days_message_says_which_day():
    original = copy("7", said_at=NOON - timedelta(days=1))

    assert texts(steps(event("delete"), None, original)) == [
        "[Ann, Acme] deleted a message of 21 Nov 12:00 UTC."
    ]


# ------------------------------------------------------------------ reactions


@pytest.mark.parametrize(("kind", "add"), [("reaction", True), ("unreaction", False)])
@pytest.mark.parametrize("extra", [{}, {"is_ours": False}, {"is_shared": True}])
def test_a_reaction_is_native_where_the_service_can(kind, add, extra):
    found = steps(event(kind, emoji="👍"), None, copy("7", "8", **extra), by=ABLE)

    assert found == [React(MessageId("7"), "👍", add)]


@pytest.mark.parametrize(
    ("can", "original"),
    [({"reactions": IMITATED}, copy("7")), ({"message_ids": False}, copy("7")), ({}, copy()), ({}, copy(""))],
)
def test_a_reaction_is_told_where_the_service_cannot(can, original):
    by = connector(**(ALL_NATIVE | can))

    assert [
        texts(steps(event(kind, emoji="👍"), None, original, by=by, late=LATE))
        for kind in ("reaction", "unreaction")
    ] == [["[Ann, Acme] reacted 👍 to “Lunch at noon?”"], ["[Ann, Acme] took back 👍 from “Lunch at noon?”"]]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "[Ann, Acme] reacted 👍 to a message of 11:00 UTC"),
        ("a” and “b\n[Boss] c", '[Ann, Acme] reacted 👍 to “a" and "b”'),
        ("w" * 90, f"[Ann, Acme] reacted 👍 to “{'w' * 79}…”"),
    ],
)
def test_a_told_reaction_quotes_the_first_words_and_no_more(text, told):
    assert texts(steps(event("reaction", emoji="👍"), None, copy("7", text=text))) == [told]


def test_a_told_emoji_is_cleaned():
    assert texts(steps(event("reaction", emoji=":[x]\n@all:"), None, copy("7"))) == [
        "[Ann, Acme] reacted :(x) @all: to “Lunch at noon?”"
    ]


# ------------------------------------------------------------------ nothing to do


@pytest.mark.parametrize("kind", ["edit", "delete", "reaction", "unreaction"])
def test_what_a_service_shall_not_have_is_not_told_either(kind):
    by = connector(edits=NONE, deletes=NONE, reactions=NONE)

    assert steps(event(kind, emoji="👍"), "At one.", copy("7"), by=by) == []


@pytest.mark.parametrize("by", [connector(), ABLE])
def test_nothing_is_done_where_nothing_is_known(by):
    found = [
        steps(event("edit"), None, copy("7"), by=by),
        steps(event("delete"), None, None, by=by),
        steps(event("reaction", emoji="👍"), None, None, by=by),
        steps(event("reaction", emoji=""), None, copy("7"), by=by),
    ]

    assert found == [[], [], [], []]
