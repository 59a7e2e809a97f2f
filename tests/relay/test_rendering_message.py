from datetime import UTC, datetime, timedelta, timezone

import pytest

from connectors.base import MessageId
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
    stored,
    texts,
)
from tubes.models import Seat
from tubes.relay import rendering
from tubes.relay.rendering.stamps import late_stamp, moment
from tubes.relay.rendering.steps import Send, SendFile


def test_a_message_on_time_is_its_parts():
    said = event(body=stored("hello " * 200))

    found = rendering.steps(said, Seat(), connector(), body=said.body, copy=None, late=timedelta(minutes=5))

    assert found == [Send(part) for part in rendering.parts(said, Seat(), connector())]
    assert len(found) == 4


def test_an_erased_message_posts_nothing_of_its_files_either():
    assert steps(event(attachments=[{"name": "a", "url": "https://example.org/a"}]), None) == []


# ------------------------------------------------------------------ late


def test_every_part_of_a_late_message_says_when_it_was_said():
    parts = texts(steps(event(), "word " * 200, late=timedelta(minutes=5, seconds=1)))

    assert [part[:26] for part in parts] == ["[Ann, Acme · 12:00 UTC] wo"] * 3


def test_a_message_of_another_day_says_which():
    assert texts(steps(event(), "hello", late=timedelta(hours=13))) == [
        "[Ann, Acme · 22 Nov 12:00 UTC] hello"
    ]


def test_a_late_message_says_so_in_its_text_where_authors_post_themselves():
    by = connector(sender_override=NATIVE, max_text_length=40)

    parts = messages(steps(event(), "hello " * 10, late=LATE, by=by))

    assert [(part.text[:17], part.sender_name) for part in parts] == [("(12:00 UTC) hello", "Ann")] * 3


def test_times_are_said_in_utc():
    at = datetime(2030, 1, 1, 1, 5, tzinfo=timezone(timedelta(hours=2)))

    assert moment(at, datetime(2030, 1, 1, 12, tzinfo=UTC)) == "31 Dec 23:05 UTC"


def test_what_is_posted_before_it_was_said_is_not_late():
    assert late_stamp(NOON, NOON - LATE) == ""


# ------------------------------------------------------------------ replies


def test_a_reply_is_native_where_the_service_can():
    parts = messages(steps(event(), "word " * 100, copy("7", "8"), by=connector(replies=NATIVE)))

    assert [part.reply_to for part in parts] == [MessageId("7"), None]
    assert parts[0].text.startswith("[Ann, Acme] word")


def test_a_reply_quotes_where_the_service_cannot():
    assert texts(steps(event(), "I am in.", copy("7"))) == ["[Ann, Acme] > Bob: Lunch at noon?\nI am in."]


@pytest.mark.parametrize("can", [{"message_ids": False}, {}])
@pytest.mark.parametrize("ids", [[], [""]])
def test_a_reply_quotes_where_the_original_has_no_id(can, ids):
    by = connector(replies=NATIVE, **can)

    [part] = messages(steps(event(), "I am in.", copy(*ids), by=by))

    assert (part.text, part.reply_to) == ("[Ann, Acme] > Bob: Lunch at noon?\nI am in.", None)


def test_a_reply_is_plain_where_replies_are_off():
    assert texts(steps(event(), "I am in.", copy("7"), by=connector(replies=NONE))) == [
        "[Ann, Acme] I am in."
    ]


def test_a_reply_to_nothing_known_is_plain():
    assert texts(steps(event(reply_to="m-1"), "I am in.")) == ["[Ann, Acme] I am in."]


@pytest.mark.parametrize(
    ("quoted", "line"),
    [
        ("\n\n  one\t two \nthree", "> Bob: one two"),
        ("word " * 30, "> Bob: " + " ".join(["word"] * 16) + "…"),
        ("w" * 81, "> Bob: " + "w" * 79 + "…"),
        ("w" * 80, "> Bob: " + "w" * 80),
        ("\u2067" + "w" * 90 + "\u2069", "> Bob: " + "w" * 78 + "…"),
        ("", "> a message of 11:00 UTC"),
        ("\u200b\n", "> a message of 11:00 UTC"),
    ],
)
def test_a_quotation_is_the_first_words_on_one_line(quoted, line):
    assert texts(steps(event(), "yes", copy("7", text=quoted))) == [f"[Ann, Acme] {line}\nyes"]


def test_a_quoted_name_is_cleaned():
    quoted = copy("7", author_name="[Boss]\n · 11:11 UTC")

    assert texts(steps(event(), "yes", quoted)) == ["[Ann, Acme] > (Boss) - 11:11 UTC: Lunch at noon?\nyes"]


