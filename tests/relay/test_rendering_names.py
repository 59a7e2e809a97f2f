import unicodedata

import pytest
from hypothesis import given

from connectors.markup.sanitize import clean_name
from tests.relay.renderings import LATE, NATIVE, connector, event, messages, names, steps, texts
from tubes.models import Seat
from tubes.relay import rendering
from tubes.relay.rendering import defusing


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ann · 14:03 UTC", "Ann - 14:03 UTC"),
        ("Ann\u200d•\u200d14:03 UTC", "Ann\u200d-\u200d14:03 UTC"),
        ("Gal·la", "Gal·la"),
        ("ジョン・スミス", "ジョン・スミス"),
        ("Sameroom", "Someone"),
        ("SAMEROOM", "Someone"),
        ("Ｓａｍｅｒｏｏｍ", "Someone"),
        ("Same\u200droom", "Someone"),
        ("", "Someone"),
    ],
)
def test_a_name_imitates_neither_a_stamp_nor_us(name, shown):
    assert rendering.author_name(event(author_name=name), "display") == shown


def test_a_username_imitates_neither_a_stamp_nor_us():
    assert rendering.author_name(event(author_username="Sameroom"), "both") == "Ann (Someone)"


@given(names, names, names)
def test_a_prefix_has_one_pair_of_brackets_and_one_dot_before_its_stamp(name, username, team):
    said = event(author_name=name, author_username=username, author_team=team)

    prefix = rendering.prefix(said, Seat(name_style="both"), "10:00 UTC")

    assert prefix.startswith("[")
    assert prefix.endswith(" · 10:00 UTC] ")
    assert (prefix.count("["), prefix.count("]"), prefix.count(" · ")) == (1, 1, 1)


@given(names)
def test_only_we_speak_under_our_name(name):
    looks = [
        rendering.author_name(event(author_name=name), style) for style in ("display", "username", "both")
    ]

    assert "sameroom" not in [look.casefold() for look in looks]


def test_our_own_notice_has_no_team_and_no_stamp():
    notice = event("notice", room_id=None, author_name="x", author_team="Acme")

    assert texts(steps(notice, "All is well.", late=LATE)) == ["[Sameroom] All is well."]


def test_our_own_notice_bears_our_name_where_a_service_takes_it():
    [message] = messages(
        steps(event("notice", room_id=None), "All is well.", by=connector(sender_override=NATIVE))
    )

    assert (message.text, message.sender_name) == ("All is well.", "Sameroom")


@pytest.mark.parametrize("limit", [60, 100, 400])
def test_a_long_name_leaves_half_of_the_limit_to_the_text(limit):
    said = event(author_name="N" * 64, author_username="U" * 64, author_team="T" * 64)

    parts = texts(steps(said, "hello", by=connector(max_text_length=limit), seat=Seat(name_style="both")))

    assert [part.rpartition("] ")[2] for part in parts] == ["hello"]


def test_a_name_that_is_cut_keeps_its_stamp():
    said = event(author_name="N" * 64)

    assert texts(steps(said, "hello", by=connector(max_text_length=80), late=LATE)) == [
        f"[{'N' * 17}… · 12:00 UTC] hello"
    ]


def test_a_text_is_watched_for_every_bracket_that_a_name_loses():
    chars = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) in ("Ps", "Pe")]

    opening = {char for char in chars if char != "(" and clean_name(f"a{char}") == "a("}
    closing = {char for char in chars if char != ")" and clean_name(f"a{char}") == "a)"}

    assert (opening, closing) == (set(defusing.OPENING), set(defusing.CLOSING))
