"""Every part is within the limit, seen, and harmless where it stands."""

import re
from time import thread_time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.hipchat.connector import HipChatConnector
from connectors.hipchat.hygiene import MENTION
from connectors.markup import CodeBlock, Document, List, Paragraph, Quote, Text, to_json
from connectors.markup.sanitize import clean_text
from tests.relay.renderings import (
    FOREIGN_HEAD,
    IMITATED,
    LATE,
    MEGABYTE,
    NATIVE,
    STAMP,
    GrowingConnector,
    PlainConnector,
    RichConnector,
    connector,
    copy,
    event,
    messages,
    names,
    steps,
    steps_of,
    texts,
    tricky,
)
from tubes.models import Seat
from tubes.relay import rendering

KINDS = ["message", "edit", "delete", "reaction", "unreaction", "notice"]


def render(kind, text, name, *, by, late=LATE):
    said = event(kind, author_name=name, emoji="👍 [x]\n@all", attachments=[{"name": name, "url": text}])
    return messages(steps(said, text, copy("1", author_name=name, text=text), late=late, by=by))


@given(
    st.sampled_from(KINDS), tricky, names, st.sampled_from([PlainConnector, GrowingConnector, RichConnector])
)
def test_where_a_post_is_one_line_every_part_is(kind, text, name, cls):
    parts = render(kind, text, name, by=connector(cls, max_text_length=400, one_line=True))
    assert all("\n" not in part.text for part in parts)


@pytest.mark.parametrize("cls", [PlainConnector, RichConnector])
def test_what_stands_in_lines_of_its_own_shows_by_a_sign_what_it_is(cls):
    item = (Paragraph((Text("item"),)),)
    said = Document((Quote((Paragraph((Text("Bob: one"),)),)), List((item, item)), CodeBlock("x = 1\ny")))
    found = texts(steps_of(event(), to_json(said), by=connector(cls, one_line=True)))
    assert [text.removeprefix("[Ann, Acme] ").strip("`") for text in found] == [
        *("> Bob: one", "- item", "- item", "x = 1", "y"),
    ]


@pytest.mark.parametrize("cls", [PlainConnector, RichConnector])
def test_lines_that_are_posts_of_their_own_keep_their_words_and_their_prefix(cls):
    found = texts(steps(event(), "one\ntwo\n\n> three", by=connector(cls, one_line=True)))
    assert found == [f"[Ann, Acme] {words}" for words in ("one", "two", "> three")]


@pytest.mark.parametrize("cls", [PlainConnector, RichConnector])
def test_a_quotation_that_goes_on_in_a_post_of_its_own_still_shows_that_it_is_one(cls):
    inner = Quote((Paragraph((Text("inner " * 20),)),))
    said = Document((Quote((Paragraph((Text("outer " * 20),)), inner)), Paragraph((Text("answer " * 20),))))

    found = texts(steps_of(event(), to_json(said), by=connector(cls, one_line=True, max_text_length=80)))

    bodies = [text.removeprefix("[Ann, Acme] ") for text in found]
    for sign, word in (("> ", "outer"), ("> > ", "inner"), ("", "answer")):
        mine = [body for body in bodies if word in body]
        assert len(mine) > 1
        assert "".join(body.removeprefix(sign).rstrip() + " " for body in mine) == f"{word} " * 20


@given(
    st.sampled_from(KINDS),
    tricky,
    names,
    st.integers(60, 500),
    st.sampled_from([PlainConnector, GrowingConnector]),
)
def test_every_part_is_within_the_limit_and_has_words(kind, text, name, limit, cls):
    parts = render(kind, text, name, by=connector(cls, max_text_length=limit))

    assert [part.text for part in parts if not 0 < len(part.text) <= limit] == []
    assert [part.text for part in parts if not part.text.rpartition("UTC] ")[2].strip()] == []


@given(st.sampled_from(KINDS), tricky, names, st.integers(60, 500), st.sampled_from([IMITATED, NATIVE]))
@example("message", "x" * 40 + "a@bob" * 30, "Ann", 60, IMITATED)
def test_nobody_is_pinged(kind, text, name, limit, override):
    by = connector(HipChatConnector, max_text_length=limit, sender_override=override)

    parts = render(kind, text, name, by=by)

    assert [part.text for part in parts if MENTION.search(part.text)] == []


