"""IRC's formatting codes, both ways."""

import re

import pytest
from hypothesis import given

from connectors.markup import irc, plain
from connectors.markup.sanitize import normalise_for_compare
from connectors.markup.tree import (
    Bold,
    Code,
    CodeBlock,
    Document,
    Emoji,
    Italic,
    LineBreak,
    Link,
    List,
    Mention,
    Paragraph,
    Quote,
    Strike,
    Text,
    normal_form,
    plain_text,
    to_json,
)
from tests.connectors.trees import GROWING, NODES, documents, growth, line, stored, talk

CODES = re.compile("[\x00-\x1f]")


@given(documents)
def test_a_reader_gets_what_can_be_said(document):
    assert irc.parse("\n".join(irc.render(document))) == irc.expressible(document)


@pytest.mark.parametrize(
    "blocks",
    [
        (Paragraph((Text("a"),)), Paragraph((Text("b"),))),
        (
            Quote(
                (
                    Paragraph((Text("a"),)),
                    Quote((Paragraph((Text("b"), LineBreak(), LineBreak(), Text("c"))),)),
                )
            ),
        ),
        (Quote((CodeBlock("a = 1\n\nb = `2`"),)), Paragraph((Text("c"),))),
        (List(((Paragraph((Text("a"),)), List(((Paragraph((Text("b"),)),),), ordered=True)),)),),
    ],
    ids=["paragraphs", "quote", "code", "list"],
)
def test_what_is_read_says_what_was_sent(blocks):
    """So a post of several lines that was cut off is known again in the history."""
    document = normal_form(Document(blocks))

    read = irc.parse("\n".join(irc.render(document)))
    assert normalise_for_compare(plain.render(read)) == normalise_for_compare(plain.render(document))


@given(documents)
def test_no_word_is_lost(document):
    said = iter("".join(CODES.sub("", "".join(irc.render(document)).replace("\t", " ")).split()))

    assert all(char in said for char in "".join(plain_text(document).split()))


@given(documents)
def test_no_line_is_empty_or_more_than_one(document):
    for said in irc.render(document):
        assert CODES.sub("", said).strip()
        assert "\n" not in said
        assert "\r" not in said


@given(talk)
def test_foreign_text_stays_text(text):
    document = stored(Document((Paragraph((Text(text),)),)))

    assert not CODES.findall("".join(irc.render(document)).replace("\t", ""))


@given(talk)
def test_anything_becomes_a_tree_that_can_be_stored(text):
    document = irc.parse(text)

    assert document == normal_form(document)
    assert to_json(document)
    assert not CODES.findall(plain_text(document).replace("\t", "").replace("\n", ""))


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("a \x02b\x02 c", line(Text("a "), Bold((Text("b"),)), Text(" c"))),
        ("\x02a\x1db\x02c", line(Bold((Text("a"), Italic((Text("b"),)))), Italic((Text("c"),)))),
        ("\x1ea\x0fb", line(Strike((Text("a"),)), Text("b"))),
        ("\x11a\x11b\x02\x11c", line(Code("a"), Text("b"), Bold((Code("c"),)))),
        ("\x0304,12a\x03b\x0399c\x031,d", line(Text("abc,d"))),
        ("\x04ff0000,00FF00a\x04b\x16c\x1fd\x1f", line(Text("abcd"))),
        ("\x02a\nb", line(Bold((Text("a"),)), LineBreak(), Text("b"))),
        (
            "see https://x.example.",
            line(Text("see "), Link("https://x.example", (Text("https://x.example"),)), Text(".")),
        ),
        ("a\x07b\x01c", line(Text("abc"))),
        ("\x02\x02", Document()),
    ],
)
def test_codes_are_read(text, document):
    assert irc.parse(text) == document


def test_every_kind_is_written():
    document = Document(
        (
            Paragraph(
                (Bold((Text("b"), Italic((Text("i"),)))), Strike((Text("s"),)), LineBreak(), Code("c"))
            ),
            Paragraph((Link("https://x.example", (Bold((Text("x"),)),)), Mention("7", "Ann"), Emoji("😀"))),
            Paragraph((Link("javascript:x", (Text("x"),)), Link("https://x", (Text("https://x"),)))),
            CodeBlock("a\n\n  b", "py"),
            Quote((Paragraph((Text("q"),)),)),
            List(((Paragraph((Text("1"), LineBreak(), Text("2"))),),), ordered=True, start=9),
        )
    )

    assert irc.render(document) == [
        "\x02b\x1di\x02\x1d\x1es\x0f",
        "\x11c\x0f",
        "\x02x\x02 (https://x.example)@Ann😀",
        "xhttps://x",
        "\x11a\x0f",
        "\x11  b\x0f",
        "> q",
        "9. 1",
        "   2",
    ]


def test_codes_that_were_not_cleaned_are_not_passed_on():
    assert irc.render(line(Text("a\x02b\r\x01"), Code("c\x0f"))) == ["ab\x11c\x0f"]


@pytest.mark.parametrize(
    "unit", ["\x02", "\x02a", "\x0304,5a", "\x03", "\x04", "\n", "a\x02b\x1dc\x0f", "https://x ", "a"]
)
def test_the_time_to_read_grows_with_the_text(unit):
    assert growth(irc.parse, unit) < 4


@pytest.mark.parametrize("unit", ["a", "\n"])
@pytest.mark.parametrize("tree", GROWING.values(), ids=GROWING)
def test_the_time_to_write_grows_with_the_text(tree, unit):
    assert growth(lambda text: irc.render(normal_form(tree(text))), unit, NODES) < 4
