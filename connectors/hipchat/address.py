"""A HipChat server's address, from what people type to one canonical spelling. No I/O."""

import re
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings

# A name, an IPv4 or an IPv6 address; letters of any alphabet.
HOST = re.compile(r"[\w.-]+|[0-9a-fA-F:.]+")
DEFAULT_PORTS = {"http": 80, "https": 443}


class AddressUnusable(ValueError):
    """What was typed is no address of a HipChat server; the text says what to do."""


def canonical(typed: str) -> str:
    """`typed` as scheme://host[:port][/path]: lower-case host, no default port, no trailing slash or /v2.

    Two spellings of one address must come out the same: rooms and owners are told apart by it.
    """
    text = typed.strip()
    if not re.match(r"^[a-zA-Z][a-zA-Z0-9+.-]*://", text):
        # A server on this very machine has no certificate; everywhere else the token has to be sealed.
        scheme = "http" if re.match(r"(localhost|127\.|\[::1\])", text) else "https"
        text = f"{scheme}://{text}"
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        raise AddressUnusable(
            "This is not an address. Type something like https://hipchat.example.com."
        ) from error
    usable = HOST.fullmatch(host) and not (parts.username or parts.password)
    if parts.scheme not in DEFAULT_PORTS or not usable:
        raise AddressUnusable("This is not an address. Type something like https://hipchat.example.com.")
    if host == "hipchat.com" or host.endswith(".hipchat.com"):
        raise AddressUnusable(
            "HipChat's hosted service has closed, and a token must not be sent to its old address. "
            "Type the address of your own HipChat Server or Data Center."
        )
    try:
        host = host.encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        raise AddressUnusable("This host name cannot exist. Check its spelling.") from error
    if ":" in host:
        host = f"[{host}]"
    netloc = host if port in (None, DEFAULT_PORTS[parts.scheme]) else f"{host}:{port}"
    path = re.sub(r"(/v2)?/*$", "", re.sub(r"/+", "/", parts.path).rstrip("/"))
    address = urlunsplit((parts.scheme, netloc, path, "", ""))
    # Two names of one server: only the operator can know, a server's own word does not count.
    return str(settings.HIPCHAT_SERVER_ALIASES.get(address, address))


def is_at(server: str, url: str) -> bool:
    """Whether `url` leads to the host and port of this server. No I/O."""
    try:
        here, there = urlsplit(server), urlsplit(url)
        return (here.scheme, here.hostname, here.port) == (there.scheme, there.hostname, there.port)
    except ValueError:
        return False
