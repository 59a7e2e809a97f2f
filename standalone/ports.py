"""A port for a server that is started only now, and that somebody waits for."""

from __future__ import annotations

import secrets
import socket
from contextlib import suppress
from typing import Final

# Below those that systems give to connections (Linux from 32768 on, others from 49152): of these one could be
# taken before its server is up, and whoever tries again and again while it is away would meet itself there.
PORTS: Final = range(10_000, 32_000)


def free_port() -> int:
    """A port of the loopback address at which nobody listens."""
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
