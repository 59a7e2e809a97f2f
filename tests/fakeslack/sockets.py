"""Events by WebSocket: Socket Mode.

docs.slack.dev, "Using Socket Mode" and its implementation: a ticket by `apps.connections.open`, `hello`,
envelopes that want an acknowledgement within three seconds, up to ten connections of which any one gets an
envelope, `disconnect` before a connection is renewed. Repetitions (`retry_attempt`, `retry_reason: timeout`)
come at the Events API's times, and so does what happens while nobody is connected.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web

from tests.fakeslack.wires import reset
from tests.fakeslack.world import App, Json

if TYPE_CHECKING:
    from tests.fakeslack.slack import Slack

MOST_CONNECTIONS = 10  # of one app
TICKET_LIFE = 30.0  # seconds; the documentation says only that an address is temporary
CONNECTION_LIFE = 3600  # seconds, told as `approximate_connection_time`
HOST = "applink-fake"


@dataclass(eq=False)
class Connection:
    """One WebSocket of an app."""

    app: App
    request: web.Request
    socket: web.WebSocketResponse
    waiting: set[str] = field(default_factory=set)  # envelopes that were sent on it and not acknowledged


class Sockets:
    """The WebSockets of all apps. For the event loop."""

    def __init__(self, slack: Slack) -> None:
        self._slack = slack
        self.connections: list[Connection] = []
        self.sent: list[Json] = []  # every envelope, repetitions too
        self.acknowledged: dict[str, Json | None] = {}  # envelope ids, each with the answer it carried
        self.lost: list[Json] = []  # payloads that were given up
        self._tickets: dict[str, tuple[App, float]] = {}
        self._turn = 0
        self._news = asyncio.Event()

    def address(self, app: App) -> str:
        """Where the app may connect once, soon."""
        ticket = secrets.token_hex(16)
        self._tickets[ticket] = (app, self._slack.world.now() + TICKET_LIFE)
        base = self._slack.url.replace("http", "ws", 1)
        return f"{base}/link/?ticket={ticket}&app_id={app.id}"

    def of(self, app: App) -> list[Connection]:
        return [one for one in self.connections if one.app is app and not one.socket.closed]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """A WebSocket, from `hello` to its end."""
        app, until = self._tickets.pop(request.query.get("ticket", ""), (None, 0.0))
        if app is None or until < self._slack.world.now():
            return web.Response(status=404, text="invalid ticket")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if len(self.of(app)) >= MOST_CONNECTIONS:
            await self._say(socket, _disconnect("too_many_websockets"))
            await socket.close()
            return socket
        connection = Connection(app, request, socket)
        self.connections.append(connection)
        try:
            await self._say(socket, self._hello(app))
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._take(connection, message.data)
        finally:
            self.connections.remove(connection)
            self._wake()  # what waits on it goes elsewhere
        return socket

    def _hello(self, app: App) -> Json:
        debug = {"host": HOST, "build_number": 1, "approximate_connection_time": CONNECTION_LIFE}
        connections = len(self.of(app))
        told: Json = {"type": "hello", "num_connections": connections, "debug_info": debug}
        return told | {"connection_info": {"app_id": app.id}}

    def _take(self, connection: Connection, text: str) -> None:
        """An acknowledgement; what is none is of no interest."""
        try:
            told = json.loads(text)
        except ValueError:
            return
        envelope_id = told.get("envelope_id") if isinstance(told, dict) else None
        if envelope_id in connection.waiting:
            connection.waiting.discard(envelope_id)
            self.acknowledged[envelope_id] = told.get("payload")
            self._wake()

    async def bring(
        self, app: App, payload: Json, kind: str = "events_api", answers: bool = False
    ) -> Json | None:
        """Send until it is acknowledged, or the retries are used up; the answer that came with it."""
        envelope: Json = {"envelope_id": "", "payload": payload, "type": kind}
        envelope["accepts_response_payload"] = answers
        retries = self._slack.deliveries.retries
        for number in range(len(retries) + 1):
            if number:
                await asyncio.sleep(retries[number - 1])
                if envelope["envelope_id"] in self.acknowledged:
                    break  # late, but before it was sent again
            envelope["envelope_id"] = str(uuid.uuid4())  # another one each time: only `event_id` stays
            if kind == "events_api":
                envelope |= {"retry_attempt": number, "retry_reason": "timeout" if number else ""}
            if await self._send(app, envelope) or kind != "events_api":
                break  # taken; or somebody waits for it, and it is not repeated
        if envelope["envelope_id"] in self.acknowledged:
            return self.acknowledged[envelope["envelope_id"]]
        self.lost.append(payload)
        return None

    async def _send(self, app: App, envelope: Json) -> bool:
        """Send once, on the next connection in turn; whether it was acknowledged in time."""
        connections = self.of(app)
        if not connections:
            return False
        self._turn += 1
        connection = connections[self._turn % len(connections)]
        connection.waiting.add(envelope["envelope_id"])
        self.sent.append(dict(envelope))
        await self._say(connection.socket, envelope)
        try:
            async with asyncio.timeout(self._slack.deliveries.within):
                while envelope["envelope_id"] not in self.acknowledged:
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

    async def disconnect(self, app: App, reason: str, pause: float = 0.0) -> None:
        """Ask every connection to be renewed, and end it `pause` seconds later.

        `warning` comes ten seconds before the end, `refresh_requested` and `link_disabled` at the end.
        """
        connections = self.of(app)
        for connection in connections:
            await self._say(connection.socket, _disconnect(reason))
        if reason == "warning":
            return
        await asyncio.sleep(pause)
        for connection in connections:
            await connection.socket.close()

    async def cut(self, app: App, most: int | None = None) -> None:
        """End its connections, or so many of them, without a word."""
        for connection in self.of(app)[:most]:
            reset(connection.request)

    async def close(self) -> None:
        for connection in list(self.connections):
            await connection.socket.close()

    @staticmethod
    async def _say(socket: web.WebSocketResponse, told: Json) -> None:
        try:
            await socket.send_str(json.dumps(told))
        except (OSError, RuntimeError):
            return  # gone meanwhile: it counts as not acknowledged

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


def _disconnect(reason: str) -> Json:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": HOST}}