def test_the_first_line_below_a_quotation_cannot_look_like_a_prefix():
    assert texts(steps(event(), "[Boss] pay", copy("7"))) == [
        "[Ann, Acme] > Bob: Lunch at noon?\n· [Boss] pay"
    ]


# ------------------------------------------------------------------ files

FILES = [
    {"name": "plan.pdf", "url": "https://example.org/plan.pdf", "size": 7},
    {"name": "[Boss]\nx", "url": "javascript:alert(1)"},
    {"url": " https://example.org/\nb "},
]
LINES = ["plan.pdf: https://example.org/plan.pdf", "(Boss) x", "file: https://example.org/b"]


def test_files_are_lines_after_the_text_where_none_are_taken():
    found = steps(event(attachments=FILES), "look", by=connector(files=IMITATED))

    assert texts(found) == ["\n".join(["[Ann, Acme] look", *LINES])]


def test_a_message_of_nothing_but_files_is_their_lines():
    assert texts(steps(event(attachments=FILES[:1]), "")) == [f"[Ann, Acme] {LINES[0]}"]


TAKES_FILES = connector(files=NATIVE, max_file_size=1000)
SMALL, LARGE = {"name": "a.txt", "size": 1000}, {"name": "b.txt", "size": 1_234_000}


def shown(found):
    return [(step.message.text, step.file.name if isinstance(step, SendFile) else None) for step in found]


def test_a_short_text_stands_beside_its_first_file():
    found = steps(event(attachments=[SMALL, SMALL]), "look", by=TAKES_FILES)

    assert shown(found) == [("[Ann, Acme] look", "a.txt"), ("[Ann, Acme]", "a.txt")]


def test_a_file_names_its_author_where_only_words_stand_under_their_name():
    by = connector(files=NATIVE, max_file_size=1000, sender_override=NATIVE, names_files=False)

    alone = steps(event(attachments=[SMALL]), "", by=by)
    beside = steps(event(attachments=[SMALL, SMALL]), "look", by=by)
    below = steps(event(attachments=[SMALL]), "word " * 150, by=by)

    assert shown(alone) == [("[Ann, Acme]", "a.txt")]
    assert shown(beside) == [("[Ann, Acme] look", "a.txt"), ("[Ann, Acme]", "a.txt")]
    assert [(text[:6], name) for text, name in shown(below)] == [
        ("word w", None),
        ("word w", None),
        ("[Ann, ", "a.txt"),
    ]
    assert [step.message.sender_name for step in (*alone, *beside, *below)] == ["", "", "", "Ann", "Ann", ""]
    assert rendering.parts_from_json(rendering.parts_to_json(beside)) == beside


def test_the_line_in_place_of_a_file_stands_under_its_authors_name_where_words_do():
    by = connector(files=NATIVE, max_file_size=1000, sender_override=NATIVE, names_files=False)
    beside, more = steps(event(attachments=[SMALL, SMALL]), "look", by=by)

    told = [rendering.untold(step, "not given out", by).message for step in (beside, more)]

    assert [(one.text, one.sender_name) for one in told] == [
        ("look\na.txt (1 KB, not given out)", "Ann"),
        ("a.txt (1 KB, not given out)", "Ann"),
    ]


def test_a_file_without_a_word_answers_as_words_do():
    by = connector(files=NATIVE, max_file_size=1000, replies=NATIVE)

    first, second = steps(event(attachments=[SMALL, SMALL]), "", copy("m1"), by=by)

    assert (first.message.reply_to, second.message.reply_to) == ("m1", None)


def test_a_file_that_is_too_large_is_told_with_its_size():
    found = steps(event(attachments=[LARGE, {"name": "c.txt", "size": 0}]), "look", by=TAKES_FILES)

    assert shown(found) == [("[Ann, Acme] look\nb.txt (1.23 MB)\nc.txt (0 bytes)", None)]


def test_a_text_in_parts_stands_before_its_files():
    found = steps(event(attachments=[SMALL]), "word " * 150, by=TAKES_FILES)

    assert [name for _, name in shown(found)] == [None, None, "a.txt"]


def test_a_text_of_too_many_parts_goes_on_in_a_file():
    text = "word " * 1000
    found = steps(event(attachments=[SMALL]), text, by=TAKES_FILES)

    assert [name for _, name in shown(found)] == [None] * 9 + ["message.txt", "a.txt"]
    assert found[9].text.strip() == text.strip()
    assert len(steps(event(), text)) > 10  # where no files are taken, all of it is posted


def test_files_of_an_erased_message_are_not_posted():
    assert steps(event(attachments=[SMALL]), None, by=TAKES_FILES) == []


def test_files_are_left_out_where_they_are_off():
    assert texts(steps(event(attachments=FILES), "look", by=connector(files=NONE))) == ["[Ann, Acme] look"]
