"""Keeps foreign text from passing for the beginning of somebody else's message.

Where names stand in the text, several messages may share one post, each on a line of its own. So a
later line of a message that begins like a prefix is marked as going on. Under an author's own name
nothing but a late stamp could be imitated, at the beginning of any line.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Final

from connectors.markup import plain
from connectors.markup.sanitize import normalise_for_compare
from connectors.markup.tree import (
    Block,
    Bold,
    Code,
    CodeBlock,
    Document,
    Inline,
    Italic,
    LineBreak,
    Link,
    Paragraph,
    Strike,
    Text,
)

MARK: Final = "· "

# The brackets that `clean_name` makes round, because they look like those of a prefix.
OPENING: Final = "[［⁅⟦〚【〔"
CLOSING: Final = "]］⁆⟧〛】〕"
_OPENED: Final = re.compile(f"[{re.escape(OPENING)}]")
_CLOSED: Final = re.compile(f"[{re.escape(CLOSING)}]")
_STAMP: Final = re.compile(r"\((?:\d{1,2} \w{3} )?\d{1,2}:\d\d UTC\)")
_UNSEEN: Final = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp", "Mn", "Me"})
# Letters and symbols that show nothing, and what is reserved for more of the invisible kind.
_BLANK: Final = re.compile("[\u115f\u1160\u2065\u2800\u3164\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]")


def defused(text: str, *, as_author: bool) -> str:
    """`text` with a mark before each line that would pass for a prefix, or for a stamp. Linear time.

    `as_author`: it is posted under its author's own name. Otherwise its first line stands behind a prefix.
    """
    if as_author:
        return "\n".join(MARK + line if _has_stamp(line) else line for line in text.split("\n"))
    if "\n" not in text:
        return text
    first, *rest = text.split("\n")
    return "\n".join([first, *(MARK + line if _has_prefix(line) else line for line in rest)])


def defused_document(document: Document, *, as_author: bool) -> Document:
    """The same for a tree in normal form. Quotes and lists show by themselves that they go on."""
    blocks: list[Block] = []
    for number, block in enumerate(document.blocks):
        behind_prefix = number == 0 and not as_author and isinstance(block, Paragraph)
        blocks.append(_defused_block(block, _has_stamp if as_author else _has_prefix, behind_prefix))
    return Document(tuple(blocks))


def _defused_block(block: Block, passes: Callable[[str], bool], behind_prefix: bool) -> Block:
    if isinstance(block, CodeBlock):
        code = (MARK + line if passes(line) else line for line in block.text.split("\n"))
        return CodeBlock("\n".join(code), block.language)
    if not isinstance(block, Paragraph):
        return block
    lines = plain.render(Document((block,))).split("\n")
    marked = {number for number, line in enumerate(lines) if passes(line)} - ({0} if behind_prefix else set())
    return Paragraph(tuple(_Lines(marked).walk(block.inlines))) if marked else block


class _Lines:
    """Walks the inlines of a paragraph, and puts a mark at the beginning of some of its lines."""

    def __init__(self, marked: set[int]) -> None:
        self._marked, self._line, self._begins = marked, 0, True

    def walk(self, inlines: Iterable[Inline]) -> Iterator[Inline]:
        for inline in inlines:
            if isinstance(inline, LineBreak):
                self._line, self._begins = self._line + 1, True
                yield inline
                continue
            if self._begins and self._line in self._marked:
                yield Text(MARK)
            self._begins = False
            if isinstance(inline, Bold | Italic | Strike | Link):
                yield replace(inline, inlines=tuple(self.walk(inline.inlines)))
            else:
                self._line += inline.text.count("\n") if isinstance(inline, Code) else 0
                yield inline


def _has_prefix(line: str) -> bool:
    opened = _OPENED.search(line)
    if not opened or is_visible(line[: opened.start()]):
        return False
    return _CLOSED.search(line, opened.end()) is not None


def _has_stamp(line: str) -> bool:
    return "(" in line and _STAMP.match(normalise_for_compare(line)) is not None


def is_visible(text: str) -> bool:
    """Whether a reader sees anything of `text`; no service takes a post that is not.

    What Unicode has not assigned yet counts as seen: it may be an emoji newer than our tables.
    """
    return any(unicodedata.category(char) not in _UNSEEN and not _BLANK.match(char) for char in text)
