"""How a message is referred to where nothing native can point at it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from connectors.markup.sanitize import clean_text
from connectors.markup.split import split_text
from tubes.relay.rendering.defusing import is_visible
from tubes.relay.rendering.names import shown_name
from tubes.relay.rendering.stamps import moment
from tubes.relay.rendering.steps import Copy

EXCERPT: Final = 80
_QUOTES: Final = str.maketrans("“”„‟″", '"' * 5)  # only our own may end what is quoted


def excerpt(text: str) -> str:
    """The first words of `text`, on one line; "" where there are none.

    To be cleaned once more with what stands around it: of two directional marks one may be cut off.
    """
    lines = (line for line in clean_text(text).split("\n") if is_visible(line))
    line = " ".join(next(lines, "").split())
    if len(line) > EXCERPT:
        line = split_text(line, EXCERPT - 1)[0] + "…"
    return line


def quotation(copy: Copy, now: datetime) -> str:
    """What is quoted above an answer: `Ann: first words…`."""
    words = excerpt(copy.text)
    return f"{shown_name(copy.author_name)}: {words}" if words else of_a_time(copy, now)


def mention(copy: Copy, now: datetime) -> str:
    """A message inside of a sentence: `“first words…”`."""
    words = excerpt(copy.text).translate(_QUOTES)
    return f"“{words}”" if words else of_a_time(copy, now)


def of_a_time(copy: Copy, now: datetime) -> str:
    """A message without a word of its text."""
    return f"a message of {moment(copy.said_at, now)}"
