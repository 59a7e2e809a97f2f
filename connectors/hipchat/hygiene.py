"""What we post in other people's name: it rings nobody and runs no command. No I/O.

All by a zero-width space, which nobody sees and which no comparison of texts counts.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from connectors.hipchat import emoticons, mentions
from connectors.hipchat.text import SPACE
from connectors.markup.sanitize import clean_text

BREAK: Final = "\u200b"
# The clients' expression for a mention asks for nothing before the `@`, so a word does not hide one. A mail
# address stays whole, as it is there to be copied, unless everybody would be rung by it.
MENTION: Final = re.compile(
    r"""(?<!\w)@(?=[\w"])
      | @(?=(?:all|here)(?![a-z0-9_]))
      | @(?=[\w"])(?![\w-]{1,63}\.\w)""",
    re.IGNORECASE | re.VERBOSE,
)
# An @all or @here that was broken, where it had stood alone.
EVERYBODY: Final = re.compile(rf"(?<![\w@])@{BREAK}(all|here)(?![\w-])", re.IGNORECASE)
# What is a command, or the beginning of one that the next line would complete: messages may share a post.
# White space at both ends is counted in, as whoever stores a text may strip it.
_COMMANDS: Final = rf"/(?:me|em|quote|code)(?:{SPACE}|\Z)|/(?:pre|monospace)"
_CORRECTION: Final = rf"s/(?!/)[^/]*(?:/[^/]*(?:/{SPACE}*)?)?\Z"
COMMAND: Final = re.compile(rf"({SPACE}*)(?={_COMMANDS}|{_CORRECTION})")


def harmless(text: str, *, rings: bool = False, people: Collection[str] = ()) -> str:
    """`text`, to be posted as it stands: no mention, no command, the same to see. Done twice it is done once.

    With `rings`, an @all or @here that stands alone stays one, and so does a mention of one of `people`.
    It is cleaned first: a control character that somebody drops must not bring a command to the beginning.
    Emoticons are shown by HipChat as its own pictures; their mark lets what we read back be what we sent.
    """
    broken = MENTION.sub(f"@{BREAK}", clean_text(text))
    mended = EVERYBODY.sub(r"@\1", broken) if rings else broken
    text = emoticons.marked(_with_people(mended, people) if people else mended)
    command = COMMAND.match(text)
    return f"{command[1]}{BREAK}{text[command.end() :]}" if command else text


def _with_people(broken: str, people: Collection[str]) -> str:
    """Mentions of these people mended, where they stand alone. Nobody is everybody."""
    names = "|".join(re.escape(name) for name in people if name.casefold() not in mentions.EVERYBODY)
    mention = re.compile(rf"(?<![\w@])@{BREAK}({names})(?![\w-])", re.IGNORECASE)
    return mention.sub(r"@\1", broken) if names else broken
