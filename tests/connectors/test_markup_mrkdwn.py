"""Slack's mrkdwn, both ways."""

import json
import re

import pytest
from hypothesis import given

from connectors.markup import mrkdwn, plain
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
    from_json,
    normal_form,
    plain_text,
    to_json,
)
from tests.connectors.trees import GROWING, NODES, documents, growth, line, paragraphs, stored, talk


def name_of(remote_id):
    return "ann"


def named(document):
    """With one name for everybody: mrkdwn has the id, and who reads looks up the name."""
    text = json.dumps(to_json(document))
    return from_json(json.loads(re.sub(r'("remote_id": "U1", "name": )"(?:[^"\\]|\\.)*"', r'\1"ann"', text)))


def letters(document):
    """The words, whatever they look like."""
    seen = re.sub(r"[\u200b\u2060\s]", "", plain_text(document))
    return seen.replace("`", "\u02cb")


@given(documents.map(named))
def test_a_reader_gets_what_can_be_said(document):
    assert mrkdwn.parse(mrkdwn.render(document), name_of=name_of) == mrkdwn.expressible(document)


@given(documents)
def test_no_word_is_lost(document):
    said = iter(letters(Document(mrkdwn.expressible(stored(document)).blocks)))

    if ":" not in plain_text(document):  # else some may be emoji
        assert all(char in said for char in letters(document))


@given(talk)
def test_foreign_text_neither_pings_nor_is_styled(text):
    said = mrkdwn.render(stored(Document((Paragraph((Text(text),)),))))
    read = mrkdwn.parse(said)

    assert "`" not in said
    assert not re.search(r"<(?!https?://)", said)
    assert {type(block) for block in read.blocks} <= {Paragraph}
    for block in read.blocks:
        assert {type(inline) for inline in block.inlines} <= {Text, LineBreak, Link, Emoji}


@given(talk)
def test_anything_becomes_a_tree_that_can_be_stored(text):
    document = mrkdwn.parse(text)

    assert document == normal_form(document)
    assert to_json(document)


@pytest.mark.parametrize(
    ("text", "document"),
    [
        (
            "*a* _b_ ~c~",
            line(Bold((Text("a"),)), Text(" "), Italic((Text("b"),)), Text(" "), Strike((Text("c"),))),
        ),
        ("*a _b_*!", line(Bold((Text("a "), Italic((Text("b"),)))), Text("!"))),
        ("snake_case_name 2*3*4", paragraphs("snake_case_name 2*3*4")),
        ("* a* ** _", paragraphs("* a* ** _")),
        ("*a _b*", line(Bold((Text("a _b"),)))),
        ("*a\nb*", line(Text("*a"), LineBreak(), Text("b*"))),
        ("a `*b* &lt;` c", line(Text("a "), Code("*b* <"), Text(" c"))),
        (
            "a\n```x &amp;\n<https://y|y>```b",
            Document((*paragraphs("a").blocks, CodeBlock("x &\ny"), *paragraphs("b").blocks)),
        ),
        ("```a", paragraphs("```a")),
        (
            "&gt; a\n&gt;b\nc",
            Document((Quote((Paragraph((Text("a"), LineBreak(), Text("b"))),)), *paragraphs("c").blocks)),
        ),
        ("&gt;&gt;&gt;a\n\nb", Document((Quote(paragraphs("a", "b").blocks),))),
        ("a\n\n\nb", paragraphs("a", "b")),
        ("&lt;b&gt; &amp;amp; &copy;", paragraphs("<b> &amp; &copy;")),
        (
            "<@U1|ann> <@U2> <@U3|@bo>",
            line(Mention("U1", "ann"), Text(" "), Mention("U2", "U2"), Text(" "), Mention("U3", "bo")),
        ),
        ("<#C1|general> <#C2>", paragraphs("#general #C2")),
        ("<!here> <!channel|@channel>", line(Mention("", "here"), Text(" "), Mention("", "channel"))),
        ("<!subteam^S1|@team>", line(Mention("S1", "team"))),
        ("<!subteam^S1>", line(Mention("S1", "group"))),
        ("`<https://x.org|x.org>`", line(Code("x.org"))),
        ("`<https://x.org> &lt;b&gt;`", line(Code("https://x.org <b>"))),
        ("<!date^1^{date}|May 1>", paragraphs("May 1")),
        ("<https://x.example?a&amp;b|x|y>", line(Link("https://x.example?a&b", (Text("x|y"),)))),
        ("*<https://x.example>*", line(Bold((Link("https://x.example", (Text("https://x.example"),)),)))),
        ("<javascript:x|y> <", paragraphs("y <")),
        ("https://x.example/a_b", line(Link("https://x.example/a_b", (Text("https://x.example/a_b"),)))),
        (
            ":tada: :+1::skin-tone-4: :nosuch: 10:30:45",
            line(
                Emoji("🎉", "tada"), Text(" "), Emoji("👍🏽", "+1::skin-tone-4"), Text(" :nosuch: 10:30:45")
            ),
        ),
    ],
)
def test_markup_is_read(text, document):
    assert mrkdwn.parse(text) == document


