"""One line of the protocol, read and written. No I/O.

RFC 1459 section 2.3, modern.ircdocs.horse "Message Format", and IRCv3's message-tags. What comes is taken as
servers send it: spaces too many, a colon where none is needed, Latin-1 where it is no UTF-8.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

LONGEST: Final = 510  # bytes of a line without tags and without its end
_ESCAPED: Final = {":": ";", "s": " ", "\\": "\\", "r": "\r", "n": "\n"}
_ESCAPES: Final = re.compile(r"\\(.?)", re.DOTALL)
_UNSAFE: Final = re.compile(r"[; \\\r\n]")
_BREAKS: Final = re.compile(r"[\r\n\0]")
_MOST_TAGS: Final = 100
_FULL: Final = 480  # bytes from which on a line may have been cut


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it came."""

    command: str  # upper case, or three digits
    params: tuple[str, ...] = ()
    source: str = ""  # `nick!user@host`, a server's name, or "" for the server itself
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def nick(self) -> str:
        """Whose line it is; a server's name where it is a server's."""
        return self.source.partition("!")[0]

    @property
    def text(self) -> str:
        """The last parameter, mostly what is meant for people; "" if none."""
        return self.params[-1] if self.params else ""

    def param(self, number: int) -> str:
        """A parameter, "" where there are fewer."""
        return self.params[number] if number < len(self.params) else ""


def parse(raw: bytes) -> Line | None:
    """The line in these bytes, which hold no line end; None where there is no command."""
    rest, tags = _BREAKS.sub("", _decoded(raw)), {}
    if rest.startswith("@"):
        told, _, rest = rest[1:].partition(" ")
        tags = _tags(told)
    rest, source = rest.lstrip(" "), ""
    if rest.startswith(":"):
        source, _, rest = rest[1:].partition(" ")
    head, colon, trailing = rest.partition(" :")
    words = [word for word in head.split(" ") if word]
    if not words:
        return None
    params = (*words[1:], trailing) if colon else tuple(words[1:])
    return Line(words[0].upper(), params, source, tags)


def compose(command: str, *params: str, tags: Mapping[str, str] | None = None) -> bytes:
    """A line with its end, to be sent. ValueError where a parameter would be another one, or another line."""
    if any(_BREAKS.search(param) for param in params):
        raise ValueError("A parameter must not hold the end of a line.")
    if any(not param or " " in param or param.startswith(":") for param in params[:-1]):
        raise ValueError("Only the last parameter may be empty, have spaces or begin with a colon.")
    parts = [command, *params]
    if params and (not params[-1] or " " in params[-1] or params[-1].startswith(":")):
        parts[-1] = f":{params[-1]}"
    if tags:
        named = (f"{name}={_escaped(value)}" if value else name for name, value in tags.items())
        parts.insert(0, f"@{';'.join(named)}")
    return (" ".join(parts) + "\r\n").encode("utf-8", "replace")


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        # Servers cut lines at so many bytes, also in the middle of a character.
        whole, is_cut = raw[: error.start], error.reason == "unexpected end of data"
        if is_cut and (len(raw) >= _FULL or not whole.isascii()):
            return whole.decode("utf-8")
        return raw.decode("cp1252", "replace")


def _tags(told: str) -> dict[str, str]:
    tags = {}
    for tag in told.split(";")[:_MOST_TAGS]:
        name, _, value = tag.partition("=")
        if name:
            tags[name] = _ESCAPES.sub(lambda found: _ESCAPED.get(found[1], found[1]), value)
    return tags


def _escaped(value: str) -> str:
    named = {real: f"\\{letter}" for letter, real in _ESCAPED.items()}
    return _UNSAFE.sub(lambda found: named[found[0]], value)
