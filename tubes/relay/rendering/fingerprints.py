"""One text known again: as a service stored it, and as other bridges bring it back."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from connectors.markup.sanitize import clean_text, normalise_for_compare

# What a bridge writes before a text, and what we write: `[Name, team · 14:03 UTC] ` has up to four
# names of 64. Every length is bounded, so the time is linear in the text.
_BEFORE: Final = re.compile(
    r"""\A(?:
        >\ [^\n]{1,160}\n                      # a quotation: the line above an answer
      | (?: \[[^\[\]\n]{1,280}\]
          | <[^<>\n]{1,64}>
          | \([^()\n]{1,64}\)                  # a name, or a late stamp
          | [^\n]{1,64}?:
          | ✎
        ) [ \n](?=\S)
    )*""",  # nothing follows, so nothing is tried twice (possessive groups fail before Python 3.11.5)
    re.VERBOSE,
)


def fingerprint(text: str) -> str:
    """32 hex digits that two texts share where services change one into the other in passing.

    "" for a text of which nothing is left to compare. Linear time.
    """
    normal = normalise_for_compare(text)
    return hashlib.blake2b(normal.encode(), digest_size=16).hexdigest() if normal else ""


def content_fingerprint(text: str, sizes: Sequence[int | None]) -> str:
    """The fingerprint of a text with files of these sizes (bytes): their names change in passing."""
    return fingerprint("\n".join([text, *(f"file of {size} bytes" for size in sizes)]))


def echo_fingerprint(text: str) -> str:
    """The fingerprint of what a person wrote, whatever prefixes bridges have put before it. Linear time.

    So many are stripped that also a person's `Note: ` goes; it goes from both texts that are compared.
    """
    lines = (normalise_for_compare(line) for line in clean_text(text).split("\n"))
    return fingerprint(_BEFORE.sub("", "\n".join(line for line in lines if line), count=1))
