"""A document in parts: nothing is lost, and every part says what it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.markup import html, plain
from connectors.markup.parts import split_document
from connectors.markup.runs import Anchor, runs_of
from connectors.markup.split import clusters
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
)
from tests.connectors.trees import GROWING, NODES, documents, growth, line, paragraphs

FAMILY = "👩\u200d👩\u200d👧"
MEASURES = [
    lambda part: len(plain.render(part)),
    lambda part: len(plain.render(part).encode()),
    lambda part: len(html.render(part)),
]


def at_most(limit, measure=MEASURES[0]):
    return lambda part: measure(part) <= limit


def shades(blocks, around=()):
    """Each thing to be seen, with all that is around it."""
    for block in blocks:
        if isinstance(block, Quote):
            yield from shades(block.blocks, (*around, Quote))
        elif isinstance(block, List):
            for number, item in enumerate(block.items, start=block.start):
                yield from shades(item, (*around, number if block.ordered else List))
        elif isinstance(block, CodeBlock):
            yield from ((char, *around, block.language) for char in block.text if not char.isspace())
        else:
            for run in runs_of(block.inlines):
                wraps = [wrap.url if isinstance(wrap, Anchor) else wrap for wrap in run.around]
                seen = run.leaf.text if isinstance(run.leaf, Text | Code) else [run.leaf]
                kind = type(run.leaf)
                yield from (
                    (one, kind, *around, *wraps) for one in seen if str(one).strip() and kind != LineBreak
                )


@given(documents, st.integers(1, 60), st.sampled_from(MEASURES))
def test_every_part_fits_and_is_in_normal_form(document, limit, measure):
    parts = split_document(document, at_most(limit, measure))

    assert all(measure(part) <= limit for part in parts)
    assert all(normal_form(part) == part for part in parts)
    assert all(plain_text(part).strip() for part in parts)


@given(documents, st.integers(32, 60))  # longer than the longest address
def test_every_word_is_said_once_in_order_with_all_that_is_around_it(document, limit):
    parts = split_document(document, lambda part: len([*shades(part.blocks)]) <= limit)

    assert [shade for part in parts for shade in shades(part.blocks)] == list(shades(document.blocks))


@given(documents, st.integers(1, 40))
def test_every_word_is_said_even_where_nothing_but_words_fits(document, limit):
    def bare(part):
        return len(plain_text(part)) <= limit and part == normal_form(plain.parse(plain_text(part)))

    parts = split_document(document, bare)

    said = "".join("".join(plain_text(part).split()) for part in parts)
    kept = iter(said)
    assert all(char in kept for char in "".join(plain_text(document).split()))  # addresses come on top


@given(
    st.lists(st.sampled_from(["a", " ", FAMILY, "👍🏽", "🇩🇪", "e\u0301"])).map("".join), st.integers(8, 20)
)
def test_what_a_reader_sees_as_one_character_stays_whole(text, limit):
    parts = split_document(line(Text(text)), at_most(limit))

    found = [part[at:end] for part in map(plain_text, parts) for at, end in clusters(part)]
    whole = [text[at:end] for at, end in clusters(text)]
    assert [cluster for cluster in found if cluster != " "] == [
        cluster for cluster in whole if cluster != " "
    ]


def test_what_fits_is_one_part():
    document = paragraphs("a", "b")

    assert split_document(document, at_most(4)) == [document]
    assert split_document(Document(), at_most(4)) == []
    assert split_document(line(Text(" ")), at_most(4)) == []


@pytest.mark.parametrize(
    ("limit", "parts"),
    [
        (13, [paragraphs("ab", "cd ef", "gh")]),
        (12, [paragraphs("ab", "cd ef"), paragraphs("gh")]),
        (8, [paragraphs("ab", "cd"), paragraphs("ef", "gh")]),  # the first half of a part is no place to cut
        (7, [paragraphs("ab", "cd"), paragraphs("ef", "gh")]),
        (5, [paragraphs("ab"), paragraphs("cd ef"), paragraphs("gh")]),
        (1, [paragraphs(char) for char in "abcdefgh"]),
    ],
)
def test_cuts_are_between_blocks_before_words(limit, parts):
    assert split_document(paragraphs("ab", "cd ef", "gh"), at_most(limit)) == parts


def test_cuts_are_between_lines_before_words():
    document = line(Text("ab cd"), LineBreak(), Text("ef gh"))

    assert split_document(document, at_most(9)) == [line(Text("ab cd")), line(Text("ef gh"))]


def test_a_block_of_code_is_opened_again():
    document = Document((CodeBlock("def f():\n    pass\n\nf()", "py"),))

    assert split_document(document, at_most(17)) == [
        Document((CodeBlock("def f():\n    pass", "py"),)),
        Document((CodeBlock("\nf()", "py"),)),
    ]


def test_lists_count_on_and_quotes_go_on():
    items = tuple(paragraphs(text).blocks for text in ("one", "two", "six", "ten"))
    document = Document((Quote((List(items, ordered=True, start=4),)),))

    assert split_document(document, at_most(20)) == [
        Document((Quote((List(items[:2], ordered=True, start=4),)),)),
        Document((Quote((List(items[2:], ordered=True, start=6),)),)),
    ]


def test_an_item_that_is_cut_keeps_its_number():
    document = Document((List((paragraphs("aa bb cc").blocks, paragraphs("dd").blocks), ordered=True),))

    assert split_document(document, at_most(9)) == [
        Document((List((paragraphs("aa bb").blocks,), ordered=True),)),
        Document((List((paragraphs("cc").blocks,), ordered=True),)),
        Document((List((paragraphs("dd").blocks,), ordered=True, start=2),)),
    ]


def test_styles_and_links_are_opened_again():
    url = "https://x.example"
    document = line(Bold((Text("ab cd"),)), Text(" "), Link(url, (Italic((Text("ef gh"),)),)))

    assert split_document(document, lambda part: len(plain_text(part)) <= 2) == [
        line(Bold((Text("ab"),))),
        line(Bold((Text("cd"),))),
        line(Link(url, (Italic((Text("ef"),)),))),
        line(Link(url, (Italic((Text("gh"),)),))),
    ]


@pytest.mark.parametrize(
    "atom",
    [
        Mention("7", "Ann Beth Clara Dora"),
        Emoji(":one dancing parrot:"),
        Link("https://x.example/ab", (Text("https://x.example/ab"),)),
        Link("https://x.example/ab", (Bold((Text("https://x.example/ab"),)),)),
    ],
)
def test_what_is_one_thing_stays_whole(atom):
    document = line(Text("some words "), atom, Text(" any more words"))

    assert split_document(document, at_most(20)) == [
        line(Text("some words")),
        line(atom),
        line(Text("any more words")),
    ]


@pytest.mark.parametrize(
    ("inline", "parts"),
    [
        (Mention("7", "Ann B. C. D. E."), ["@Ann", "B. C.", "D. E."]),
        (Emoji(":party:"), [":part", "y:"]),
        (Link("http://x", (Text("http://x"),)), ["http:", "//x"]),
        (Link("h://x", (Text("some"), Bold((Text(" words"),)))), ["some", "words", "(h://", "x)"]),
        (Strike((Code("abc"),)), ["abc"]),
    ],
)
def test_what_does_not_fit_as_one_thing_is_text(inline, parts):
    assert split_document(
        Document((Quote((Paragraph((Text("ab"), inline, Text("c"))),)),)),
        lambda part: len(plain_text(part)) <= 5 and part == plain.parse(plain_text(part)),
    ) == [paragraphs(text) for text in ("ab", *parts, "c")]


def test_what_alone_does_not_fit_is_dropped():
    document = line(Text("a😀b"), Bold((Text("e\u0301😀f"),)))

    assert split_document(document, at_most(2, MEASURES[1])) == [
        paragraphs("a"),
        paragraphs("b"),
        paragraphs("e"),
        paragraphs("\u0301"),
        paragraphs("f"),
    ]
    assert split_document(document, lambda part: False) == []


def test_a_run_of_marks_is_cut_where_it_has_to():
    assert split_document(line(Text("a" + "\u0301" * 5)), at_most(4)) == [
        line(Text("a\u0301\u0301\u0301")),
        line(Text("\u0301\u0301")),
    ]


TREES = {
    **GROWING,
    "quotes": lambda text: Document(tuple(Quote((Paragraph((Text(char),)),)) for char in text)),
    "mentions": lambda text: line(*(Mention("7", char) for char in text)),
    "one link": lambda text: line(Link("https://x.example", tuple(Text(char) for char in text))),
}


@pytest.mark.parametrize("unit", ["a ", "\n", "\u0301"])
@pytest.mark.parametrize("limit", [1, 400])
@pytest.mark.parametrize("tree", TREES.values(), ids=TREES)
def test_the_time_grows_with_the_text(tree, limit, unit):
    assert growth(lambda text: split_document(tree(text), at_most(limit)), unit, NODES) < 4


def test_the_time_grows_with_a_long_text():
    assert growth(lambda text: split_document(line(Text(text)), at_most(400)), "word ") < 4
