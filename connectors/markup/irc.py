"""IRC's formatting codes, of which every client knows most (modern.ircdocs.horse/formatting).

They toggle: a code begins a style and the same code ends it, in any order, and a line ends them all. Bold,
italic, strikethrough and monospace are kept; underline, colours and reverse are dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final, TypeAlias

from connectors.markup.addresses import address, is_said_by
from connectors.markup.linking import linked
from connectors.markup.runs import Anchor, Run, Wrap, inlines_of, lines_of, runs_of
from connectors.markup.sanitize import clean_document, clean_text
from connectors.markup.tree import (
    Block,
    Bold,
    Code,
    CodeBlock,
    Document,
    Emoji,
    Italic,
    LineBreak,
    Mention,
    Paragraph,
    Quote,
    Strike,
    Text,
    normal_form,
)

Row: TypeAlias = list[Run]

_BOLD, _ITALIC, _STRIKE, _MONOSPACE, _RESET = "\x02", "\x1d", "\x1e", "\x11", "\x0f"
_STYLES: Final[dict[Wrap, str]] = {Bold: _BOLD, Italic: _ITALIC, Strike: _STRIKE}
_STYLE_OF: Final = {code: style for style, code in _STYLES.items()}
# Colours by number and by value, each with what they say; reverse and underline.
_DROPPED: Final = re.compile(
    r"\x03(?:[0-9]{1,2}(?:,[0-9]{1,2})?)?|\x04(?:[0-9a-fA-F]{6}(?:,[0-9a-fA-F]{6})?)?|[\x16\x1f]"
)
_CODES: Final = re.compile(f"([{_BOLD}{_ITALIC}{_STRIKE}{_MONOSPACE}{_RESET}])")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def parse(text: str) -> Document:
    """The document, cleaned and in normal form, that a reader sees: one paragraph. Linear time.

    Several lines are parted by line breaks. Addresses are links.
    """
    runs: Row = []
    for number, line in enumerate(text.split("\n")):
        if number:
            runs.append(Run((), LineBreak()))
        runs.extend(_line(_DROPPED.sub("", line)))
    document = normal_form(Document((Paragraph(inlines_of(runs)),)))
    return linked(clean_document(document))


def _line(line: str) -> Iterator[Run]:
    around: tuple[Wrap, ...] = ()
    is_code = False
    for piece in _CODES.split(line):
        if piece == _RESET:
            around, is_code = (), False
        elif piece == _MONOSPACE:
            is_code = not is_code
        elif piece in _STYLE_OF:
            style = _STYLE_OF[piece]
            rest = tuple(wrap for wrap in around if wrap != style)
            around = rest if style in around else (*around, style)
        elif text := clean_text(piece):
            yield Run(around, Code(text) if is_code else Text(text))


def render(document: Document) -> list[str]:
    """The lines that say what `expressible` leaves of a cleaned document in normal form. Linear time.

    None is empty, and none holds a code that the document does not ask for, nor a newline.
    """
    return ["".join(_coded(row)) for row in _rows(document.blocks)]


def expressible(document: Document) -> Document:
    """What IRC can say of a cleaned document in normal form; `parse` gives it back for the rendered lines.

    One paragraph of lines: quotes and lists are signs before them as in the plain flavour, a link is
    `words (address)`, mentions and emoji are text, lines of code are monospace, and no line is empty. So what
    was sent and what is read say the same in the plain flavour, but for white space.
    """
    runs: Row = []
    for row in _rows(document.blocks):
        runs.extend([Run((), LineBreak()), *row] if runs else row)
    return linked(Document((Paragraph(inlines_of(runs)),)))


# ------------------------------------------------------------------------------ lines
def _rows(blocks: Iterable[Block]) -> Iterator[Row]:
    """The lines of all blocks that say something."""
    for block in blocks:
        yield from (row for row in _block_rows(block) if _says(row))


def _quoted_rows(blocks: Iterable[Block]) -> Iterator[Row]:
    """The lines within a quote, blank ones too: their sign is seen, and parts paragraphs."""
    for number, block in enumerate(blocks):
        if number:
            yield []
        yield from _block_rows(block)


def _says(row: Row) -> bool:
    return any(_text(run).strip() for run in row)


def _block_rows(block: Block) -> Iterator[Row]:
    if isinstance(block, Paragraph):
        for line in lines_of(runs_of(block.inlines)):
            yield list(_joined(_ordered(_worded(line))))
    elif isinstance(block, CodeBlock):
        for text in block.text.split("\n"):
            yield [Run((), Code(_said(text)))]
    elif isinstance(block, Quote):
        for row in _quoted_rows(block.blocks):
            yield [Run((), Text("> ")), *row] if _says(row) else [Run((), Text(">"))]
    else:
        for number, item in enumerate(block.items, start=block.start):
            sign = f"{number}. " if block.ordered else "- "
            for at, row in enumerate(_rows(item)):
                yield [Run((), Text(" " * len(sign) if at else sign)), *row]


def _worded(line: Iterable[Run]) -> Iterator[Run]:
    """Without what no code stands for: links show where they lead."""
    for anchor, group in groupby(
        line, lambda run: next((w for w in run.around if isinstance(w, Anchor)), None)
    ):
        words: Row = []
        for around, leaf in group:
            text = f"@{leaf.name}" if isinstance(leaf, Mention) else _text(Run(around, leaf))
            styles = tuple(wrap for wrap in around if wrap != anchor)
            words.append(Run(styles, Code(_said(text)) if isinstance(leaf, Code) else Text(_said(text))))
        yield from words
        url = address(anchor.url) if anchor else ""
        text = "".join(map(_text, words))
        if url and address(text) != url and not is_said_by(text, url):
            yield Run((), Text(f" ({url})"))


def _ordered(line: Iterable[Run]) -> Iterator[Run]:
    """Styles in the order in which they are toggled."""
    around: tuple[Wrap, ...] = ()
    for run in line:
        if not _text(run):
            continue
        kept = tuple(wrap for wrap in around if wrap in run.around)
        around = (*kept, *(wrap for wrap in run.around if wrap not in kept))
        yield Run(around, run.leaf)


def _joined(line: Iterable[Run]) -> Iterator[Run]:
    """Neighbours that no code parts are one."""
    for (around, kind), group in groupby(line, lambda run: (run.around, type(run.leaf))):
        text = "".join(map(_text, group))
        yield Run(around, Code(text) if kind is Code else Text(text))


def _coded(row: Row) -> Iterator[str]:
    opened: list[str] = []
    for around, leaf in row:
        styles = (_STYLES[wrap] for wrap in around if wrap in _STYLES)
        wanted = [*styles, *([_MONOSPACE] if isinstance(leaf, Code) else [])]
        yield from (code for code in opened if code not in wanted)
        yield from (code for code in wanted if code not in opened)
        yield _text(Run(around, leaf))
        opened = wanted
    if opened:
        yield _RESET


def _said(text: str) -> str:
    return _CONTROLS.sub("", text.replace("\n", " "))


def _text(run: Run) -> str:
    return run.leaf.text if isinstance(run.leaf, Text | Code | Emoji) else ""
