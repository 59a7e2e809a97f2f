"""CommonMark, both ways."""

import pytest
from hypothesis import given
from markdown_it import MarkdownIt

from connectors.markup import commonmark
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
from tests.connectors.trees import GROWING, NODES, documents, growth, line, paragraphs, stored, talk


@given(documents)
def test_a_reader_gets_what_can_be_said(document):
    assert commonmark.parse(commonmark.render(document)) == commonmark.expressible(document)


@given(documents)
def test_no_word_is_lost(document):
    said = plain_text(commonmark.expressible(document))

    assert "".join(said.split()) == "".join(plain_text(document).split())


@given(talk)
def test_foreign_text_stays_text(text):
    document = stored(Document((Paragraph((Text(text),)),)))

    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(commonmark.render(document))

    kinds = {token.type for outer in tokens for token in (outer, *(outer.children or ()))}
    assert kinds <= {
        "paragraph_open",
        "inline",
        "paragraph_close",
        "text",
        "softbreak",
        "link_open",
        "link_close",
    }
    links = [token for outer in tokens for token in outer.children or () if token.type == "link_open"]
    assert len(links) <= text.lower().count("http")  # those that were addresses before


@given(talk)
def test_anything_becomes_a_tree_that_can_be_stored(text):
    document = commonmark.parse(text)

    assert document == normal_form(document)
    assert to_json(document)


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("**a** __b__", line(Bold((Text("a"),)), Text(" "), Bold((Text("b"),)))),
        (
            "*a* _b_ ~~c~~",
            line(Italic((Text("a"),)), Text(" "), Italic((Text("b"),)), Text(" "), Strike((Text("c"),))),
        ),
        (
            "a\nb  \nc\\\nd",
            line(Text("a"), LineBreak(), Text("b"), LineBreak(), Text("c"), LineBreak(), Text("d")),
        ),
        ("`` a`b ``", line(Code("a`b"))),
        ("[**x**](https://x.example/ü 'title')", line(Link("https://x.example/ü", (Bold((Text("x"),)),)))),
        ("[x](javascript:alert)", paragraphs("x")),
        ("![a *b*](https://x.example/p.png)", line(Link("https://x.example/p.png", (Text("a b"),)))),
        ("![a](/p.png)", paragraphs("a")),
        (
            "<https://x.example> https://y.example",
            line(
                Link("https://x.example", (Text("https://x.example"),)),
                Text(" "),
                Link("https://y.example", (Text("https://y.example"),)),
            ),
        ),
        ("# a\nb", Document((Paragraph((Bold((Text("a"),)),)), *paragraphs("b").blocks))),
        ("a\n\n---\nb", paragraphs("a", "---", "b")),
        ("```py x\na\n\n  b\n```", Document((CodeBlock("a\n\n  b", "py"),))),
        ("    a\n    b", Document((CodeBlock("a\nb"),))),
        ("> a\n> > b", Document((Quote((*paragraphs("a").blocks, Quote(paragraphs("b").blocks))),))),
        (
            "3. a\n4. b\n   - c",
            Document(
                (
                    List(
                        (paragraphs("a").blocks, (*paragraphs("b").blocks, List((paragraphs("c").blocks,)))),
                        True,
                        3,
                    ),
                )
            ),
        ),
        (
            "| a | *b* |\n|---|---|\n| 1 | 2 |",
            line(Text("a | "), Italic((Text("b"),)), LineBreak(), Text("1 | 2")),
        ),
        ("<b>a</b> &amp; &copy;", paragraphs("<b>a</b> & ©")),
        ("<div>\na\n</div>", line(Text("<div>"), LineBreak(), Text("a"), LineBreak(), Text("</div>"))),
    ],
)
def test_markup_is_read(text, document):
    assert commonmark.parse(text) == document


