"""Keeps foreign text from passing for the beginning of somebody else's message.

Where names stand in the text, several messages may share one post, each on a line of its own. So a
later line of a message that begins like a prefix is marked as going on. Under an author's own name
nothing but a late stamp could be imitated, at the beginning of any line. Where people post themselves
either could be, from the first line on: no name stands before it. And there it could be a command.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
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
from tubes.relay.calling import is_call
from tubes.relay.rendering.occasion import Voice

MARK: Final = "· "

# The brackets that `clean_name` makes round, because they look like those of a prefix.
OPENING: Final = "[［⁅⟦〚【〔"
CLOSING: Final = "]］⁆⟧〛】〕"
_OPENED: Final = re.compile(f"[{re.escape(OPENING)}]")
_CLOSED: Final = re.compile(f"[{re.escape(CLOSING)}]")
_STAMP: Final = re.compile(r"\((?:\d{1,2} \w{3} )?\d{1,2}:\d\d UTC\)")
_COMMAND: Final = re.compile(r"/\w")  # at most services; some run what a program posts, too
_UNSEEN: Final = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp", "Mn", "Me"})
# Letters and symbols that show nothing, and what is reserved for more of the invisible kind.
_BLANK: Final = re.compile("[\u115f\u1160\u2065\u2800\u3164\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]")


def defused(text: str, voice: Voice) -> str:
    """`text` with a mark before each line that would pass for what it is not, as it is said. Linear time."""
    if voice is Voice.NAMED and "\n" not in text:
        return text
    lines = text.split("\n")
    passing = _passing(lines, voice, begins=True)
    return "\n".join(MARK + line if number in passing else line for number, line in enumerate(lines))


def defused_document(document: Document, voice: Voice) -> Document:
    """The same for a tree in normal form. Quotes and lists show by themselves that they go on.

    Done twice it is done once.
    """
    blocks, begins = list[Block](), True
    for block in document.blocks:
        blocks.append(_defused_block(block, voice, begins))
        # Services drop what shows nothing at the beginning. Elsewhere a name is seen before it.
        begins = begins and voice is Voice.OWN and not is_visible(plain.render(Document((block,))))
    return Document(tuple(blocks))


def _defused_block(block: Block, voice: Voice, is_first: bool) -> Block:
    if isinstance(block, CodeBlock):
        begins = is_first and voice is not Voice.NAMED  # a prefix stands above it
        lines = block.text.split("\n")
        passing = _passing(lines, voice, begins=begins)
        code = (MARK + line if number in passing else line for number, line in enumerate(lines))
        return CodeBlock("\n".join(code), block.language)
    if not isinstance(block, Paragraph):
        return block
    marked = _passing(plain.render(Document((block,))).split("\n"), voice, begins=is_first)
    return Paragraph(tuple(_Lines(marked).walk(block.inlines))) if marked else block


def _passing(lines: Sequence[str], voice: Voice, *, begins: bool) -> set[int]:
    """Which of these lines would be taken for something else. `begins`: with the first, a post begins."""
    found = set[int]()
    for number, line in enumerate(lines):
        if _passes(line, voice, begins):
            found.add(number)
        begins = begins and voice is Voice.OWN and not is_visible(line)
    return found


def _passes(line: str, voice: Voice, begins: bool) -> bool:
    """Whether a line would be taken for something else. `begins`: it is the first of its post."""
    match voice:
        case Voice.NAMED:
            return not begins and _has_prefix(line)  # the first one stands behind the prefix
        case Voice.AUTHOR:
            return _has_stamp(line)
    return _has_prefix(line) or _has_stamp(line) or (begins and _is_command(line))


def _is_command(line: str) -> bool:
    line = normalise_for_compare(line)
    return _COMMAND.match(line) is not None or is_call(line)


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
