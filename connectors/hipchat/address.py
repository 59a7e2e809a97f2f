"""A HipChat server's address, from what people type to one canonical spelling. No I/O."""

import re
from urllib.parse import urlsplit

from django.conf import settings

from connectors.addresses import AddressUnusable, base_address

__all__ = ["AddressUnusable", "canonical", "is_at"]


def canonical(typed: str) -> str:
    """As `base_address`, without `/v2` at the end. AddressUnusable for HipChat's hosted service too."""
    address = base_address(typed, example="https://hipchat.example.com")
    parts = urlsplit(address)
    host = parts.hostname or ""
    if host == "hipchat.com" or host.endswith(".hipchat.com"):
        raise AddressUnusable(
            "HipChat's hosted service has closed, and a token must not be sent to its old address. "
            "Type the address of your own HipChat Server or Data Center."
        )
    address = parts._replace(path=re.sub(r"(/v2)?/*$", "", parts.path)).geturl()
    # Two names of one server: only the operator can know, a server's own word does not count.
    return str(settings.HIPCHAT_SERVER_ALIASES.get(address, address))


def is_at(server: str, url: str) -> bool:
    """Whether `url` leads to the host and port of this server. No I/O."""
    try:
        here, there = urlsplit(server), urlsplit(url)
        return (here.scheme, here.hostname, here.port) == (there.scheme, there.hostname, there.port)
    except ValueError:
        return False
