"""CommonMark, for writing: whatever is not our own markup is escaped, as far as it would mean something.

Section numbers are those of CommonMark 0.31.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import count, groupby
from typing import Final, NamedTuple, TypeAlias

from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace

from connectors.markup.addresses import address
from connectors.markup.linking import linked
from connectors.markup.runs import (
    Anchor,
    Run,
    Style,
    inlines_of,
    lines_of,
    runs_of,
    trimmed,
    with_joined_code,
)
from connectors.markup.tree import (
    MAX_START,
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
    plain_text,
)

# How deep the parser follows: a quote is one level, a list is two.
MAX_LEVEL: Final = 20

_SPECIAL: Final = re.compile(r"[\\`*_\[\]<~&|]|!\Z")
# What begins a heading, a list, a quote, a line of a table: where it is escaped.
_LINE_START: Final = re.compile(r"\A(?=[#+\-=>:])|\A(\d{1,9})(?=[.)])")
_BACKTICKS: Final = re.compile("`+")
_LANGUAGE: Final = re.compile(r"[\w+#.-]+", re.ASCII)
_TAB: Final = " " * 4


class _Mark(NamedTuple):
    """Where a style begins or ends."""

    span: int
    sign: str
    opens: bool


Piece: TypeAlias = str | _Mark


def render(document: Document) -> str:
    """Text that says what `expressible` leaves of a cleaned document in normal form. Linear time."""
    return "\n".join(_block_lines(_reduced(document).blocks))


def expressible(document: Document) -> Document:
    """What CommonMark can say of a cleaned document in normal form: `parse(render(it))` gives just this back.

    White space at the ends of a line is lost, blank lines part paragraphs, and what stands at the edge of a
    style stands outside of it; code beside code is one. A style that begins or ends inside of a word, beside
    a sign (section 6.2), is lost. Mentions and emoji are text, and addresses in text are links. Below a depth
    all is text.
    """
    return linked(Document(_kept_blocks(_reduced(document).blocks)))


# ------------------------------------------------------------------------------ what can be said
def _reduced(document: Document) -> Document:
    return linked(Document(_reduced_blocks(document.blocks, 0)))


def _reduced_blocks(blocks: Iterable[Block], level: int) -> tuple[Block, ...]:
    return tuple(reduced for block in blocks for reduced in _reduced_block(block, level))


def _reduced_block(block: Block, level: int) -> Iterator[Block]:
    needed = {Quote: 1, List: 2}.get(type(block), 0)
    if needed and level + needed >= MAX_LEVEL:
        flat = normal_form(Document((Paragraph((Text(plain_text(Document((block,)))),)),)))
        yield from _reduced_blocks(flat.blocks, level)
        return
    if isinstance(block, Paragraph):
        lines = [trimmed(with_joined_code(_worded(line))) for line in lines_of(runs_of(block.inlines))]
        for is_said, rows in groupby(lines, bool):
            if is_said:
                runs = [run for row in rows for run in (*row, Run((), LineBreak()))]
                yield Paragraph(inlines_of(runs[:-1]))
    elif isinstance(block, CodeBlock):
        language = block.language if _LANGUAGE.fullmatch(block.language) else ""
        yield CodeBlock(block.text.replace("\t", _TAB) if level else block.text, language)
    elif isinstance(block, Quote):
        yield Quote(_reduced_blocks(block.blocks, level + 1))
    else:
        yield replace(block, items=tuple(_reduced_blocks(item, level + 2) for item in block.items))


def _worded(line: Iterable[Run]) -> Iterator[Run]:
    """Without what is not said: mentions, emoji, addresses that no link may lead to."""
    for around, leaf in line:
        wraps = (
            replace(wrap, url=address(wrap.url)) if isinstance(wrap, Anchor) else wrap for wrap in around
        )
        allowed = tuple(wrap for wrap in wraps if not isinstance(wrap, Anchor) or wrap.url)
        if isinstance(leaf, Code):
            code = leaf.text.replace("\n", " ").strip()
            yield Run(allowed, Code(code) if code else Text(" "))
        elif isinstance(leaf, Mention):
            yield Run(allowed, Text(f"@{leaf.name}"))
        elif isinstance(leaf, Text | Emoji):
            yield Run(allowed, Text(leaf.text))


def _kept_blocks(blocks: Iterable[Block]) -> tuple[Block, ...]:
    return tuple(_kept_block(block) for block in blocks)


def _kept_block(block: Block) -> Block:
    if isinstance(block, Paragraph):
        lost = _lost(list(_line_pieces(block.inlines)))
        return Paragraph(tuple(_kept(block.inlines, lost, count())))
    if isinstance(block, Quote):
        return Quote(_kept_blocks(block.blocks))
    if isinstance(block, List):
        return replace(block, items=tuple(_kept_blocks(item) for item in block.items))
    return block


def _kept(inlines: Iterable[Inline], lost: set[int], spans: Iterator[int]) -> Iterator[Inline]:
    """Without the styles that are lost; they are counted as `_pieces` counts them."""
    for inline in inlines:
        if isinstance(inline, Bold | Italic | Strike):
            span = next(spans)
            inner = tuple(_kept(inline.inlines, lost, spans))
            yield from inner if span in lost else (type(inline)(inner),)
        elif isinstance(inline, Link):
            yield Link(inline.url, tuple(_kept(inline.inlines, lost, spans)))
        else:
            yield inline


# ------------------------------------------------------------------------------ blocks
def _block_lines(blocks: Iterable[Block]) -> Iterator[str]:
    before: Block | None = None
    other_signs = False
    for block in blocks:
        if before is not None:
            yield ""
        # A list behind a list of its kind is another one if its signs are others (section 5.3).
        follows = isinstance(block, List) and isinstance(before, List) and block.ordered == before.ordered
        other_signs = follows and not other_signs
        before = block
        if isinstance(block, Paragraph):
            yield from _source(block.inlines).split("\n")
        elif isinstance(block, CodeBlock):
            longest = max((len(ticks) for ticks in _BACKTICKS.findall(block.text)), default=0)
            fence = "`" * max(3, longest + 1)
            yield from (fence + block.language, *block.text.split("\n"), fence)
        elif isinstance(block, Quote):
            yield from (f"> {line}" if line else ">" for line in _block_lines(block.blocks))
        else:
            yield from _list_lines(block, other_signs)


def _list_lines(block: List, other_signs: bool) -> Iterator[str]:
    is_tight = all(len(item) == 1 and isinstance(item[0], Paragraph) for item in block.items)
    for at, item in enumerate(block.items):
        number = min(block.start + at, MAX_START)
        dot, dash = (")", "*") if other_signs else (".", "-")
        sign = f"{number}{dot} " if block.ordered else f"{dash} "
        if at and not is_tight:
            yield ""
        for row, line in enumerate(_block_lines(item)):
            indent = sign if row == 0 else " " * len(sign)
            yield indent + line if line else ""


# ------------------------------------------------------------------------------ lines
def _source(inlines: tuple[Inline, ...]) -> str:
    pieces = list(_line_pieces(inlines))
    lost = _lost(pieces)
    said = (piece for piece in pieces if isinstance(piece, str) or piece.span not in lost)
    return "".join(piece if isinstance(piece, str) else piece.sign for piece in said)


def _line_pieces(inlines: tuple[Inline, ...]) -> Iterator[Piece]:
    """All pieces of a paragraph, with what begins a line escaped where that would begin another block."""
    # Two kinds of emphasis by one sign would have to be told apart by the rule of three (section 6.2).
    has_bold = any(Bold in run.around for run in runs_of(inlines))
    signs: dict[Style, str] = {Bold: "**", Strike: "~~", Italic: "_" if has_bold else "*"}
    is_first = True
    for piece in _pieces(inlines, signs, count()):
        if isinstance(piece, str):
            yield _LINE_START.sub(r"\1\\", piece) if is_first else piece
            is_first = piece == "\n"
        else:
            yield piece


def _pieces(inlines: Iterable[Inline], signs: Mapping[Style, str], spans: Iterator[int]) -> Iterator[Piece]:
    for inline in inlines:
        if isinstance(inline, Bold | Italic | Strike):
            span, sign = next(spans), signs[type(inline)]
            yield _Mark(span, sign, True)
            yield from _pieces(inline.inlines, signs, spans)
            yield _Mark(span, sign, False)
        elif isinstance(inline, Link) and inline.inlines == (Text(inline.url),):
            yield f"<{inline.url}>"
        elif isinstance(inline, Link):
            yield "["
            yield from _pieces(inline.inlines, signs, spans)
            url = inline.url.replace("&", "\\&")
            yield f"](<{url}>)" if "(" in url or ")" in url else f"]({url})"
        elif isinstance(inline, Code):
            yield _code(inline.text)
        elif isinstance(inline, LineBreak):
            yield "\n"
        elif isinstance(inline, Text):
            yield _SPECIAL.sub(r"\\\g<0>", inline.text)


def _code(text: str) -> str:
    longest = max((len(ticks) for ticks in _BACKTICKS.findall(text)), default=0)
    around, blank = "`" * (longest + 1), " " if text[0] == "`" or text[-1] == "`" else ""
    return f"{around}{blank}{text}{blank}{around}"


def _lost(pieces: list[Piece]) -> set[int]:
    """The styles that would not be read as such.

    Whatever stands between a sign and the next words may be lost itself, so each of them has to do.
    """
    lost: set[int] = set()
    for at, piece in enumerate(pieces):
        if isinstance(piece, str):
            continue
        before, after = _beside(pieces, at, -1), _beside(pieces, at, 1)
        inside, outside = (after, before) if piece.opens else (before, after)
        if (
            piece.sign[0] in {*before[:-1], *after[:-1]}
            or any(isWhiteSpace(ord(char)) for char in inside)
            or (piece.sign == "_" and not all(map(_parts_words, outside)))
            or (any(map(_is_sign, inside)) and not all(map(_parts_words, outside)))
        ):
            lost.add(piece.span)
    return lost


def _beside(pieces: list[Piece], at: int, step: int) -> list[str]:
    """The characters that may stand there, those of the words last."""
    chars: list[str] = []
    while 0 <= (at := at + step) < len(pieces):
        piece = pieces[at]
        if isinstance(piece, str):
            return [*chars, piece[0 if step > 0 else -1]]
        chars.append(piece.sign[0])
    return [*chars, "\n"]


def _is_sign(char: str) -> bool:
    return isMdAsciiPunct(ord(char)) or isPunctChar(char)


def _parts_words(char: str) -> bool:
    return isWhiteSpace(ord(char)) or _is_sign(char)
