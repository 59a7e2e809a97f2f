"""From what a user types to the homeserver that answers there. Network I/O, blocking.

Matrix specification v1.16, Client-Server API, "Server discovery": a server name's
`/.well-known/matrix/client` names the base address; what is no server name is the address itself.
"""

from __future__ import annotations

from typing import Any, Final

from connectors import net
from connectors.addresses import AddressUnusable, base_address
from connectors.errors import RetryLater
from connectors.matrix.refusals import CHECK, answered, broken

EXAMPLE: Final = "example.org or https://matrix.example.org"
_DEADLINE: Final = 10.0
_SMALL: Final = 64 * 1024  # bytes


def homeserver(typed: str, ca_certificate: str | None = None) -> str:
    """The base address of the homeserver of a server name or address typed in; it has answered.

    Asked without any secret: a mistyped address must not hand one to a stranger. May be repeated. Raises
    AddressUnusable and RetryLater.
    """
    address = base_address(typed, example=EXAMPLE)
    base = _told_by(address, ca_certificate) or address
    versions = answered(_get(f"{base}/_matrix/client/versions", base, ca_certificate)).get("versions")
    if not isinstance(versions, list) or not any(str(version).startswith("v1.") for version in versions):
        raise RetryLater(f"The homeserver at {base} is too old: Sameroom needs Matrix v1.1 or later.")
    return base


def _told_by(address: str, ca_certificate: str | None) -> str:
    """Where the server's own file says that its clients go; "" where it says nothing of use."""
    try:
        answer = net.request(
            "GET",
            f"{address}/.well-known/matrix/client",
            deadline=_DEADLINE,
            max_bytes=_SMALL,
            ca_certificate=ca_certificate,
        )
        told: Any = answer.json() if answer.status == 200 else None
    except net.NetError:
        return ""
    named = told.get("m.homeserver") if isinstance(told, dict) else None
    base = named.get("base_url") if isinstance(named, dict) else None
    if not isinstance(base, str) or not base.startswith(("https://", "http://")):
        return ""
    try:
        return base_address(base, example=EXAMPLE)
    except AddressUnusable:
        return ""


def _get(url: str, base: str, ca_certificate: str | None) -> net.Answer:
    try:
        answer = net.request("GET", url, deadline=_DEADLINE, max_bytes=_SMALL, ca_certificate=ca_certificate)
    except net.NetError as error:
        raise broken(error, base) from None
    if answer.status != 200:
        raise RetryLater(f"{answer.host} did not answer like a Matrix homeserver. {CHECK}")
    return answer
