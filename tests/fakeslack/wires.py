"""What only the connection itself shows: answers that trickle, connections that are cut off."""

from __future__ import annotations

import asyncio
import socket
import struct

from aiohttp import web

LINGER = struct.pack("ii", 1, 0)  # close by a reset instead of a farewell


async def drip(request: web.Request, answer: web.Response, pause: float) -> web.StreamResponse:
    """The same answer, one byte after another."""
    body = answer.body
    assert isinstance(body, bytes)
    slow = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
    slow.content_length = len(body)
    await slow.prepare(request)
    for place in range(len(body)):
        await slow.write(body[place : place + 1])
        await asyncio.sleep(pause)
    return slow


def reset(request: web.Request) -> None:
    """Cut the connection off."""
    if request.transport:
        request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
        request.transport.abort()
