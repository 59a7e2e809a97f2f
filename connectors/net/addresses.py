"""Which addresses we call, and a connection to exactly the address that was checked."""

import ipaddress
import queue
import socket
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

from django.conf import settings

from connectors.net.deadline import Call, DeadlineSocket, current
from connectors.net.errors import AddressRefused, NotSent

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Found: TypeAlias = tuple[int, tuple[Any, ...]]  # address family, socket address

_MOST_TRIED: Final = 4

# Kept here, since `ipaddress.is_global` changed its mind between patch releases of Python
# (CVE-2024-4032). Source: the IANA special-purpose address registries (2026-01).
_CLOSED_V4: Final = [
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
]
_OPEN_V6: Final = ipaddress.IPv6Network("2000::/3")  # all of IPv6 that is given out
_CLOSED_V6: Final = [
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",
        "2002::/16",  # 6to4: leads to an IPv4 address of the name owner's choice
        "3fff::/20",
    )
]
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
# Where clouds give a machine its keys, to whoever asks: a network that is opened does not open these with it.
# AWS, Azure, Google, OpenStack and others; AWS by IPv6; Google by IPv6; Alibaba; Oracle before 2020 (their
# documentation of instance metadata, 2026-11).
_METADATA: Final = [
    ipaddress.ip_network(f"{address}/{128 if ':' in address else 32}")
    for address in ("169.254.169.254", "fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "192.0.0.192")
]


def is_public(address: Address) -> bool:
    """Whether everybody on the internet reaches the same machine there. NAT64 counts as what it leads to."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _CLOSED_V4)
    if address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    if address in _NAT64:
        return is_public(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    return address in _OPEN_V6 and not any(address in network for network in _CLOSED_V6)


def is_allowed(address: Address) -> bool:
    """Whether ALLOWED_PRIVATE_NETWORKS opens it: what gives a machine its keys by its own address only."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    opened = _networks(tuple(settings.ALLOWED_PRIVATE_NETWORKS))
    if any(address in network for network in _METADATA):
        return ipaddress.ip_network(address) in opened
    return any(address in network for network in opened)


@lru_cache(maxsize=8)
def _networks(texts: tuple[str, ...]) -> list[Network]:
    return [ipaddress.ip_network(text.strip(), strict=False) for text in texts]


def open_socket(host: str, port: int, *, encrypted: bool) -> DeadlineSocket:
    """A connection for the running request. Network I/O: looks the name up and connects.

    Raises NotSent, or AddressRefused where no address of the host may be called: a plain
    connection (`encrypted` false) leads to allowed networks only.
    """
    call = current()
    host = host.strip("[]")
    return _connect(host, callable_ones(host, _lookup(host, port, call), encrypted=encrypted), call)


def callable_ones(host: str, found: Sequence[Found], *, encrypted: bool) -> Sequence[Found]:
    """Those of a host's addresses that may be called, a few at the most; else AddressRefused. No I/O."""
    usable = [one for one in found if _may_be_called(ipaddress.ip_address(one[1][0]), encrypted)]
    if usable:
        return usable[:_MOST_TRIED]
    if not encrypted and any(is_public(ipaddress.ip_address(one[1][0])) for one in found):
        raise AddressRefused(
            f"{host} may only be called over https, as plain http would show the token to others"
        )
    # The address itself stays unsaid: a stranger shall not map our network by asking.
    raise AddressRefused(
        f"{host} is not at a public address (the operator can open it with ALLOWED_PRIVATE_NETWORKS)"
    )


def _may_be_called(address: Address, encrypted: bool) -> bool:
    return is_allowed(address) or (encrypted and is_public(address))


def _lookup(host: str, port: int, call: Call) -> list[Found]:
    """In a thread of its own, as getaddrinfo knows no deadline; an abandoned one ends by the resolver's."""
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        family = socket.AF_INET if literal.version == 4 else socket.AF_INET6
        return [(family, (host, port))]
    answers: queue.SimpleQueue[list[Found]] = queue.SimpleQueue()
    ask_in_thread(host, port, answers.put)
    try:
        found = answers.get(timeout=call.remaining())
    except (queue.Empty, TimeoutError):
        raise NotSent(f"{host} could not be looked up within {call.seconds:g} seconds") from None
    if not found:
        raise NotSent(f"{host} is not known to the name service")
    return found


def ask_in_thread(host: str, port: int, answer: Callable[[list[Found]], object]) -> None:
    """Look a name up, and hand what was found to `answer`, in that thread; nothing where it is not known."""

    def ask() -> None:
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, ValueError):  # gaierror; UnicodeError for a label that is too long
            rows = []
        answer([(row[0], row[4]) for row in rows if row[0] in (socket.AF_INET, socket.AF_INET6)])

    threading.Thread(target=ask, name="lookup", daemon=True).start()


def _connect(host: str, usable: Sequence[Found], call: Call) -> DeadlineSocket:
    """The first that answers; a silent one may use only its share of the time that is left."""
    failure: type[OSError] = TimeoutError  # the error itself would keep the whole stack alive
    for number, (family, address) in enumerate(usable):
        try:
            return _connect_one(family, address, len(usable) - number, call)
        except OSError as error:
            failure = type(error)
    if issubclass(failure, ConnectionRefusedError):
        raise NotSent(f"{host} refused the connection")
    if issubclass(failure, TimeoutError):
        raise NotSent(f"{host} did not answer within {call.seconds:g} seconds")
    raise NotSent(f"{host} cannot be reached")


def _connect_one(family: int, address: tuple[Any, ...], left: int, call: Call) -> DeadlineSocket:
    opened = DeadlineSocket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.settimeout(call.remaining() / left)
        opened.connect(address)
        opened.settimeout(call.remaining())  # the TLS handshake, if any, takes it as its total
    except BaseException:
        opened.close()
        raise
    return opened
