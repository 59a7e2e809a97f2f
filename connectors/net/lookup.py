"""Looking a name up without holding the event loop. asyncio."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from connectors.net.addresses import Found, ask_in_thread


async def found_at(host: str, port: int) -> list[Found]:
    """What the name service knows of a host; empty where it knows nothing. No time limit of its own."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[Found]] = loop.create_future()

    def settle(answer: list[Found]) -> None:
        if not found.done():
            found.set_result(answer)

    def answer(rows: list[Found]) -> None:
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, rows)

    ask_in_thread(host, port, answer)
    return await found
