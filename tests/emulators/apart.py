"""Runs a server in a network of its own, reachable by a Unix socket alone.

    unshare --net python apart.py SOCKET PORT COMMAND...

For a server that listens on every interface whether one wants it or not. In a fresh network namespace there
is only a loopback interface, and it is down: it is brought up here. What comes in by the socket goes to the
port.
"""

from __future__ import annotations

import asyncio
import fcntl
import signal
import socket
import struct
import sys
from contextlib import suppress

# Linux: ioctl numbers and the flag of <net/if.h>
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1
CHUNK = 65536


def loopback_up() -> None:
    """As `ip link set lo up`, for machines without it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        asked = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, asked))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))


class Forwarding:
    """Leads connections on to a port or a Unix socket, until it is closed."""

    def __init__(self, there: tuple[str, int] | str) -> None:
        self._there = there
        self._connections: set[asyncio.Task[None]] = set()

    def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection that came in."""
        task = asyncio.get_running_loop().create_task(self._lead(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def close(self) -> None:
        """End every connection."""
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await self._connect()
        except OSError:
            return await _end(writer)
        try:
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        finally:
            await _end(writer)
            await _end(far_writer)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._there, str):
            return await asyncio.open_unix_connection(self._there)
        return await asyncio.open_connection(*self._there)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One direction of a connection, to its end."""
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def _end(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


async def main(path: str, port: int, command: list[str]) -> int:
    """Serve until the command has ended; its exit code."""
    loopback_up()
    process = await asyncio.create_subprocess_exec(*command)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, process.terminate)
    forwarding = Forwarding(("127.0.0.1", port))
    async with await asyncio.start_unix_server(forwarding.take, path):
        code = await process.wait()
        await forwarding.close()
        return code


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])))
