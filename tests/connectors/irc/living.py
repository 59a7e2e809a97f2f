"""A connector whose stream runs, as a listener keeps it, beside the test that posts by it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing, contextmanager, suppress
from typing import Any

from connectors.base import Batch, IncomingEvent, Login, MessageId, OutgoingMessage, RoomId, UserId
from connectors.errors import ConnectorError, RetryLater
from connectors.irc.connector import IrcConnector
from connectors.markup import plain
from tests.waiting import PATIENCE, until

FAST = {"lines_per_second": "1000"}


def login(url: str, nick: str = "relay", scopes: Sequence[str] = (), **credentials: str) -> Login:
    """A login of this nick."""
    none = dict.fromkeys(
        ("password", "account", "server_password", "certificate", "ca_certificate", "realname"), ""
    )
    return Login(url, {**none, "nick": nick, **credentials}, UserId(nick), scopes=scopes)


class Living:
    """A running stream, and what it has brought."""

    def __init__(self, connector: IrcConnector, rooms: Sequence[str], token: str) -> None:
        self.connector, self.token = connector, token
        self.rooms = frozenset(map(RoomId, rooms))
        self.events: list[tuple[RoomId, IncomingEvent]] = []
        self.presence: list[tuple[RoomId, IncomingEvent]] = []  # who came and went, kept apart
        self.lost: dict[RoomId, str] = {}
        self.put_out: set[RoomId] = set()
        self.moved: dict[RoomId, RoomId] = {}
        self.told: list[list[str]] = []  # of each batch: the rooms of its events, and whether any has moved
        self.error: BaseException | None = None
        self.batches = 0
        self.tokens: list[str] = []  # of each batch
        self.holds = threading.Event()  # while it is clear nothing is stored
        self.holds.set()
        self._storing = threading.Lock()  # of a batch nobody sees a part
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ends = asyncio.Event()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ends.set)
        self._thread.join(PATIENCE)

    @property
    def texts(self) -> list[str]:
        return [plain.render(event.body) for _, event in list(self.events) if event.body]

    @property
    def ids(self) -> list[MessageId]:
        return [event.id for _, event in list(self.events)]

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def wait(self, found: Callable[[], Any], within: float = PATIENCE) -> Any:
        value = until(found, within=within, told=lambda: f"{self.texts[-5:]} {self.lost} {self.error!r}")
        with self._storing:
            return value

    def send(self, room: str, text: str, **more: Any) -> MessageId:
        return self.connector.send(RoomId(room), OutgoingMessage(text, **more))

    def insist(self, room: str, text: str, **more: Any) -> MessageId:
        """As a lane does: again where it is surely not sent."""
        for _ in range(200):
            try:
                return self.send(room, text, **more)
            except RetryLater as error:
                time.sleep(error.seconds or 0.1)
        raise AssertionError("It was never sent.")

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._listen())
        finally:
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    async def _listen(self) -> None:
        async with AsyncExitStack() as stack:
            stream = await stack.enter_async_context(
                aclosing(self.connector.stream(self.token, lambda: self.rooms))
            )
            ends = asyncio.ensure_future(self._ends.wait())
            while True:
                coming: asyncio.Future[Any] = asyncio.ensure_future(anext(stream))
                await asyncio.wait({coming, ends}, return_when=asyncio.FIRST_COMPLETED)
                if not coming.done():
                    coming.cancel()
                    await asyncio.wait({coming})
                    return
                try:
                    batch = coming.result()
                except ConnectorError as error:
                    self.error = error
                    ends.cancel()
                    return
                await self._loop.run_in_executor(None, self.holds.wait)
                with self._storing:
                    self._store(batch)

    def _store(self, batch: Batch) -> None:
        self.events += [one for one in batch.events if not one[1].is_presence]
        self.presence += [one for one in batch.events if one[1].is_presence]
        self.lost |= batch.lost
        self.put_out |= set(batch.put_out)
        self.moved |= batch.moved
        self.told.append([*(room for room, _ in batch.events), *(["moved"] if batch.moved else [])])
        self.token = batch.token
        self.tokens.append(batch.token)
        self.batches += 1


@contextmanager
def living(
    url: str,
    *rooms: str,
    nick: str = "relay",
    scopes: Sequence[str] = (),
    token: str = "",
    **credentials: str,
) -> Iterator[Living]:
    """The stream, once it stands; `scopes`: what its server had granted when it was linked."""
    made = IrcConnector(login(url, nick, scopes, **credentials))
    one = Living(made, rooms, token)
    one.start()
    try:
        one.wait(lambda: one.batches or one.is_over)
        yield one
    finally:
        one.holds.set()
        one.stop()
