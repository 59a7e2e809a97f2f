"""The service behind a socket: an ASGI application on uvicorn, as a process or in a thread of a test."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from stub.actions import Actions
from stub.control import Stub
from stub.service import Service
from stub.wire import Api, Receive, Request, Send, path_of, reply

LINGER = struct.pack("ii", 1, 0)  # close by a reset instead of a farewell


def reset(transport: asyncio.Transport) -> None:
    """Cut a connection off."""
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
    transport.abort()


class Protocol(HttpToolsProtocol):
    """uvicorn's, with the connection in the scope: ASGI itself cannot cut one off."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {"transport": {"abort": partial(reset, self.transport)}}


class App:
    """Leads a request to the public API, or to the control API below `/_control/`."""

    def __init__(self) -> None:
        service = Service()
        self._api, self._actions = Api(service), Actions(service)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        body = b"" if scope["method"] == "GET" else await _body(receive)
        path = path_of(scope["raw_path"])
        if path[0] == "_control":
            return await reply(send, *self._actions.run(path[-1], body))
        request = Request(scope["method"], path, scope["query_string"], scope["headers"], body)
        return await self._api.answer(request, scope["extensions"]["transport"]["abort"], receive, send)


async def _body(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
    return body


def server(listener: socket.socket) -> uvicorn.Server:
    """A server for one service of its own; `run(sockets=[listener])` serves until it is asked to stop."""
    config = uvicorn.Config(
        App(),
        http=Protocol,
        loop="uvloop",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,  # longer than a client's pooled connections rest
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


def listen(port: int = 0, host: str = "127.0.0.1") -> socket.socket:
    """A socket that callers can reach from now on. Raises OSError where the port is taken."""
    return socket.create_server((host, port), backlog=2048)


@contextmanager
def running() -> Iterator[Stub]:
    """A service in a thread, on a free port, and the client that controls it."""
    listener = listen()
    serving = server(listener)
    thread = threading.Thread(target=serving.run, kwargs={"sockets": [listener]}, name="stub", daemon=True)
    thread.start()
    while not serving.started:
        time.sleep(0.01)
    stub = Stub(f"http://127.0.0.1:{listener.getsockname()[1]}")
    try:
        yield stub
    finally:
        stub.close()
        serving.should_exit = True
        thread.join(5)
        listener.close()
