"""A message as the one line that says it, and a line as what was said. No I/O."""

from __future__ import annotations

import re
from typing import Final

from connectors.base import OutgoingMessage
from connectors.markup import irc
from connectors.markup.sanitize import clean_text
from connectors.markup.tree import Document, Italic, Paragraph

_ACTION: Final = re.compile(r"\x01ACTION ?(.*?)\x01?", re.DOTALL)
_FORMATTING: Final = re.compile(r"[\x02\x03\x04\x0f\x11\x16\x1d\x1e\x1f]")
CTCP: Final = "\x01"
CODES: Final = frozenset("\x02\x11\x1d\x1e")  # of those that we send: each begins a style, and ends it
RESET: Final = "\x0f"


def lines_of(message: OutgoingMessage) -> list[str]:
    """What is sent; none of the lines is empty."""
    if message.body is not None:
        return irc.render(message.body)
    return [line for line in clean_text(message.text).split("\n") if line.strip()]


def bare(line: str) -> str:
    """The line without formatting."""
    return _FORMATTING.sub("", line)


def size(line: str) -> int:
    """Bytes."""
    return len(line.encode("utf-8", "replace"))


def said(text: str) -> Document | None:
    """What a line says; what somebody does (/me) is in italics. None for any other CTCP, and for nothing."""
    if not text.startswith(CTCP):
        return _seen(irc.parse(text))
    action = _ACTION.fullmatch(text)
    if action is None:
        return None
    document = _seen(irc.parse(action[1]))
    if document is None:
        return None
    emoted = (
        Paragraph((Italic(block.inlines),)) for block in document.blocks if isinstance(block, Paragraph)
    )
    return Document(tuple(emoted))


def _seen(document: Document) -> Document | None:
    return document if document.blocks else None
