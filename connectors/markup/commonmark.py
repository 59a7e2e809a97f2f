"""CommonMark as chat services read it: with tables and strikethrough; newlines are line breaks, HTML is text.

Parsed by markdown-it-py. The renderer is in `commonmark_render`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, blockquote, list_block
from markdown_it.token import Token

from connectors.markup.addresses import is_address
from connectors.markup.commonmark_render import MAX_LEVEL, expressible, render
from connectors.markup.linking import linked
from connectors.markup.runs import Anchor, Run, Style, Wrap, inlines_of
from connectors.markup.sanitize import clean_document, clean_text
from connectors.markup.tree import (
    Block,
    Bold,
    Code,
    CodeBlock,
    Document,
    Inline,
    Italic,
    LineBreak,
    List,
    Paragraph,
    Quote,
    Strike,
    Text,
    normal_form,
    plain_text,
)

__all__ = ["expressible", "parse", "render"]

_STYLES: Final[dict[str, Style]] = {"strong": Bold, "em": Italic, "s": Strike}
_RULE: Final = "---"
BlockRule = Callable[[StateBlock, int, int, bool], bool]


def parse(text: str) -> Document:
    """The document, cleaned and in normal form, that a reader sees. Any text is taken. Linear time.

    Addresses are links, headings are bold, rows of tables lines, and pictures links by their description.
    """
    tokens = iter(_parser().parse(clean_text(text)))
    return linked(clean_document(normal_form(Document(tuple(_blocks(tokens))))))


class _Markdown(MarkdownIt):
    """Leaves addresses as they are; which ones are links is decided where the tree is made."""

    def validateLink(self, url: str) -> bool:
        return True

    def normalizeLink(self, url: str) -> str:
        return url

    def normalizeLinkText(self, link: str) -> str:
        return link


def _parser() -> MarkdownIt:
    parser = _Markdown("commonmark", {"html": False, "maxNesting": MAX_LEVEL})
    parser.enable(["table", "strikethrough"]).disable(["html_block", "html_inline"])
    # The library leaves out what is nested more deeply; here it is text. Named are the blocks that each ends.
    interrupted = ["paragraph", "reference", "blockquote"]
    parser.block.ruler.at("blockquote", _capped(blockquote, 1), {"alt": [*interrupted, "list"]})
    parser.block.ruler.at("list", _capped(list_block, 2), {"alt": interrupted})
    return parser


def _capped(rule: BlockRule, levels: int) -> BlockRule:
    def capped(state: StateBlock, start: int, end: int, silent: bool) -> bool:
        return state.level + levels < MAX_LEVEL and rule(state, start, end, silent)

    return capped


# ------------------------------------------------------------------------------ tokens become blocks
def _blocks(tokens: Iterator[Token]) -> Iterator[Block]:
    """Those up to the end of what is open."""
    for token in tokens:
        if token.nesting < 0:
            return
        match token.type:
            case "inline":
                yield Paragraph(_inlines(token))
            case "paragraph_open":
                yield from _blocks(tokens)
            case "heading_open":
                yield from (Paragraph((Bold(_inlines(inner)),)) for inner in _until_closed(tokens))
            case "fence" | "code_block":
                language = token.info.split()[:1]
                yield CodeBlock(token.content.removesuffix("\n"), *language)
            case "blockquote_open":
                yield Quote(tuple(_blocks(tokens)))
            case "bullet_list_open" | "ordered_list_open":
                start = token.attrGet("start")
                items = tuple(_items(tokens))
                yield List(items, token.type == "ordered_list_open", 1 if start is None else int(start))
            case "table_open":
                yield Paragraph(tuple(_rows(tokens)))
            case "hr":
                yield Paragraph((Text(_RULE),))


def _until_closed(tokens: Iterator[Token]) -> Iterator[Token]:
    """The tokens directly inside of what is open."""
    level = 0
    for token in tokens:
        level += token.nesting
        if level < 0:
            return
        yield token


def _items(tokens: Iterator[Token]) -> Iterator[tuple[Block, ...]]:
    for token in tokens:
        if token.nesting < 0:
            return
        yield tuple(_blocks(tokens))


def _rows(tokens: Iterator[Token]) -> Iterator[Inline]:
    """A table's rows as lines, cells parted by a bar."""
    is_first_row, is_first_cell = True, True
    for token in _until_closed(tokens):
        if token.type == "tr_open":
            if not is_first_row:
                yield LineBreak()
            is_first_row, is_first_cell = False, True
        elif token.type == "inline":
            if not is_first_cell:
                yield Text(" | ")
            is_first_cell = False
            yield from _inlines(token)


# ------------------------------------------------------------------------------ tokens become lines
def _inlines(token: Token) -> tuple[Inline, ...]:
    return inlines_of(_runs(token.children or ()))


def _runs(tokens: Iterable[Token]) -> Iterator[Run]:
    numbers = count()
    around: list[Wrap | None] = []  # None: a link to where none may lead
    for token in tokens:
        wraps = tuple(wrap for wrap in around if wrap is not None)
        if token.nesting > 0:
            url = str(token.attrGet("href") or "")
            style = _STYLES.get(token.tag)
            around.append(style or (Anchor(url, next(numbers)) if is_address(url) else None))
        elif token.nesting < 0:
            around.pop()
        elif token.type == "image":
            url = str(token.attrGet("src") or "")
            is_link = is_address(url) and not any(isinstance(wrap, Anchor) for wrap in wraps)
            link = (Anchor(url, next(numbers)),) if is_link else ()
            alt = plain_text(Document((Paragraph(_inlines(token)),)))
            yield Run((*wraps, *link), Text(alt or url))
        elif token.type in ("softbreak", "hardbreak"):
            yield Run(wraps, LineBreak())
        else:
            yield Run(wraps, Code(token.content) if token.type == "code_inline" else Text(token.content))
