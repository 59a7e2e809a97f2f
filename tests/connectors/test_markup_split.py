"""Splitting loses nothing and breaks nothing."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.markup.split import clusters, split_text

MEGABYTE = 1_000_000
FAMILY = "👩\u200d👩\u200d👧"
HEART = "❤\ufe0f"
THUMB = "👍🏽"
FLAG = "🇩🇪"
SCOTLAND = "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
ACCENT = "e\u0301"
pieces = st.sampled_from(["a", "bc", " ", "\n", FAMILY, HEART, THUMB, FLAG, ACCENT, "é"])
texts = st.lists(pieces, max_size=60).map("".join) | st.text()


def utf8(text):
    return len(text.encode("utf-8", "surrogatepass"))


def utf16(text):
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _is_split_of(parts, text):
    """Whether `text` is the parts in order with at most one newline or space between two."""
    position = 0
    for part in parts:
        if not text.startswith(part, position):
            position += 1
            assert text[position - 1] in " \n"
        assert text.startswith(part, position)
        position += len(part)
    return text[position:] in ("", " ", "\n")


@given(texts, st.integers(1, 30))
def test_split_keeps_the_limit_and_every_character(text, limit):
    parts = split_text(text, limit)

    assert all(0 < len(part) <= limit for part in parts)
    assert re.sub(r"\s", "", "".join(parts)) == re.sub(r"\s", "", text)
    if parts and not any(part.isspace() for part in parts):  # else more than one way to put it together
        assert _is_split_of(parts, text)


@given(texts, st.integers(4, 40), st.sampled_from([utf8, utf16]))
def test_split_measures_in_the_unit_of_the_service(text, limit, measure):
    parts = split_text(text, limit, measure=measure)

    assert all(0 < measure(part) <= limit for part in parts)
    assert re.sub(r"\s", "", "".join(parts)) == re.sub(r"\s", "", text)


@given(st.lists(pieces, max_size=40).map("".join), st.integers(8, 20))
def test_split_keeps_clusters_whole(text, limit):
    whole = [text[begin:end] for begin, end in clusters(text)]

    parts = split_text(text, limit)

    found = [part[begin:end] for part in parts for begin, end in clusters(part)]
    assert [cluster for cluster in found if not cluster.isspace()] == [
        cluster for cluster in whole if not cluster.isspace()
    ]


@pytest.mark.parametrize("cluster", [FAMILY, HEART, THUMB, FLAG, SCOTLAND, ACCENT, "\u1100\u1161\u11a8"])
def test_clusters_are_what_a_reader_sees(cluster):
    text = f"a{cluster}{cluster}b"

    assert [text[begin:end] for begin, end in clusters(text)] == ["a", cluster, cluster, "b"]


@pytest.mark.parametrize(
    ("text", "limit", "parts"),
    [
        ("", 5, []),
        ("abc", 5, ["abc"]),
        ("abcde fgh", 5, ["abcde", "fgh"]),
        ("ab cde fgh", 7, ["ab cde", "fgh"]),
        ("ab\ncd ef", 6, ["ab\ncd", "ef"]),
        ("abcd\nef gh", 8, ["abcd\nef", "gh"]),
        ("abcde\nf ghij", 9, ["abcde", "f ghij"]),
        ("a bcdefghij", 9, ["a", "bcdefghij"]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ("abcd\n", 4, ["abcd"]),
        ("abcd  ef", 4, ["abcd", " ef"]),
        ("ab  \n\n  cd", 4, ["ab  ", "\n ", "cd"]),
    ],
)
def test_split_cuts_where_a_reader_would(text, limit, parts):
    assert split_text(text, limit) == parts


def test_split_cuts_a_cluster_that_is_over_the_limit_alone():
    parts = split_text("a" + "\u0301" * 9, 4)

    assert parts == ["a\u0301\u0301\u0301", "\u0301" * 4, "\u0301" * 2]


def test_split_refuses_a_limit_nothing_fits():
    with pytest.raises(ValueError):
        split_text("a", 0)
    with pytest.raises(ValueError, match="over the limit"):
        split_text("😀", 3, measure=utf8)


@pytest.mark.parametrize(
    "unit", ["a", " ", "\n", "a ", "a\n" + "b" * 997, "\u0301", FLAG[0], FAMILY, "\u200d", "😀"]
)
def test_split_takes_a_megabyte_of_anything(unit):
    text = unit * (MEGABYTE // len(unit))

    parts = split_text(text, 1_000)

    assert max(map(len, parts)) <= 1_000
    assert re.sub(r"\s", "", "".join(parts)) == re.sub(r"\s", "", text)
