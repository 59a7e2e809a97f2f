"""The connections of Socket Mode: two stand, so that one may end at any time. asyncio.

"Using Socket Mode" (docs.slack.dev/apis/events-api/using-socket-mode): an app may have ten connections, and
each event goes to one of them; it is told again where it is not acknowledged. Slack ends each connection
after some hours, and says so before ("disconnect", with `warning` or `refresh_requested`): another one is
opened at once, and the old one is read until it ends.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from connectors import net
from connectors.errors import LoginRejected, RetryLater
from connectors.net.waiting import Connections, WebSocket
from connectors.slack.client import SlackClient
from connectors.slack.shapes import Json, table, text
from sameroom import clock

STANDING: Final = 2  # connections
OPENING: Final = 10.0  # seconds until a connection has to stand, and its greeting to have come
HEARTBEAT: Final = 20.0  # seconds
SENDING: Final = 5.0  # seconds that an acknowledgement may take
LEAVING: Final = 60.0  # seconds that a connection is still read after Slack has said that it ends
STEADY: Final = 30.0  # seconds after which a connection counts as one that worked
FIRST, MOST = 1.0, 60.0  # seconds until one that broke is opened again, and after many times
MOST_BYTES: Final = 4 * 1024 * 1024  # of one envelope
WAITING: Final = 500  # envelopes; what is beyond waits in the connection
OFF: Final = (
    "Socket Mode is switched off for this Slack app. Switch it on at api.slack.com/apps under Socket Mode, "
    "then renew the account."
)
SOCKET_REFUSED: Final = (
    "Slack does not take this app-level token. Make one under Basic Information → App-Level Tokens, with the "
    "scope connections:write."
)
REFRESHED: Final = frozenset({"warning", "refresh_requested"})


@dataclass(frozen=True, slots=True)
class Envelope:
    """What Slack tells: again and again, by whatever connection, until it is acknowledged."""

    told: Json
    _socket: WebSocket = field(repr=False)

    @property
    def kind(self) -> str:
        """`events_api`, `slash_commands` or `interactive`."""
        return text(self.told.get("type"))

    @property
    def payload(self) -> Json:
        """What an HTTP call would have in its body."""
        return table(self.told.get("payload"))

    async def acknowledge(self, answer: str = "") -> None:
        """Have it told no more. Where its connection has ended it will be told again, and is known then.

        `answer` is shown to whoever has typed a slash command.
        """
        said: Json = {"envelope_id": self.told["envelope_id"]}
        if answer and self.told.get("accepts_response_payload") is True:
            said["payload"] = {"text": answer}
        with suppress(net.NetError):
            await self._socket.send(json.dumps(said), deadline=SENDING)


def address_of(client: SlackClient) -> str:
    """Where a connection may be opened once; `client` has an app-level token. Network I/O, blocking.

    LoginRejected, RetryLater.
    """
    try:
        address = client.socket_address()
    except LoginRejected:
        raise LoginRejected(SOCKET_REFUSED) from None
    if not address.startswith(("wss://", "ws://")):
        raise RetryLater("Slack does not say where a connection may be opened.")
    return address


class Sockets:
    """The connections of one app. Made for one use of `open`."""

    def __init__(self, http: Connections, address: Callable[[], Awaitable[str]]) -> None:
        self._http, self._address = http, address
        self._came: asyncio.Queue[Envelope | None] = asyncio.Queue(WAITING)  # None: a hole, perhaps
        self._standing: set[WebSocket] = set()
        self._has_stood = False
        self._had_gap = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def open(self) -> None:
        """Return once one connection stands. LoginRejected, RetryLater."""
        first = await self._connect()
        self._start(self._keep(first))
        for _ in range(STANDING - 1):
            self._start(self._keep(None))

    def take_gap(self) -> bool:
        """Whether a connection broke, or none stood, since this was last asked."""
        had, self._had_gap = self._had_gap, False
        return had

    async def next(self, patience: float) -> list[Envelope]:
        """What came since; waits up to so many seconds for it. RetryLater, LoginRejected once none stands."""
        if self._came.empty():
            coming = asyncio.ensure_future(self._came.get())
            try:
                awaited: set[asyncio.Future[Any]] = {coming, self._over}
                done, _ = await asyncio.wait(awaited, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
                if coming in done:
                    return [*self._kept(coming.result()), *self._rest()]
            finally:
                coming.cancel()
        found = self._rest()
        if not found and self._over.done():
            self._over.result()
        return found

    def _rest(self) -> list[Envelope]:
        found: list[Envelope] = []
        while not self._came.empty():
            found += self._kept(self._came.get_nowait())
        return found

    def _kept(self, one: Envelope | None) -> list[Envelope]:
        self._had_gap |= one is None
        return [one] if one else []

    async def close(self) -> None:
        """End all connections."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await asyncio.gather(*(socket.close() for socket in self._standing), return_exceptions=True)
        if self._over.done():
            self._over.exception()  # looked at

    # ------------------------------------------------------------------ one place

    async def _keep(self, socket: WebSocket | None) -> None:
        """One place: what ends is replaced, before it ends where Slack says so."""
        failures, asked = 0, 0.0  # in a row; seconds that Slack wants us to wait
        while True:
            if socket is None:
                await asyncio.sleep(max(_pause(failures), asked))
                try:
                    socket = await self._connect()
                except RetryLater as error:
                    failures, asked = failures + 1, error.seconds or 0.0
                    if not self._standing:
                        raise
                    continue
                asked = 0.0
            since = clock.monotonic()
            if await self._read(socket):
                self._start(self._leave(socket))
                failures = 0
            else:
                await self._end(socket)
                # What Slack sent down a line that broke it tells again, but only after a minute.
                await self._came.put(None)
                failures = 0 if clock.monotonic() - since > STEADY else failures + 1
                if not self._standing:
                    raise RetryLater("Slack ended the connection.")
            socket = None

    async def _leave(self, socket: WebSocket) -> None:
        """Read what still comes by a connection that is being replaced."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVING):
                while await self._read(socket):
                    pass
        await self._end(socket)

    async def _connect(self) -> WebSocket:
        """Open a connection and wait for its greeting. LoginRejected, RetryLater."""
        address = await self._address()
        try:
            socket = await self._http.websocket(
                address, deadline=OPENING, heartbeat=HEARTBEAT, max_bytes=MOST_BYTES, secrets=[address]
            )
        except net.NetError as error:
            raise RetryLater(f"The connection to Slack could not be opened: {error}.") from None
        try:
            async with asyncio.timeout(OPENING):
                while _read(await socket.receive()).get("type") != "hello":
                    pass
        except (net.NetError, TimeoutError):
            await socket.close()
            raise RetryLater("Slack did not greet the connection that it had offered.") from None
        except BaseException:
            await socket.close()
            raise
        if self._has_stood and not self._standing:
            await self._came.put(None)
        self._standing.add(socket)
        self._has_stood = True
        return socket

    async def _read(self, socket: WebSocket) -> bool:
        """Hand on what comes, until the connection breaks (False), or Slack says that it will end (True)."""
        while True:
            try:
                told = _read(await socket.receive())
            except net.NetError:
                return False
            if told.get("type") == "disconnect":
                if told.get("reason") == "link_disabled":
                    raise LoginRejected(OFF)
                return told.get("reason") in REFRESHED
            if told.get("envelope_id"):
                await self._came.put(Envelope(told, socket))

    async def _end(self, socket: WebSocket) -> None:
        self._standing.discard(socket)
        await socket.close()

    # ------------------------------------------------------------------ tasks

    def _start(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        """One that failed ends all: whoever reads is told why, and begins anew."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) and not self._over.done():
            self._over.set_exception(error)


def _read(message: str) -> Json:
    """A message as an object, empty for anything else."""
    try:
        return table(json.loads(message))
    except (ValueError, RecursionError):
        return {}


def _pause(failures: int) -> float:
    """Seconds until the next try after so many failures in a row."""
    if not failures:
        return 0.0
    return min(MOST, FIRST * 2.0 ** min(failures - 1, 16)) * random.uniform(0.5, 1.0)  # noqa: S311 - spreading
