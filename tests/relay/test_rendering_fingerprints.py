from time import thread_time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.relay.renderings import LATE, MEGABYTE, connector, copy, event, names, steps, texts, tricky
from tubes.models import Seat
from tubes.relay.rendering import echo_fingerprint, fingerprint

words = st.lists(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1), min_size=1)
blanks = st.text(" \n\t\u00a0\u3000", min_size=1, max_size=3)
zero_width = st.text("\u200b\u200d\ufe0f\ufeff\u2060", max_size=2)


def test_a_fingerprint_is_32_hex_digits_that_stay():
    assert fingerprint("hello") == "46fb7408d4f285228f4af516ea25851b"  # printf hello | b2sum -l 128


@given(words, st.data())
def test_a_fingerprint_is_the_same_after_changes_in_passing(said, data):
    changed = "".join(f"{data.draw(zero_width)}{word}{data.draw(blanks)}" for word in said)

    assert fingerprint(changed) == fingerprint(" ".join(said)) != ""


@given(words, words)
def test_other_words_have_another_fingerprint(said, other):
    assert (fingerprint(" ".join(said)) == fingerprint(" ".join(other))) is (said == other)


@pytest.mark.parametrize("text", ["", " \n", "\u200b\ufeff"])
def test_nothing_has_no_fingerprint(text):
    assert (fingerprint(text), echo_fingerprint(text)) == ("", "")


@pytest.mark.parametrize(
    "text",
    [
        "[Ann, Acme] hello",
        "[Ann, Acme · 21 Nov 14:03 UTC] hello",
        "(14:03 UTC) hello",
        "<Ann> hello",
        "Ann: hello",
        "Ann Lee (ann): hello",
        "(Ann)  hello",
        "\u200b<\u200bbot> bridge: [Ann, Acme]\n[Bob] hello",
        "✎ hello",
        "> Bob: Lunch at noon?\nhello",
        "[Ann, Acme] > a message of 14:03 UTC\n hello ",
        f"{'n' * 64}: hello",
    ],
)
def test_an_echo_is_known_behind_prefixes(text):
    assert echo_fingerprint(text) == echo_fingerprint("hello")


@pytest.mark.parametrize(
    "text",
    ["hello:", "[hello]", "(hello)", "<hello>", "> hello", "hello :world", "x://hello", f"{'n' * 65}: hello"],
)
def test_what_is_no_prefix_is_compared(text):
    assert echo_fingerprint(text) == fingerprint(text)


@given(names, names, names, tricky)
def test_a_text_that_we_post_is_known_when_it_comes_back(name, username, team, text):
    said = event(author_name=name, author_username=username, author_team=team)
    by = connector(max_text_length=10_000)

    for found in (
        steps(said, text, by=by, seat=Seat(name_style="both")),
        steps(said, text, by=by, late=LATE),
        steps(said, text, copy("7", author_name=username, text=team), by=by),
    ):
        for post in texts(found):
            assert echo_fingerprint(post.replace("\n· ", "\n")) == echo_fingerprint(text)


@given(tricky)
@example("[x] a: (b) <c> > d: e\nf")
def test_an_echo_of_an_echo_has_the_same_fingerprint(text):
    once = echo_fingerprint(text)

    if once:
        assert echo_fingerprint(f"<bot> Ann: {text}") == echo_fingerprint(f"[Ann] (bot) {text}") == once


@pytest.mark.parametrize(
    "unit", ["a: ", "> a: ", "> a\n", "[a", "[a] ", "<a: (", "(x) ", "✎ ", ":", "\n", "word "]
)
def test_fingerprints_take_a_megabyte_of_anything(unit):
    text = unit * (MEGABYTE // len(unit))
    begin = thread_time()

    assert len(fingerprint(text)) == len(echo_fingerprint(text))
    assert thread_time() - begin < 20  # seconds of CPU; about one, unless time grows with the square
