"""Foreign text is made harmless."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.markup.sanitize import clean_document, clean_name, clean_text, normalise_for_compare
from connectors.markup.tree import (
    Bold,
    Code,
    CodeBlock,
    Document,
    Emoji,
    LineBreak,
    Link,
    List,
    Mention,
    Paragraph,
    Quote,
    Text,
)

MEGABYTE = 1_000_000
anything = st.text(st.characters(exclude_categories=[]))  # surrogates too
directional = st.text(st.sampled_from("ab\n\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))
RLO, RLE, PDF, RLI, PDI = "\u202e", "\u202b", "\u202c", "\u2067", "\u2069"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a\x00b\x07\x1b[1m\x7f\x9f", "ab[1m"),
        ("a\r\nb\rc\nd\te", "a\nb\nc\nd\te"),
        ("a\u2028b\x85c", "a\nb\nc"),
        ("a\ud800b\udfff", "a\ufffdb\ufffd"),
        ("\ud83d\ude00", "😀"),
        (f"a{RLO}b{PDF}c", "abc"),
        (f"a{RLO}b", "ab"),
        (f"a{RLE}b{PDF}c", f"a{RLE}b{PDF}c"),
        (f"a{RLE}b", "ab"),
        (f"a{PDF}b{PDI}", "ab"),
        (f"{RLE}a{RLO}b{PDF}c{PDF}", f"{RLE}abc{PDF}"),
        (f"{RLI}a{RLE}b{PDI}c", f"{RLI}ab{PDI}c"),
        (f"{RLI}a{PDF}b{PDI}", f"{RLI}ab{PDI}"),
        (f"{RLI}a\nb{PDI}", "a\nb"),
        ("👩\u200d👩\u200d👧 ﷽ e\u0301", "👩\u200d👩\u200d👧 ﷽ e\u0301"),
    ],
)
def test_clean_text_removes_what_harms(before, after):
    assert clean_text(before) == after


@given(anything | directional)
def test_clean_text_twice_is_once_and_every_store_takes_it(text):
    once = clean_text(text)

    assert clean_text(once) == once
    assert not set(once) & {"\x00", "\r", "\u202d", "\u202e"}
    assert once.encode().decode() == once


@given(directional)
def test_clean_text_leaves_no_direction_open_on_any_line(text):
    for line in clean_text(text).split("\n"):
        opened = []
        for char in line:
            if char in "\u202a\u202b\u2066\u2067\u2068":
                opened.append(PDF if char < "\u2066" else PDI)
            elif char in (PDF, PDI):
                assert opened.pop() == char
        assert opened == []


@given(st.text(st.sampled_from("ab \n")))
def test_clean_text_keeps_clean_text(text):
    assert clean_text(text) == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (" Ann \n Lee\t", "Ann Lee"),
        ("Ann] hi [Bob, team", "Ann) hi (Bob, team"),
        ("［Ann］", "(Ann)"),
        (f"A{RLO}nn\u200b\ufeff", "Ann"),
        ("", "Someone"),
        (" \u200d\u0301\u3164", "Someone"),
        ("\x00", "Someone"),
        ("Ü" * 100, "Ü" * 64),
        ("a" * 63 + "e\u0301" + "b", "a" * 63),
        ("a" + "\u0301" * 100, "a" + "\u0301" * 63),
        ("a" * 63 + " b", "a" * 63),
        ("علی\u200cرضا", "علی\u200cرضا"),
    ],
)
def test_clean_name_is_one_harmless_line(before, after):
    assert clean_name(before) == after


@given(anything | st.text(st.sampled_from("[]［ \n\u202e\u200da")))
def test_clean_name_holds_its_promise_for_any_name(name):
    clean = clean_name(name)

    assert clean_name(clean) == clean
    assert 0 < len(clean) <= 64
    assert not set(clean) & set("[]［］\n\t\u202e\u2067")
    assert clean == clean.strip()


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("hello  world\n", "hello world"),
        ("e\u0301", "é"),
        ("a\u200bb\ufeff", "ab"),
        ("❤\ufe0f", "❤"),
        ("a\r\n\r\nb", "a b"),
        ("`ls`", "ˋlsˋ"),
        ("https://example.org/a`b", "https://example.org/a%60b"),
    ],
)
def test_normalise_for_compare_makes_copies_equal(ours, theirs):
    assert normalise_for_compare(ours) == normalise_for_compare(theirs)


def test_normalise_for_compare_keeps_words_apart():
    assert normalise_for_compare("ab") != normalise_for_compare("a b")


@given(anything)
def test_normalise_for_compare_twice_is_once(text):
    once = normalise_for_compare(text)

    assert normalise_for_compare(once) == once
    assert unicodedata.is_normalized("NFC", once)


@pytest.mark.parametrize(
    "unit", ["\u0301\u0316", "\u202b", "\u2067a\u202a\u2069", "\ud800", "\x00", " \n", "[", "é"]
)
def test_a_megabyte_of_anything_is_cleaned(unit):
    text = unit * (MEGABYTE // len(unit))

    assert len(clean_text(text)) <= MEGABYTE
    assert len(clean_name(text)) <= 64
    assert len(normalise_for_compare(text)) <= MEGABYTE * 1.1


def test_clean_document_cleans_every_string():
    document = Document(
        (
            Paragraph(
                (Text("a\x00"), Bold((Code("b\x00"),)), LineBreak(), Link("https://x\n", (Text("c\x00"),)))
            ),
            Quote((List(((CodeBlock("d\x00\r\n", "py\n"),),)),)),
            Paragraph((Mention("7\x00", "[x]"), Emoji("😀\x00", "s\x00"))),
        )
    )

    assert clean_document(document) == Document(
        (
            Paragraph((Text("a"), Bold((Code("b"),)), LineBreak(), Link("https://x", (Text("c"),)))),
            Quote((List(((CodeBlock("d\n", "py"),),)),)),
            Paragraph((Mention("7", "(x)"), Emoji("😀", "s"))),
        )
    )