def test_every_kind_is_written():
    items = (
        (Paragraph((Text("1"),)), List(((Paragraph((Text("n"),)),), (Paragraph((Text("m"),)),)))),
        (CodeBlock("x\n\ny"),),
    )
    document = Document(
        (
            Paragraph(
                (
                    Bold((Text("b "), Italic((Text("i"),)))),
                    Text(" "),
                    Strike((Text("s"),)),
                    LineBreak(),
                    Code("c`"),
                )
            ),
            Paragraph((Link("https://x.example/a(b)", (Text("x"),)), Mention("7", "Ann"), Emoji("😀"))),
            Paragraph((Link("https://x.example/?a&b_c", (Text("https://x.example/?a&b_c"),)),)),
            CodeBlock("```\na", "py"),
            Quote((Paragraph((Text("q"),)), Quote((Paragraph((Text("r"),)),)))),
            List(items, ordered=True, start=9),
        )
    )

    assert commonmark.render(document) == (
        "**b _i_** ~~s~~\n`` c` ``\n\n[x](<https://x.example/a(b)>)@Ann😀\n\n<https://x.example/?a&b_c>\n\n"
        "````py\n```\na\n````\n\n> q\n>\n> > r\n\n"
        "9. 1\n\n   - n\n   - m\n\n10. ```\n    x\n\n    y\n    ```"
    )


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("*a* _b_ `c`", r"\*a\* \_b\_ \`c\`"),
        ("# a", r"\# a"),
        ("- a", r"\- a"),
        ("1. a", r"1\. a"),
        ("1.5 and 2) a", r"1\.5 and 2) a"),
        ("> a > b", r"\> a > b"),
        ("[a](https://x)!", r"\[a\](<https://x>)\!"),
        ("<@U1> &amp;", r"\<@U1> \&amp;"),
        ("a-b #c +d", "a-b #c +d"),
    ],
)
def test_what_would_mean_something_is_escaped(text, written):
    assert commonmark.render(line(Text(text))) == written


@pytest.mark.parametrize(
    ("inlines", "written"),
    [
        ((Text("un"), Bold((Text("believ"),)), Text("able")), "un**believ**able"),
        ((Text("un"), Italic((Text("believ"),)), Text("able")), "un*believ*able"),
        ((Text("f"), Bold((Text("(x)"),)), Text("y")), "f(x)y"),
        ((Text("你"), Italic((Text("好"),)), Bold((Text("吗"),))), "你好**吗**"),
        ((Bold((Text(" a "),)), Text("b")), "**a** b"),
    ],
)
def test_styles_are_written_where_they_can_be_read(inlines, written):
    assert commonmark.render(line(*inlines)) == written


@pytest.mark.parametrize("sign", ["> ", "- ", "1. "])
def test_nesting_beyond_the_cap_is_plain_text(sign):
    document = commonmark.parse(sign * 500 + "a")

    assert to_json(document)
    assert plain_text(document).endswith(f"{sign}a")
    assert commonmark.parse(commonmark.render(document)) == commonmark.expressible(document)


def test_lists_beside_each_other_stay_apart():
    one = List((paragraphs("a").blocks,))
    document = Document((one, one, one))

    assert commonmark.render(document) == "- a\n\n* a\n\n- a"
    assert commonmark.parse(commonmark.render(document)) == document


UNITS = (
    *(
        "a ",
        "*a ",
        "**a",
        "_a_ ",
        "[",
        "[a](",
        "![",
        "]",
        "`",
        "``` ",
        "`a",
        "> ",
        ">",
        "- ",
        "1. ",
        "- a\n",
        "> a\n",
    ),
    *(
        "| a | b |\n",
        "|-",
        "<",
        "<a",
        "&amp;",
        "\\*",
        "~~",
        "# a\n",
        "\n",
        "***a",
        "[a]: b\n",
        "[a][b]",
        "https://x ",
    ),
    *("- - ", "a\n---\n", "```\n", "\n> - ", "**a** ", "[a](https://x) "),
)


@pytest.mark.parametrize("unit", UNITS)
def test_the_time_to_read_grows_with_the_text(unit):
    assert growth(commonmark.parse, unit) < 4


@pytest.mark.parametrize("unit", ["a", "\n", "*"])
@pytest.mark.parametrize("tree", GROWING.values(), ids=GROWING)
def test_the_time_to_write_grows_with_the_text(tree, unit):
    assert growth(lambda text: commonmark.render(normal_form(tree(text))), unit, NODES) < 4
