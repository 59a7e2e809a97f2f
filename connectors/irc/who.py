"""Whom a login is about, and where. No I/O."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from connectors.base import Login
from connectors.errors import LoginRejected
from connectors.net.lines import Place

PORTS: Final = {"ircs": 6697, "irc": 6667}  # RFC 7194, and custom
REAL_NAME: Final = "Sameroom: a relay between chat rooms"
_SECRETS: Final = ("password", "server_password", "certificate")


@dataclass(frozen=True, slots=True)
class Who:
    """One user at one server; "" for what there is none of."""

    place: Place
    nick: str
    account: str  # at the network's services, where there is a password or a certificate
    password: str = field(default="", repr=False)
    server_password: str = field(default="", repr=False)
    real_name: str = REAL_NAME
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def has_services(self) -> bool:
        """Whether an account at the network's services is to be logged in to."""
        return bool(self.password or self.place.certificate)

    def nicks(self) -> Iterator[str]:
        """Nicks to try one after the other, as others may have them."""
        yield self.nick
        for number in range(1, 4):
            yield self.nick[: 30 - number] + "_" * number
        while True:
            yield f"{self.nick[:5]}{random.randrange(10_000):04}"  # noqa: S311 - no secret


def who_of(login: Login) -> Who:
    """The user that a login is for. LoginRejected where its server is no address."""
    given = login.credentials
    return Who(
        place=place_of(
            login.server,
            ca_certificate=given.get("ca_certificate", ""),
            certificate=given.get("certificate", ""),
        ),
        nick=given["nick"],
        account=given.get("account") or given["nick"],
        password=given.get("password", ""),
        server_password=given.get("server_password", ""),
        real_name=given.get("realname") or REAL_NAME,
        secrets=tuple(filter(None, (given.get(name, "") for name in _SECRETS))),
    )


def place_of(server: str, *, ca_certificate: str = "", certificate: str = "") -> Place:
    """Where an address such as `ircs://irc.example.org:6697` leads. LoginRejected where it is none."""
    try:
        parts = urlsplit(server)
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    except (ValueError, KeyError):
        host, port = "", 0
    if not host or parts.path.strip("/") or parts.username or parts.query:
        raise LoginRejected("This is no address of an IRC server. It looks like ircs://irc.example.org:6697.")
    return Place(host, port, parts.scheme == "ircs", ca_certificate, certificate)


def server_of(place: Place) -> str:
    """The one spelling of a server's address."""
    host = f"[{place.host}]" if ":" in place.host else place.host.lower()
    return f"{'ircs' if place.encrypted else 'irc'}://{host}:{place.port}"


def space_of(place: Place) -> str:
    """The scope of a server's channels: its address, whose two usual ports lead to the same channels."""
    if not place.encrypted and place.port == PORTS["irc"]:
        place = Place(place.host, PORTS["ircs"], encrypted=True)
    return server_of(place)
