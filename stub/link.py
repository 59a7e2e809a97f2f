"""A kept-alive HTTP connection over which events are pushed: no more than that needs, and cheap."""

from __future__ import annotations

import asyncio
from typing import cast
from urllib.parse import urlsplit

import httptools


class Link(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[int] | None = None
        self.is_open = True

    async def post(self, request: bytes, seconds: float) -> int:
        """Send a whole request; the status of the answer. OSError or TimeoutError, and then it is closed."""
        assert self._transport
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            return await asyncio.wait_for(self._answer, seconds)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self.is_open = False
        if self._transport:
            self._transport.abort()

    # ------------------------------------------------------------- called by asyncio and the parser

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._fail(ConnectionError("an answer that cannot be read"))

    def on_message_complete(self) -> None:
        if not self._parser.should_keep_alive():
            self.close()
        if self._answer and not self._answer.done():
            self._answer.set_result(self._parser.get_status_code())

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(ConnectionError("the connection was lost"))

    def _fail(self, error: OSError) -> None:
        self.close()
        if self._answer and not self._answer.done():
            self._answer.set_exception(error)


class Links:
    """The connections to one address."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._head = (
            f"POST {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        )
        self._idle: list[Link] = []

    async def post(self, headers: dict[str, str], body: bytes, seconds: float) -> int:
        """Post once over an idle connection, or a new one; the status. OSError, TimeoutError."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"{self._head}{lines}Content-Length: {len(body)}\r\n\r\n"
        link = self._idle_link() or await self._connect(seconds)
        status = await link.post(head.encode() + body, seconds)
        if link.is_open:
            self._idle.append(link)
        return status

    def close(self) -> None:
        for link in self._idle:
            link.close()
        self._idle.clear()

    def _idle_link(self) -> Link | None:
        while self._idle:
            link = self._idle.pop()
            if link.is_open:
                return link
        return None

    async def _connect(self, seconds: float) -> Link:
        loop = asyncio.get_running_loop()
        _, link = await asyncio.wait_for(loop.create_connection(Link, self._host, self._port), seconds)
        return link