def test_names_are_looked_up():
    assert mrkdwn.parse("<@U1> <#C1> <!subteam^S1>", name_of={"U1": "ann", "C1": "x", "S1": "t"}.get) == line(
        Mention("U1", "ann"), Text(" #x "), Mention("S1", "t")
    )


def test_every_kind_is_written():
    document = Document(
        (
            Paragraph(
                (Bold((Text("b "), Italic((Text("i"),)))), Strike((Text("s"),)), LineBreak(), Code("c<"))
            ),
            Paragraph(
                (Link("https://x.example/?a&b", (Bold((Text("x"),)),)), Mention("U1", "Ann"), Emoji("😀"))
            ),
            CodeBlock("a\n\nb", "py"),
            Quote((*paragraphs("q", "r").blocks, Quote(paragraphs("s").blocks))),
            List(
                ((*paragraphs("1").blocks, List((paragraphs("n").blocks,))), paragraphs("2").blocks),
                ordered=True,
                start=9,
            ),
        )
    )

    assert mrkdwn.render(document) == (
        "*b _i_*~s~\n`c&lt;`\n\n*<https://x.example/?a&amp;b|x>*<@U1>😀\n```\na\n\nb\n```\n"
        "&gt; q\n&gt;\n&gt; r\n&gt;\n&gt; s\n9. 1\n\u00a0\u00a0\u00a0\u00a0• n\n10. 2"
    )


@pytest.mark.parametrize(
    ("inlines", "written"),
    [
        ((Text("<!channel> <@U1> &"),), "&lt;!channel&gt; &lt;@U1&gt; &amp;"),
        ((Text("*a*"),), "\u200b*\u200ba\u200b*\u200b"),
        ((Text("snake_case_2"),), "snake_case_2"),
        ((Text("> a"),), "\u200b&gt; a"),
        ((Text("`a`"),), "\u02cba\u02cb"),
        ((Text("un"), Bold((Text("believ"),)), Text("able")), "un\u200b*believ*\u200bable"),
        ((Bold((Text("*"),)),), "*\u2060\u200b*\u200b\u2060*"),
        ((Mention("", "channel"), Mention("S1", "team"), Mention("x>", "y")), "@channel@team@y"),
        ((Link("javascript:x", (Text("a"),)),), "a"),
        ((Link("https://x|y>z", (Text("a|b>"),)),), "<https://x%7Cy%3Ez|a|b&gt;>"),
    ],
)
def test_text_is_text(inlines, written):
    assert mrkdwn.render(line(*inlines)) == written


def test_code_that_is_pasted_without_signs_keeps_its_blanks_at_the_beginning_of_each_line():
    pasted = line(
        *(Text("if a:"), LineBreak(), Text("    b = *c*"), LineBreak(), Text("\t> d  e "), LineBreak()),
        *(Bold((Text("  f"),)), LineBreak(), Text("  "), Code(" g")),
    )
    written = mrkdwn.render(pasted)

    kept = "\u00a0"
    assert written.replace("\u200b", "") == (
        f"if a:\n{kept * 4}b = *c*\n{kept * 4}&gt; d  e\n{kept * 2}*f*\n{kept * 2}`g`"
    )
    assert mrkdwn.parse(written) == line(
        *(Text("if a:"), LineBreak(), Text("    b = *c*"), LineBreak(), Text("    > d  e"), LineBreak()),
        *(Text("  "), Bold((Text("f"),)), LineBreak(), Text("  "), Code("g")),
    )


UNITS = (
    *(
        "*",
        "*a ",
        "*a* ",
        "_a*b~",
        "`",
        "`a",
        "```",
        "```\n",
        "<",
        "<a",
        "<@U1>",
        "<https://x>",
        "&gt; a\n",
        "&gt;",
        "\n",
    ),
    *(":tada:", ":", "*_~", "&amp;", "https://x ", "a"),
)


@pytest.mark.parametrize("unit", UNITS)
def test_the_time_to_read_grows_with_the_text(unit):
    assert growth(mrkdwn.parse, unit) < 4


@pytest.mark.parametrize("unit", ["a", "\n", "*"])
@pytest.mark.parametrize("tree", GROWING.values(), ids=GROWING)
def test_the_time_to_write_grows_with_the_text(tree, unit):
    assert growth(lambda text: mrkdwn.render(normal_form(tree(text))), unit, NODES) < 4


def test_an_address_with_a_backtick_stays_bare_and_is_known_again():
    url = "https://example.org/a`b"
    said = Document((Paragraph((Text("see "), Link(url, (Text(url),)))),))

    shown = mrkdwn.render(said)

    assert shown == "see <https://example.org/a%60b>"
    seen = plain.render(mrkdwn.parse(shown))
    assert normalise_for_compare(seen) == normalise_for_compare(plain.render(said))
