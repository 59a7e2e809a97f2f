"""The HTML flavour, for writing: only tags and attributes that Matrix clients show, and everything escaped.

They are those of the client-server API 1.11, section 11.2.1.1, "m.room.message msgtypes".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from html import escape
from typing import Final, TypeAlias

from connectors.markup.addresses import address
from connectors.markup.html_line import Line
from connectors.markup.runs import Anchor, Run, Wrap, runs_of
from connectors.markup.sanitize import clean_name
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

# The address that stands for a person, None for nobody.
MentionUrl: TypeAlias = Callable[[Mention], str | None]

NO_BREAK_SPACE: Final = "\u00a0"
_TAB: Final = " " * 4
_BLANK_BEHIND_BLANK: Final = re.compile(r"(?<= ) ")
_LANGUAGE: Final = re.compile(r"\S+")
_TAGS: Final = {Bold: "strong", Italic: "em", Strike: "del"}


def no_address(mention: Mention) -> None:
    """Nobody has one."""


def render(document: Document, *, mention_url: MentionUrl = no_address) -> str:
    """HTML that says what `expressible` leaves of a cleaned document in normal form. Linear time.

    `mention_url` gives the address of a person who is really meant: a Mention becomes a link there. One
    without `remote_id` or without an address is its name as text. Addresses that no link may lead to are
    left out, their words stay.
    """
    blocks = expressible(document, mention_url=mention_url).blocks
    if len(blocks) == 1 and isinstance(blocks[0], Paragraph):
        return "".join(_inlines(blocks[0].inlines, mention_url))
    return "".join(_blocks(blocks, mention_url))


# ------------------------------------------------------------------------------ what can be said
def expressible(document: Document, *, mention_url: MentionUrl = no_address) -> Document:
    """What HTML can say of a cleaned document in normal form: `parse(render(it))` gives just this back.

    Browsers join white space, so blanks in a row and at the beginning of a line become no-break spaces,
    tabs four of them, and what ends a line is dropped; a blank at the edge of a style stands outside. Emoji
    are text; so are mentions of nobody, and a mention inside of a link is no part of it. Verbatim lines lose
    blank ones at both ends.
    """
    return normal_form(Document(_expressible_blocks(document.blocks, mention_url)))


def verbatim(text: str) -> str:
    """The lines of a block of code, without blank ones around them."""
    return text.strip("\n").rstrip()


def _expressible_blocks(blocks: Iterable[Block], mention_url: MentionUrl) -> tuple[Block, ...]:
    return tuple(_expressible_block(block, mention_url) for block in blocks)


def _expressible_block(block: Block, mention_url: MentionUrl) -> Block:
    if isinstance(block, Paragraph):
        return Paragraph(_expressible_line(runs_of(block.inlines), mention_url))
    if isinstance(block, Quote):
        return Quote(_expressible_blocks(block.blocks, mention_url))
    if isinstance(block, List):
        return replace(block, items=tuple(_expressible_blocks(item, mention_url) for item in block.items))
    language = block.language if _LANGUAGE.fullmatch(block.language) else ""
    return CodeBlock(verbatim(block.text), language)


def _expressible_line(runs: Iterable[Run], mention_url: MentionUrl) -> tuple[Inline, ...]:
    line = Line()
    for around, leaf in runs:
        line.around = tuple(_allowed(around))
        if isinstance(leaf, LineBreak):
            line.end()
        elif isinstance(leaf, Mention) and leaf.remote_id and mention_url(leaf):
            # A link in a link is none.
            line.around = tuple(wrap for wrap in line.around if not isinstance(wrap, Anchor))
            line.add(Mention(leaf.remote_id, clean_name(leaf.name.removeprefix("@"))))
        else:
            text = f"@{leaf.name}" if isinstance(leaf, Mention) else leaf.text
            line.say(_spaced(text, line), Code if isinstance(leaf, Code) else Text)
    return line.take()


def _allowed(around: Iterable[Wrap]) -> Iterator[Wrap]:
    for wrap in around:
        if not isinstance(wrap, Anchor):
            yield wrap
        elif url := address(wrap.url):
            yield replace(wrap, url=url)


def _spaced(text: str, line: Line) -> str:
    """`text` with blanks that are shown, all of them, behind what `line` holds."""
    text = _BLANK_BEHIND_BLANK.sub(NO_BREAK_SPACE, text.replace("\t", _TAB).replace("\n", " "))
    if text.startswith(" ") and line.swallows_blanks:
        return NO_BREAK_SPACE + text[1:]
    return text


# ------------------------------------------------------------------------------ writing it
def _blocks(blocks: Iterable[Block], mention_url: MentionUrl) -> Iterator[str]:
    for block in blocks:
        if isinstance(block, Paragraph):
            yield f"<p>{''.join(_inlines(block.inlines, mention_url))}</p>"
        elif isinstance(block, Quote):
            yield f"<blockquote>{''.join(_blocks(block.blocks, mention_url))}</blockquote>"
        elif isinstance(block, CodeBlock):
            language = f' class="language-{escape(block.language)}"' if block.language else ""
            yield f"<pre><code{language}>{escape(block.text, quote=False)}</code></pre>"
        else:
            items = "".join(f"<li>{''.join(_item(item, mention_url))}</li>" for item in block.items)
            start = f' start="{block.start}"' if block.start != 1 else ""
            yield f"<ol{start}>{items}</ol>" if block.ordered else f"<ul>{items}</ul>"


def _item(blocks: tuple[Block, ...], mention_url: MentionUrl) -> Iterator[str]:
    """Its first paragraph stands bare, as people write it, unless another one follows."""
    first = blocks[0]
    if isinstance(first, Paragraph) and not (len(blocks) > 1 and isinstance(blocks[1], Paragraph)):
        yield from _inlines(first.inlines, mention_url)
        blocks = blocks[1:]
    yield from _blocks(blocks, mention_url)


def _inlines(inlines: Iterable[Inline], mention_url: MentionUrl) -> Iterator[str]:
    for inline in inlines:
        if isinstance(inline, LineBreak):
            yield "<br>"
        elif isinstance(inline, Mention):
            yield f'<a href="{escape(mention_url(inline) or "")}">{escape(inline.name, quote=False)}</a>'
        elif isinstance(inline, Code):
            yield f"<code>{escape(inline.text, quote=False)}</code>"
        elif isinstance(inline, Link):
            yield f'<a href="{escape(inline.url)}">{"".join(_inlines(inline.inlines, mention_url))}</a>'
        elif isinstance(inline, Text | Emoji):
            yield escape(inline.text, quote=False)
        else:
            tag = _TAGS[type(inline)]
            yield f"<{tag}>{''.join(_inlines(inline.inlines, mention_url))}</{tag}>"
