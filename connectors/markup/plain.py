"""The plain flavour: bare text, for services without markup and for what people paste.

`render(parse(text)) == text` for every cleaned text, blank lines and leading spaces included.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from connectors.markup.addresses import is_said_by
from connectors.markup.sanitize import clean_text
from connectors.markup.tree import (
    Block,
    CodeBlock,
    Document,
    Inline,
    LineBreak,
    Link,
    List,
    Mention,
    Paragraph,
    Quote,
    Text,
    normal_form,
)

# Exactly two newlines part two paragraphs; any more, and those at both ends, are line breaks.
_PARAGRAPH_END: Final = re.compile(r"(?<=[^\n])\n\n(?=\n*+[^\n])")
_ADDRESS: Final = re.compile(r"(?<![^\W_])https?://[^\s<>\"]+", re.IGNORECASE)
_AFTER_ADDRESS: Final = ".,;:!?'*_~)]}"
_PARENTHESES: Final = {")": "(", "]": "[", "}": "{"}


def parse(text: str) -> Document:
    """The document, in normal form, that a reader sees in `text`, which is cleaned first.

    A blank line parts paragraphs and http(s) addresses are links; nothing else has a meaning.
    """
    text = clean_text(text)
    if not text:
        return Document()
    return normal_form(
        Document(tuple(Paragraph(tuple(inlines(part))) for part in _PARAGRAPH_END.split(text)))
    )


def inlines(text: str) -> Iterator[Text | Link]:
    """`text` with links where http(s) addresses stand. Linear time."""
    position = 0
    for match in _ADDRESS.finditer(text):
        url = _without_punctuation(match.group())
        if url.endswith("://"):
            continue
        yield Text(text[position : match.start()])
        yield Link(url, (Text(url),))
        position = match.start() + len(url)
    yield Text(text[position:])


def _without_punctuation(url: str) -> str:
    """A sentence's full stop is not part of the address, nor is a bracket that opened before it."""
    surplus = {close: url.count(close) - url.count(opened) for close, opened in _PARENTHESES.items()}
    end = len(url)
    while end and url[end - 1] in _AFTER_ADDRESS:
        last = url[end - 1]
        if last in surplus:
            if surplus[last] <= 0:
                break
            surplus[last] -= 1
        end -= 1
    return url[:end]


def render(document: Document) -> str:
    """The document as text: `> ` before quotes, `- ` or `1. ` before items, `text (url)` for links
    whose text is not the address itself.

    Blocks are parted by a blank line, code stands as it is. Call it on a document in normal form.
    """
    return _render_blocks(document.blocks, "\n\n")


def _render_blocks(blocks: Iterable[Block], between: str) -> str:
    return between.join(_render_block(block) for block in blocks)


def _render_block(block: Block) -> str:
    if isinstance(block, Paragraph):
        return _render_inlines(block.inlines)
    if isinstance(block, CodeBlock):
        return block.text
    if isinstance(block, Quote):
        lines = _render_blocks(block.blocks, "\n\n").split("\n")
        return "\n".join(f"> {line}" if line else ">" for line in lines)
    return "\n".join(_render_items(block))


def _render_items(block: List) -> Iterator[str]:
    for number, item in enumerate(block.items, start=block.start):
        sign = f"{number}. " if block.ordered else "- "
        # Later lines stand under the first word, so that a nested list is seen to be nested.
        yield sign + _render_blocks(item, "\n").replace("\n", "\n" + " " * len(sign))


def _render_inlines(inlines: Iterable[Inline]) -> str:
    return "".join(_render_inline(inline) for inline in inlines)


def _render_inline(inline: Inline) -> str:
    if isinstance(inline, LineBreak):
        return "\n"
    if isinstance(inline, Mention):
        return f"@{inline.name}"
    if isinstance(inline, Link):
        words = _render_inlines(inline.inlines)
        return words if is_said_by(words, inline.url) else f"{words} ({inline.url})"
    if hasattr(inline, "inlines"):
        return _render_inlines(inline.inlines)
    return inline.text
