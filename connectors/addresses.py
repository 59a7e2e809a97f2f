"""Base addresses of servers, from what people type to one canonical spelling. No I/O."""

import re
from urllib.parse import urlsplit, urlunsplit

# A name, an IPv4 or an IPv6 address; letters of any alphabet.
HOST = re.compile(r"[\w.-]+|[0-9a-fA-F:.]+")
DEFAULT_PORTS = {"http": 80, "https": 443}
_SCHEME = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]*://")
_THIS_MACHINE = re.compile(r"(localhost|127\.|\[::1\])")


class AddressUnusable(ValueError):
    """What was typed is no address of a server; the text says what to do."""


def base_address(typed: str, *, example: str) -> str:
    """`typed` as scheme://host[:port][/path]: lower-case host, no default port, no trailing slash.

    Two spellings of one address must come out the same: rooms and owners are told apart by it.
    """
    text = typed.strip()
    if not _SCHEME.match(text):
        # A server on this very machine has no certificate; everywhere else the token has to be sealed.
        text = f"{'http' if _THIS_MACHINE.match(text) else 'https'}://{text}"
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        raise AddressUnusable(f"This is not an address. Type something like {example}.") from error
    usable = HOST.fullmatch(host) and not (parts.username or parts.password)
    if parts.scheme not in DEFAULT_PORTS or not usable:
        raise AddressUnusable(f"This is not an address. Type something like {example}.")
    try:
        host = host.encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        raise AddressUnusable("This host name cannot exist. Check its spelling.") from error
    if ":" in host:
        host = f"[{host}]"
    netloc = host if port in (None, DEFAULT_PORTS[parts.scheme]) else f"{host}:{port}"
    return urlunsplit((parts.scheme, netloc, re.sub(r"/+", "/", parts.path).rstrip("/"), "", ""))
