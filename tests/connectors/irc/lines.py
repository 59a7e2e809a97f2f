"""A line of IRC, taken apart and put together, for the fake server of the tests.

As https://modern.ircdocs.horse (message format) and https://ircv3.net/specs/extensions/message-tags say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

ESCAPES = {":": ";", "s": " ", "\\": "\\", "r": "\r", "n": "\n"}
ESCAPED = {plain: f"\\{letter}" for letter, plain in ESCAPES.items()}


@dataclass(frozen=True)
class Line:
    """One message of the protocol."""

    command: str
    params: tuple[str, ...] = ()
    source: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Line:
        tags, source = {}, ""
        if text.startswith("@"):
            joined, _, text = text[1:].partition(" ")
            tags = {
                key: _unescaped(value) for key, _, value in (tag.partition("=") for tag in joined.split(";"))
            }
        text = text.lstrip(" ")
        if text.startswith(":"):
            source, _, text = text[1:].partition(" ")
        words, colon, last = text.lstrip(" ").partition(" :")
        params = (*words.split(), last) if colon else tuple(words.split())
        return cls(params[0].upper() if params else "", params[1:], source, tags)

    @property
    def last(self) -> str:
        return self.params[-1] if self.params else ""

    def __str__(self) -> str:
        """The line without its end."""
        joined = ";".join(f"{key}={_escaped(value)}" if value else key for key, value in self.tags.items())
        words = [f"@{joined}"] if joined else []
        words += [f":{self.source}"] if self.source else []
        *middle, last = self.params or ("",)
        return " ".join([*words, self.command, *middle, *([f":{last}"] if self.params else [])])


def _unescaped(value: str) -> str:
    return re.sub(r"\\(.?)", lambda found: ESCAPES.get(found[1], found[1]), value)


def _escaped(value: str) -> str:
    return re.sub(r"[; \\\r\n]", lambda found: ESCAPED[found[0]], value)