@given(st.sampled_from(KINDS), tricky, names, st.integers(60, 500))
def test_no_line_but_the_first_looks_like_a_prefix(kind, text, name, limit):
    parts = render(kind, text, name, by=connector(max_text_length=limit))

    later = [line for part in parts for line in part.text.split("\n")[1:]]
    assert [line for line in later if FOREIGN_HEAD.match(line)] == []


@given(tricky, st.integers(60, 500), st.sampled_from(["message", "notice"]))
def test_no_line_but_the_first_looks_like_a_stamp_where_authors_post_themselves(text, limit, kind):
    by = connector(max_text_length=limit, sender_override=NATIVE)

    on_time = [
        line for part in render(kind, text, "Ann", by=by, late=LATE * 0) for line in part.text.split("\n")
    ]
    late = [part.text for part in render(kind, text, "Ann", by=by)]

    assert [line for line in on_time if STAMP.match(line)] == []
    assert [
        part for part in late if len(re.findall(STAMP, part.split("\n")[0][: len("(12:00 UTC) ")])) != 1
    ] == []


def test_a_line_that_begins_like_a_prefix_is_marked_as_going_on():
    text = "List:\n[x] done\n\u200b [Boss, Acme] pay\n- [ ] open\n[\n1]"

    assert texts(steps(event(), text)) == [
        "[Ann, Acme] List:\n· [x] done\n· \u200b [Boss, Acme] pay\n- [ ] open\n[\n1]"
    ]


def test_an_imitated_stamp_is_marked_where_authors_post_themselves():
    text = "(09:00 UTC) I agreed\n(21 Nov 9:00\u200b UTC) twice\n(maybe)"

    [message] = messages(steps(event(), text, by=connector(sender_override=NATIVE)))

    assert message.text == "· (09:00 UTC) I agreed\n· (21 Nov 9:00\u200b UTC) twice\n(maybe)"


def test_cutting_does_not_part_a_sign_from_its_escape():
    by = connector(GrowingConnector, max_text_length=60)

    parts = texts(steps(event(), "<&>" * 40, by=by))

    bodies = [part.removeprefix("[Ann, Acme] ") for part in parts]
    assert re.sub("&lt;|&amp;|&gt;", "", "".join(bodies)) == ""
    assert "".join(bodies) == "&lt;&amp;&gt;" * 40
    assert max(map(len, parts)) <= 60


@pytest.mark.parametrize("override", [IMITATED, NATIVE])
def test_a_part_of_which_nothing_is_seen_is_left_out(override):
    by = connector(max_text_length=60, sender_override=override)

    parts = texts(steps(event(), "one" + " " * 200 + "\n" + "\u200b" * 200 + "two", by=by))

    assert [part.removeprefix("[Ann, Acme] ").strip(" \n\u200b") for part in parts] == ["one", "two"]


def test_text_is_cleaned_whatever_was_stored():
    body = {"v": 1, "blocks": [{"type": "paragraph", "inlines": ["a\x00b\u202ec\r[Boss] d"]}]}

    found = rendering.steps(event(), Seat(), connector(), body=body, copy=None, late=LATE * 0)

    assert texts(found) == ["[Ann, Acme] abc\n· [Boss] d"]


@given(tricky)
def test_nothing_is_lost_in_cutting(text):
    parts = texts(steps(event(), text, by=connector(max_text_length=60)))

    said = "".join(part.removeprefix("[Ann, Acme] ") for part in parts)

    unimportant = r"[\s\u200b-\u200d·]"  # cut at, seen by nobody, put in as a mark
    assert re.sub(unimportant, "", said) == re.sub(unimportant, "", clean_text(text))


@pytest.mark.parametrize("text", ["", " \n\t ", "\u200b", "\u200d\ufe0f\u2060", "\u3164"])
def test_what_nobody_can_see_is_not_posted(text):
    assert (
        steps(event(), text) == steps(event(), text, copy("1")) == steps(event("edit"), text, copy("1")) == []
    )


def test_an_emoji_newer_than_our_tables_is_posted():
    assert texts(steps(event(), "\U0001faea")) == ["[Ann, Acme] \U0001faea"]


@pytest.mark.parametrize("unit", ["<", "a\n[x] ", "[", "\n(", "\u200b[", "word "])
def test_rendering_takes_a_tenth_of_a_megabyte_of_anything(unit):
    text = unit * (MEGABYTE // 10 // len(unit))
    begin = thread_time()

    parts = messages(steps(event(), text, copy("7", text=text), by=connector(GrowingConnector)))

    assert max(len(part.text) for part in parts) <= 400
    assert thread_time() - begin < 20  # seconds of CPU; about one, unless time grows with the square
