"""The tree, its stored form, its normal form and the plain flavour."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.markup import irc, plain
from connectors.markup.sanitize import clean_text
from connectors.markup.tree import (
    MAX_DEPTH,
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

MEGABYTE = 1_000_000
words = st.text(st.sampled_from("ab \n*_[]@:/é😀"), max_size=8)


def _inlines(children):
    rows = st.lists(children, max_size=4).map(tuple)
    return (
        st.builds(Bold, rows)
        | st.builds(Italic, rows)
        | st.builds(Strike, rows)
        | st.builds(Link, words, rows)
    )


def _blocks(children):
    rows = st.lists(children, max_size=3).map(tuple)
    items = st.lists(rows, max_size=3).map(tuple)
    return st.builds(Quote, rows) | st.builds(List, items, st.booleans(), st.integers(-1, 3))


leaves = (
    st.builds(Text, words)
    | st.builds(Code, words)
    | st.builds(Mention, words, words)
    | st.builds(Emoji, words, words)
    | st.just(LineBreak())
)
inlines = st.recursive(leaves, _inlines, max_leaves=8)
blocks = st.recursive(
    st.builds(Paragraph, st.lists(inlines, max_size=5).map(tuple)) | st.builds(CodeBlock, words, words),
    _blocks,
    max_leaves=6,
)
documents = st.builds(Document, st.lists(blocks, max_size=4).map(tuple))


def _nested(depth, leaf="deep"):
    node = Text(leaf)
    for number in range(depth):
        node = (Bold, Italic)[number % 2]((node,))
    return Document((Paragraph((node,)),))


@given(documents)
def test_stored_form_gives_the_document_back(document):
    document = normal_form(document)

    assert from_json(json.loads(json.dumps(to_json(document)))) == document


def test_stored_form_is_this_and_stays_this():
    document = Document(
        (
            Paragraph((Text("hi "), Bold((Text("you"),)), LineBreak(), Emoji("👍", "thumbsup"))),
            Paragraph((Link("https://x.org", (Text("x"),)), Mention("7", "ann"), Code("a"))),
            CodeBlock("1\n2", "python"),
            Quote((Paragraph((Italic((Strike((Text("q"),)),)),)),)),
            List(((Paragraph((Text("one"),)),),), ordered=True),
        )
    )

    assert to_json(document) == {
        "v": 1,
        "blocks": [
            {
                "type": "paragraph",
                "inlines": [
                    "hi ",
                    {"type": "bold", "inlines": ["you"]},
                    {"type": "break"},
                    {"type": "emoji", "text": "👍", "shortcode": "thumbsup"},
                ],
            },
            {
                "type": "paragraph",
                "inlines": [
                    {"type": "link", "url": "https://x.org", "inlines": ["x"]},
                    {"type": "mention", "remote_id": "7", "name": "ann"},
                    {"type": "code", "text": "a"},
                ],
            },
            {"type": "codeblock", "text": "1\n2", "language": "python"},
            {
                "type": "quote",
                "blocks": [
                    {
                        "type": "paragraph",
                        "inlines": [
                            {"type": "italic", "inlines": [{"type": "strike", "inlines": ["q"]}]},
                        ],
                    }
                ],
            },
            {"type": "list", "items": [[{"type": "paragraph", "inlines": ["one"]}]], "ordered": True},
        ],
    }


def test_where_a_list_starts_is_stored_only_if_it_is_not_one():
    items = ((Paragraph((Text("a"),)),),)
    stored = {"type": "list", "items": [[{"type": "paragraph", "inlines": ["a"]}]], "ordered": True}

    assert to_json(Document((List(items, ordered=True),)))["blocks"] == [stored]
    assert to_json(Document((List(items, ordered=True, start=7),)))["blocks"] == [stored | {"start": 7}]
    assert from_json({"v": 1, "blocks": [stored]}) == Document((List(items, ordered=True),))
    assert from_json({"v": 1, "blocks": [stored | {"start": 7}]}) == Document((List(items, True, 7),))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            List(((CodeBlock("a"),),), ordered=True, start=0),
            List(((CodeBlock("a"),),), ordered=True, start=0),
        ),
        (List(((CodeBlock("a"),),), ordered=True, start=-1), List(((CodeBlock("a"),),), ordered=True)),
        (List(((CodeBlock("a"),),), ordered=True, start=10**9), List(((CodeBlock("a"),),), ordered=True)),
        (List(((CodeBlock("a"),),), start=7), List(((CodeBlock("a"),),))),
    ],
)
def test_normal_form_counts_where_there_are_numbers(before, after):
    assert normal_form(Document((before,))) == Document((after,))


@pytest.mark.parametrize(
    "stored",
    [
        None,
        [],
        {},
        {"v": 1},
        {"v": True, "blocks": []},
        {"v": 2, "blocks": []},
        {"v": 1, "blocks": {}},
        {"v": 1, "blocks": [], "more": 1},
        {"v": 1, "blocks": ["text"]},
        {"v": 1, "blocks": [{"type": "bold", "inlines": []}]},
        {"v": 1, "blocks": [{"type": ["paragraph"], "inlines": []}]},
        {"v": 1, "blocks": [{"type": "paragraph"}]},
        {"v": 1, "blocks": [{"type": "paragraph", "inlines": [], "x": 1}]},
        {"v": 1, "blocks": [{"type": "paragraph", "inlines": [1]}]},
        {"v": 1, "blocks": [{"type": "paragraph", "inlines": [{"type": "quote", "blocks": []}]}]},
        {"v": 1, "blocks": [{"type": "codeblock", "text": 1, "language": ""}]},
        {"v": 1, "blocks": [{"type": "list", "items": [], "ordered": 1}]},
        {"v": 1, "blocks": [{"type": "list", "items": [{}], "ordered": True}]},
        {"v": 1, "blocks": [{"type": "list", "items": [], "ordered": True, "start": "1"}]},
        {"v": 1, "blocks": [{"type": "list", "items": [], "ordered": True, "start": True}]},
    ],
)
def test_from_json_refuses_what_it_did_not_write(stored):
    with pytest.raises(ValueError):
        from_json(stored)


def test_nesting_is_capped_in_every_direction():
    stored = {"type": "quote", "blocks": []}
    for _ in range(MAX_DEPTH):
        stored = {"type": "quote", "blocks": [stored]}

    with pytest.raises(ValueError, match="deeply"):
        from_json({"v": 1, "blocks": [stored]})
    with pytest.raises(ValueError, match="deeply"):
        to_json(_nested(MAX_DEPTH))


@pytest.mark.parametrize("depth", [MAX_DEPTH - 2, MAX_DEPTH - 1, MAX_DEPTH, 5_000])
def test_normal_form_makes_what_is_too_deep_plain(depth):
    normal = normal_form(_nested(depth, "deep\ndown"))

    assert from_json(to_json(normal)) == normal
    assert normal_form(normal) == normal
    assert plain_text(normal) == "deep\ndown"


@pytest.mark.parametrize("depth", [MAX_DEPTH - 3, MAX_DEPTH - 2, MAX_DEPTH - 1, MAX_DEPTH, 5_000])
def test_normal_form_flattens_deep_quotes_and_lists(depth):
    block = Paragraph((Text("a"), LineBreak(), Text("b")))
    for number in range(depth):
        block = Quote((block,)) if number % 2 else List(((block,),))

    normal = normal_form(Document((block,)))

    assert from_json(to_json(normal)) == normal
    assert normal_form(normal) == normal
    assert plain_text(normal) == "a\nb"


@given(documents)
def test_normal_form_twice_is_normal_form_once(document):
    once = normal_form(document)

    assert normal_form(once) == once


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((Text("a"), Text("b")), (Text("ab"),)),
        ((Text("a"), Bold(()), Text(""), Text("b")), (Text("ab"),)),
        ((Text("a\n\nb"),), (Text("a"), LineBreak(), LineBreak(), Text("b"))),
        ((Bold((Text("a"),)), Bold((Text("b"),))), (Bold((Text("ab"),)),)),
        ((Bold((Italic((Bold((Text("a"),)),)),)),), (Bold((Italic((Text("a"),)),)),)),
        ((Link("u", ()),), (Link("u", (Text("u"),)),)),
        ((Link("", (Text("a"),)), Text("b")), (Text("ab"),)),
        ((Link("u", (Link("w", (Text("a"),)),)),), (Link("u", (Text("a"),)),)),
        ((Text("e"), Text("\u0301")), (Text("e\u0301"),)),
    ],
)
def test_normal_form_merges_and_drops(before, after):
    assert normal_form(Document((Paragraph(before),))) == Document((Paragraph(after),))


def test_normal_form_drops_empty_blocks():
    empty = Document(
        (Paragraph(()), CodeBlock(""), Quote((Paragraph(()),)), List(((Paragraph((Code(""),)),), ())))
    )

    assert normal_form(empty) == Document()


def test_plain_text_is_words_on_lines():
    document = Document(
        (
            Paragraph((Text("hi "), Link("https://x.org", (Text("x"),)), Mention("7", "ann"))),
            List(((Paragraph((Text("one"),)),), (CodeBlock("two"),))),
            Quote((Paragraph((Emoji("👍"),)),)),
        )
    )

    assert plain_text(document) == "hi x@ann\none\ntwo\n👍"


# ------------------------------------------------------------------------------ plain
@given(st.text(st.sampled_from("ab \n\t>-.(hps:/)é😀")) | st.text())
def test_plain_keeps_every_cleaned_text(text):
    assert plain.render(plain.parse(text)) == clean_text(text)


@pytest.mark.parametrize(
    "text", ["\n", "\n\n\n", "a\n\n", "\n\na", "a\n\n\n\n\nb", "a\n \nb", "  def f():\n\n\n    pass"]
)
def test_plain_keeps_blank_lines_and_indents(text):
    assert plain.render(plain.parse(text)) == text


@given(st.text(st.sampled_from("a \nhttp://x.y")))
def test_plain_parses_into_normal_form(text):
    document = plain.parse(text)

    assert normal_form(document) == document


lines = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters=":\u202d\u202e"), min_size=1
)


@given(st.lists(st.lists(lines, min_size=1, max_size=3), max_size=3))
def test_plain_gives_back_the_trees_it_can_express(paragraphs):
    inlines = [
        [part for line in lines for part in (Text(clean_text(line)), LineBreak())][:-1]
        for lines in paragraphs
    ]
    document = Document(tuple(Paragraph(tuple(row)) for row in inlines))
    expressible = all(isinstance(part, LineBreak) or part.text for row in inlines for part in row)

    if expressible:
        assert plain.parse(plain.render(document)) == document


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("see https://x.org/a_b.", "https://x.org/a_b"),
        ("(https://x.org/a_(b))", "https://x.org/a_(b)"),
        ("HTTP://x.org!?", "HTTP://x.org"),
        ("<https://x.org>", "https://x.org"),
        ("https:// nothing", None),
        ("xhttps://x.org", None),
        ("javascript://x.org", None),
    ],
)
def test_plain_finds_addresses(text, url):
    paragraph = plain.parse(text).blocks[0]

    assert [part for part in paragraph.inlines if isinstance(part, Link)] == (
        [Link(url, (Text(url),))] if url else []
    )


def test_plain_renders_every_kind():
    document = Document(
        (
            Paragraph((Bold((Text("b"),)), Italic((Text("i"),)), Strike((Text("s"),)), Code("c"))),
            Paragraph((Mention("1", "Ann"), Text(" "), Emoji("(yes)"), Link("https://x.org", (Text("x"),)))),
            CodeBlock("  a\n\nb"),
            Quote((Paragraph((Text("q"), LineBreak(), Text("r"))), Quote((Paragraph((Text("s"),)),)))),
            List(
                ((Paragraph((Text("1"),)), List(((Paragraph((Text("n"),)),),))), (CodeBlock("x\ny"),)),
                ordered=True,
                start=9,
            ),
        )
    )

    assert plain.render(document) == (
        "bisc\n\n@Ann (yes)x (https://x.org)\n\n  a\n\nb\n\n> q\n> r\n>\n> > s\n\n9. 1\n   - n\n10. x\n    y"
    )


@pytest.mark.parametrize(
    ("words", "url", "said"),
    [
        ("ann@x.org", "mailto:ann@x.org", "ann@x.org"),
        ("x.org/a", "https://x.org/a", "x.org/a"),
        ("x.org", "http://x.org/", "x.org"),
        ("https://x.org", "https://x.org", "https://x.org"),
        ("x.org", "https://y.org", "x.org (https://y.org)"),
        ("x.org", "https://x.org.example", "x.org (https://x.org.example)"),
        ("bob@x.org", "mailto:ann@x.org", "bob@x.org (mailto:ann@x.org)"),
    ],
)
def test_address_is_said_once(words, url, said):
    document = Document((Paragraph((Link(url, (Text(words),)),)),))

    assert (plain.render(document), irc.render(document)) == (said, [said])


@pytest.mark.parametrize(
    "unit", ["a", "\n", "\n\na", "https://x.org/)", "https://", ")", "\u202b", "e\u0301", "> ", "😀"]
)
def test_plain_takes_a_megabyte_of_anything(unit):
    text = unit * (MEGABYTE // len(unit))

    assert plain.render(plain.parse(text)) == clean_text(text)


def test_normal_form_takes_a_hundred_thousand_nodes():
    row = (Text("a"), Bold((Text("b"),)), Bold((Italic((Text("c"),)),))) * 33_000

    normal = normal_form(Document((Paragraph(row),)))

    assert from_json(to_json(normal)) == normal
