"""What people type in HipChat, as a tree: slash commands, mentions, emoticons. No I/O.

HipChat stores the bare text; all of this is its clients' doing when they show it. The expressions are theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from connectors.hipchat import emoticons, mentions
from connectors.markup import plain
from connectors.markup.sanitize import clean_text
from connectors.markup.tree import Block, CodeBlock, Document, Inline, Italic, Paragraph, Quote, Text

# JavaScript's white space: Python's does not have the byte order mark.
SPACE: Final = r"[\s\ufeff]"
EMOTE: Final = re.compile(rf"/(?:me|em){SPACE}")
QUOTE: Final = re.compile(rf"/quote{SPACE}")
# Without a blank behind it too: `/prefix` is shown as a verbatim "fix".
VERBATIM: Final = re.compile(rf"/code{SPACE}|/pre{SPACE}*|/monospace{SPACE}*")
CORRECTION: Final = re.compile(r"s/([^/]+)/([^/]*)/?\Z")


def parse(text: str, ids: Mapping[str, str]) -> Document:
    """The document, in normal form, that HipChat's clients show for a message. Linear time.

    `ids` is what `mentions.ids_of` gives. A command with nothing behind it is the text that it is.
    """
    text = clean_text(text)
    if not text.startswith("/"):
        return _talk(text, ids)
    for command in (EMOTE, QUOTE, VERBATIM):
        match = command.match(text)
        if match and (rest := text[match.end() :]).strip():
            return Document(tuple(_commanded(command, rest, ids)))
    return _talk(text, ids)


def _commanded(command: re.Pattern[str], rest: str, ids: Mapping[str, str]) -> Iterator[Block]:
    if command is VERBATIM:
        yield CodeBlock(rest)
    elif command is QUOTE:
        yield Quote(_talk(rest, ids).blocks)
    else:
        for block in _talk(rest, ids).blocks:
            yield Paragraph((Italic(block.inlines),)) if isinstance(block, Paragraph) else block


def _talk(text: str, ids: Mapping[str, str]) -> Document:
    document = plain.parse(text)
    if "@" not in text and "(" not in text:
        return document
    return Document(tuple(_block(block, ids) for block in document.blocks))


def _block(block: Block, ids: Mapping[str, str]) -> Block:
    return Paragraph(tuple(_inlines(block, ids))) if isinstance(block, Paragraph) else block


def _inlines(paragraph: Paragraph, ids: Mapping[str, str]) -> Iterator[Inline]:
    """Addresses stay whole: what looks like a name or an emoticon there is a part of them."""
    for inline in paragraph.inlines:
        if not isinstance(inline, Text):
            yield inline
            continue
        for piece in mentions.inlines(inline.text, ids):
            if isinstance(piece, Text):
                yield from emoticons.inlines(piece.text)
            else:
                yield piece
