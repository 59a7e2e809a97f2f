"""Mentions `@name` in what people typed, found as HipChat's own clients find them. No I/O."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping
from typing import Final

from connectors.markup.tree import Mention, Text

# The server expands these to everybody addressed; no single person is meant.
EVERYBODY: Final = ("all", "here")
_CANDIDATE: Final = re.compile(r"@([^\s@]{1,64})")
# `\w` of the clients' own expression, which is JavaScript's: a name may end before any other letter.
_WORD: Final = frozenset(f"{string.ascii_letters}{string.digits}_")


def ids_of(mentions: object) -> dict[str, str]:
    """Mention name, case folded → user id, of an item's `mentions`, whatever that holds."""
    found: dict[str, str] = {}
    for user in mentions if isinstance(mentions, list) else ():
        name = user.get("mention_name") if isinstance(user, Mapping) else None
        if isinstance(name, str) and name:
            found[name.casefold()] = str(user.get("id") or "")
    return found | dict.fromkeys(EVERYBODY, "")


def inlines(text: str, ids: Mapping[str, str]) -> Iterator[Text | Mention]:
    """`text` with a Mention for each `@name` that is known; it keeps the spelling. Linear time."""
    position = 0
    for match in _CANDIDATE.finditer(text):
        name = _name_at(text, match.start(1), match.end(), ids)
        if not name:
            continue
        if match.start() > position:
            yield Text(text[position : match.start()])
        yield Mention(ids[name.casefold()], name)
        position = match.start(1) + len(name)
    if position < len(text):
        yield Text(text[position:])


def _name_at(text: str, start: int, end: int, ids: Mapping[str, str]) -> str:
    """The longest known name that begins at `start` and ends where a word does; "" if there is none."""
    for stop in range(end, start, -1):
        if (stop == len(text) or text[stop] not in _WORD) and text[start:stop].casefold() in ids:
            return text[start:stop]
    return ""
