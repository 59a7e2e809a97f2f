"""Addresses that lead where nobody from outside may lead us, and an ear that hears whoever is led."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

# The attacker's own server, which may be called; whoever is called at any other address was led there.
ATTACKER = "127.0.0.2"

# Every one is this machine, or one that only this machine reaches.
FORBIDDEN_HOSTS = [
    "127.0.0.1",
    "127.0.0.1.",
    "localhost",
    "LOCALHOST.",
    "127.1",
    "127.0.1",
    "0x7f.1",
    "0x7f000001",
    "0x7f.0x0.0x0.0x1",
    "2130706433",
    "017700000001",
    "0177.0.0.1",
    "0",
    "0.0.0.0",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "%31%32%37.0.0.1",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:7f00:0001]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[fe80::1%25lo]",
    "[fe80::1%lo]",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "169.254.169.254",
    "169.254.43518",
    "[fd00:ec2::254]",
    "[::ffff:169.254.169.254]",
    "100.100.100.200",
    "inside.example",  # known to the name service as 127.0.0.1
    "both.example",  # … as a public address and 127.0.0.1
    "inside6.example",  # … as ::ffff:127.0.0.1
    "metadata.google.internal",
]
USERINFO = [
    "http://chat.example@127.0.0.1:{port}/",
    "http://chat.example:443@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@chat.example/",
    "http://chat.example\\@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}#@chat.example/",
    "http://127.0.0.1:{port}?@chat.example/",
    "http://chat.example@@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\t@chat.example/",
]
SCHEMES = [
    "file:///etc/passwd",
    "file://127.0.0.1:{port}/etc/passwd",
    "ftp://127.0.0.1:{port}/",
    "gopher://127.0.0.1:{port}/_SET%20x%201",
    "dict://127.0.0.1:{port}/info",
    "ldap://127.0.0.1:{port}/",
    "http+unix://%2Frun%2Fredis.sock/",
    "unix:///run/redis.sock",
    "data:text/plain,hello",
    "jar:http://127.0.0.1:{port}!/",
    "//127.0.0.1:{port}/",
    "http:127.0.0.1:{port}/",
    "http:///127.0.0.1:{port}/",
    "\nhttp://127.0.0.1:{port}/",
]
TARGETS = [
    *(f"{scheme}://{host}:{{port}}/secret" for scheme in ("http", "https") for host in FORBIDDEN_HOSTS),
    *USERINFO,
    *SCHEMES,
]

NAMES = {
    "inside.example": ["127.0.0.1"],
    "both.example": ["127.0.0.1", "10.0.0.1"],
    "inside6.example": ["::ffff:127.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "chat.example": [ATTACKER],
}


@dataclass
class Called:
    """Whom this process connected to, while it was listened to."""

    addresses: list[Any] = field(default_factory=list)

    def hosts(self) -> set[str]:
        return {address[0] if isinstance(address, tuple) else str(address) for address in self.addresses}


_listening: list[Called] = []


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        for called in _listening:
            called.addresses.append(arguments[1])


# An audit hook hears every connect() of this process, whoever makes it. It cannot be taken off again.
sys.addaudithook(_hear)


@contextmanager
def listening() -> Iterator[Called]:
    called = Called()
    _listening.append(called)
    try:
        yield called
    finally:
        _listening.remove(called)


@contextmanager
def canary() -> Iterator[int]:
    """A port of this machine at which somebody is at home, by IPv4 and by IPv6."""
    four = socket.create_server(("127.0.0.1", 0))
    port = four.getsockname()[1]
    six = socket.create_server(("::1", port), family=socket.AF_INET6) if socket.has_ipv6 else None
    over = threading.Event()

    def answer(server: socket.socket) -> None:
        while not over.is_set():
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(1)
                try:
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret")
                except OSError:
                    pass

    servers = [one for one in (four, six) if one is not None]
    threads = [threading.Thread(target=answer, args=(one,), daemon=True) for one in servers]
    for thread in threads:
        thread.start()
    try:
        yield port
    finally:
        over.set()
        for server in servers:
            server.shutdown(socket.SHUT_RDWR)
            server.close()
        for thread in threads:
            thread.join(5)


class Names:
    """A name service of the attacker's: `rebind.example` is one address first and another one later."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._real = socket.getaddrinfo

    def __call__(self, host: Any, port: Any, *args: Any, **kwargs: Any) -> list[Any]:
        name = str(host).rstrip(".").lower()
        self.asked.append(name)
        if name == "rebind.example":
            found = [ATTACKER if self.asked.count(name) == 1 else "127.0.0.1"]
        elif name in NAMES:
            found = NAMES[name]
        elif name.endswith((".example", ".internal")):
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        else:
            return self._real(host, port, *args, **kwargs)
        return [_row(address, port) for address in found]


def _row(address: str, port: Any) -> tuple[Any, ...]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    place = (address, int(port or 0), 0, 0) if ":" in address else (address, int(port or 0))
    return family, socket.SOCK_STREAM, 6, "", place
