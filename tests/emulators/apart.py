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

# Linux: ioctl numbers and the flag of <net/if.h>
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1
CHUNK = 65536


def loopback_up() -> None:
    """As `ip link set lo up`, for machines without it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        asked = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, asked))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One direction of a connection, to its end."""
    try:
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        writer.close()


async def forward(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, there: tuple[str, int] | str
) -> None:
    """A connection that came in, led on to a port or a Unix socket."""
    try:
        far_reader, far_writer = await (
            asyncio.open_unix_connection(there) if isinstance(there, str) else asyncio.open_connection(*there)
        )
    except OSError:
        writer.close()
        return
    await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
    for one in (writer, far_writer):
        one.close()


async def main(path: str, port: int, command: list[str]) -> int:
    """Serve until the command has ended; its exit code."""
    loopback_up()
    process = await asyncio.create_subprocess_exec(*command)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, process.terminate)
    there = ("127.0.0.1", port)
    async with await asyncio.start_unix_server(lambda one, other: forward(one, other, there), path):
        return await process.wait()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])))
