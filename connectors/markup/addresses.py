"""Which addresses a link may lead to, and how they are written where blanks and signs have a meaning."""

import re
from typing import Final
from urllib.parse import quote

_ALLOWED: Final = re.compile(r"\s*(?:(?:https?|ftp)://[^\s/?#]|mailto:\S)", re.IGNORECASE)
_UNTYPED: Final = re.compile(r"^(?:https?://|mailto:)", re.IGNORECASE)
# What no URL may hold as it is (RFC 3986, section 2), nor IRIs (RFC 3987, section 2.2).
_UNSAFE: Final = re.compile(r"[\x00-\x20\x7f-\xa0<>\"`{}|\\^\u2028\u2029\s]")


def is_address(url: str) -> bool:
    """Whether a link may lead there: to a page or a file on a server, or to somebody's mail."""
    return _ALLOWED.match(url) is not None


def address(url: str) -> str:
    """`url` as every flavour can write it, "" where a link may not lead there. Twice is once. Linear time."""
    url = url.strip()
    return _UNSAFE.sub(lambda match: quote(match.group()), url) if is_address(url) else ""


def is_said_by(words: str, url: str) -> bool:
    """Whether words are the address itself, perhaps without what people do not type before it. Linear time.

    Services link what looks like an address: `example.org`, somebody's mail.
    """
    typed = _UNTYPED.sub("", url)
    return words in (url, typed, typed.removesuffix("/"))
