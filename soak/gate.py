"""A way to a server that can be shut: what goes through is cut, and nobody comes in until it is opened.

It listens all the while, and cuts off who comes: its port would be somebody else's else.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

from tests.servers import free_port

HOST = "127.0.0.1"
PIECE = 64 * 1024  # bytes
WITHIN = 10.0  # seconds


class Gate:
    """In front of one port of this machine. Any thread may call."""

    def __init__(self, to: int) -> None:
        self.port, self._to = free_port(), to
        self._through: set[asyncio.WriteTransport] = set()
        self._is_open = False
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True, name="gate").start()

    def open(self) -> None:
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(WITHIN)

    def shut(self) -> None:
        asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result(WITHIN)

    async def _open(self) -> None:
        self._is_open = True
        if self._server is None:
            self._server = await asyncio.start_server(self._pass, HOST, self.port)

    async def _shut(self) -> None:
        self._is_open = False
        for transport in self._through:
            transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._is_open:
            writer.transport.abort()
            return
        with suppress(OSError):
            onward, there = await asyncio.open_connection(HOST, self._to)
            ends = {writer.transport, there.transport}
            self._through |= ends
            await asyncio.wait(
                [asyncio.ensure_future(_pump(reader, there)), asyncio.ensure_future(_pump(onward, writer))],
                return_when=asyncio.FIRST_COMPLETED,
            )
            for transport in ends:
                transport.close()
            self._through -= ends
        writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while content := await reader.read(PIECE):
            writer.write(content)
            await writer.drain()
