"""Trees full of other people's markup, and how to see that time grows with the text."""

import gc
from collections.abc import Callable, Mapping
from time import thread_time

from hypothesis import strategies as st

from connectors.markup.sanitize import clean_document
from connectors.markup.tree import (
    Block,
    Bold,
    Code,
    CodeBlock,
    Document,
    Emoji,
    Inline,
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
)

SIZE = 1 << 16
NODES = 1 << 13  # as many as 64 KB of markup can say
SURELY_LINEAR = 2.0  # times

# What means something in at least one flavour.
MARKUP = (
    *("a", "b", "é", "😀", "👍🏽", " ", "  ", "\t", "\n", "\n\n", "\u00a0", "\u200b", "1", "x1", "1.", "1)"),
    *("*", "**", "_", "__", "***", "~", "~~", "`", "``", "```", "```py", "\\", "#", "# ", "- ", "+ ", "* "),
    *("> ", ">", "1. ", "|", "---", "===", "!", "[", "]", "(", ")", "[a](https://x.example)", "[a]: /b", "{"),
    *("<", "&", "&amp;", "&lt;", "&#42;", "<b>", "</b>", "<a href='https://x.example'>", "<br>", "<!--", '"'),
    *(
        "<@U1>",
        "<@U1|ann>",
        "<!channel>",
        "<!here>",
        "<#C1|x>",
        "<https://x.example|a>",
        "@all",
        "@room",
        ":a:",
    ),
    *("\x02", "\x03", "\x0304,5", "\x0f", "\x11", "\x16", "\x1d", "\x1e", "\x1f", "\u202e", "\u202b", "\x00"),
    *("https://x.example", "http://x.example/_a_(b)", "mailto:a@x.example", "www.x.example", "javascript:x"),
)
pieces = st.sampled_from(MARKUP)
words = st.lists(pieces, max_size=6).map("".join) | st.text(max_size=6)
urls = st.sampled_from(
    [
        "https://a.example/",
        "http://b.example/x?y=1&z=2#_w_",
        "https://c.example/a b(c)<d>|e\\f",
        "mailto:a@b.example",
        "ftp://d.example/e",
        "javascript:alert(1)",
        "/relative",
        "https://",
    ]
)


def _around(children: st.SearchStrategy[Inline]) -> st.SearchStrategy[Inline]:
    rows = st.lists(children, max_size=4).map(tuple)
    return (
        st.builds(Bold, rows)
        | st.builds(Italic, rows)
        | st.builds(Strike, rows)
        | st.builds(Link, urls, rows)
        | st.builds(Link, urls, st.just(()))
    )


def _holding(children: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
    rows = st.lists(children, max_size=3).map(tuple)
    items = st.lists(rows, max_size=3).map(tuple)
    return st.builds(Quote, rows) | st.builds(List, items, st.booleans(), st.integers(0, 12))


leaves = (
    st.builds(Text, words)
    | st.builds(Code, words)
    | st.builds(Mention, st.sampled_from(["", "U1", "@ann:x.example"]), words)
    | st.builds(Emoji, st.sampled_from(["😀", "👍🏽", ":party:"]), st.sampled_from(["", "party"]))
    | st.just(LineBreak())
)
inlines = st.recursive(leaves, _around, max_leaves=8)
blocks = st.recursive(
    st.builds(Paragraph, st.lists(inlines, max_size=5).map(tuple))
    | st.builds(CodeBlock, words, st.sampled_from(["", "py", "c++", "two words", "`"])),
    _holding,
    max_leaves=6,
)


def stored(document: Document) -> Document:
    """As intake stores it, and a renderer gets it."""
    return normal_form(clean_document(normal_form(document)))


documents = st.builds(Document, st.lists(blocks, max_size=4).map(tuple)).map(stored)
talk = st.lists(pieces, max_size=12).map("".join) | st.text()


def line(*inlines: Inline) -> Document:
    return Document((Paragraph(inlines),))


def paragraphs(*texts: str) -> Document:
    return Document(tuple(Paragraph((Text(text),)) for text in texts))


# By the length of a text: trees of as many nodes, or of one that holds it all.
GROWING: Mapping[str, Callable[[str], Document]] = {
    "text": lambda text: line(Text(text)),
    "runs": lambda text: line(
        *(Bold((Text(char),)) if at % 2 else Text(char) for at, char in enumerate(text))
    ),
    "links": lambda text: line(*(Link("https://x.example", (Text(char),)) for char in text)),
    "code": lambda text: Document((CodeBlock(text),)),
    "items": lambda text: Document((List(tuple((Paragraph((Text(char),)),) for char in text)),)),
}


def growth(work: Callable[[str], object], unit: str, size: int = SIZE) -> float:
    """How much longer a text takes than its 16 parts: 1 where time is linear, 16 where it is quadratic.

    Measured up to three times, and no more once it is far from quadratic.
    """
    text = (unit * size)[:size]
    parts, whole = [], []
    for _ in range(3):
        parts.append(_timed(work, text[: size // 16], 16))
        whole.append(_timed(work, text, 1))
        found = min(whole) / max(min(parts), 0.01)
        if found < SURELY_LINEAR:
            break
    return found


def _timed(work: Callable[[str], object], text: str, times: int) -> float:
    gc.disable()  # a collection looks at all that the tests before have left
    try:
        begin = thread_time()
        for _ in range(times):
            work(text)
        return thread_time() - begin
    finally:
        gc.enable()
