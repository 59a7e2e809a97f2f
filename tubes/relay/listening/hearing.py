"""One account's stream: connects, has its batches stored one by one, and connects again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from contextlib import suppress
from typing import Any, TypeVar

from accounts.models import LinkedAccount
from connectors.base import Batch, Connector, Reading, RoomId
from connectors.errors import LoginRejected, RetryLater
from monitor import counting
from sameroom import clock
from tubes.relay import sessions
from tubes.relay.listening import pacing, taking, troubles, unheard
from tubes.relay.listening.pacing import Turns
from tubes.relay.listening.taking import Lost
from tubes.relay.listening.threads import AWAY, Threads
from tubes.relay.pushing import NotNow

log = logging.getLogger(__name__)

AGAIN = 1.0  # seconds until a batch is tried again while the database is away
READ_AGAIN = 10.0  # seconds until a marked room is read again that could not be
STEADY = 60.0  # seconds after which a stream counts as one that works; the first batch says little yet
FAREWELL = 3.0  # seconds that closing a stream may take, and before it what is posted by its connection
GLANCE = 0.05  # seconds between two looks at that

Result = TypeVar("Result")


class Ended(Exception):
    """The stream was told to end."""


class Hearing:
    """One account's stream, for as long as `live` runs. asyncio; every method but that returns at once."""

    def __init__(
        self,
        account: LinkedAccount,
        fence: int,
        rooms: Collection[RoomId],
        *,
        threads: Threads,
        turns: Turns,
        has_stood_up: Callable[[Collection[int]], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self.account, self.fence, self.rooms = account, fence, rooms
        self.is_connected = False
        self._threads, self._turns = threads, turns
        self._has_stood_up = has_stood_up  # told of the account when posts may leave by its connection
        self._connector: Connector | None = None  # the latest one
        self._told_to_end: asyncio.Future[None] = loop.create_future()
        self._nudged: asyncio.Future[None] = loop.create_future()
        self._read_at = 0.0  # before this moment marked rooms are not read again

    # ------------------------------------------------------------------ for the keeper

    def end(self) -> None:
        """Have `live` return once what is being stored is stored."""
        if not self._told_to_end.done():
            self._told_to_end.set_result(None)

    def look_at(
        self, rooms: Collection[RoomId], *, is_marked: bool, account: LinkedAccount | None = None
    ) -> None:
        """These rooms matter from now on; some of them may have to be read once, where `is_marked`.

        Then `account` is the row as it is now: it may hold what lets us into them.
        """
        if account:
            with suppress(LoginRejected):  # a secret that no key opens: the stream goes on as it began
                self._take_login(account.connector())
        self.rooms = rooms
        if is_marked and not self._nudged.done() and clock.monotonic() >= self._read_at:
            self._nudged.set_result(None)

    def _take_login(self, connector: Connector) -> None:
        """The account's login as it is now: perhaps one that cannot stream any more."""
        if connector.capabilities.reading is not Reading.STREAM:
            self.end()
        elif self._connector:
            self._connector.login = connector.login

    async def live(self) -> None:
        """Listen until told to end, or until the account is not ours any more. Does not raise."""
        try:
            failures, before = 0, None
            while True:
                await self._rest(self._turns.take((self.account.kind, self.account.server)))
                began, error = clock.monotonic(), await self._listen()
                worked = clock.monotonic() - began > STEADY
                self.is_connected, failures = False, 1 if worked else failures + 1
                troubles.count(self.account, error)
                troubles.tell(self.account, error, None if worked else before)
                before = error
                await self._reload(error, failures)
                asked = error.seconds if isinstance(error, RetryLater) else None
                await self._rest(pacing.pause(failures, asked))
        except (Ended, Lost):
            pass
        except Exception:
            log.exception("Listening to account %s ended by an error of ours", self.account.code)
        finally:
            self.is_connected = False

    # ------------------------------------------------------------------ one connection

    async def _listen(self) -> Exception:
        """Keep one stream for as long as it lasts; why it ended. Raises Ended, Lost."""
        stream: AsyncGenerator[Batch, None] | None = None
        connector: Connector | None = None
        try:
            connector = self._connector = self.account.connector()
            if connector.capabilities.reading is not Reading.STREAM:  # it was renewed, and is polled now
                raise Lost
            stream = connector.stream(self.account.stream_token, lambda: self.rooms)
            while True:
                await self._store(connector, await self._next(connector, stream))
        except (Ended, Lost):
            raise
        except StopAsyncIteration:
            return RetryLater(f"{self.account.label} ended the connection.")
        except Exception as error:  # noqa: BLE001 - told by `troubles`; whatever it is, this is tried again
            return error
        finally:
            if connector is not None:
                await self._fall_silent(connector)
            if stream is not None:
                with suppress(Exception):
                    async with asyncio.timeout(FAREWELL):
                        await stream.aclose()

    async def _next(self, connector: Connector, stream: AsyncGenerator[Batch, None]) -> Batch:
        """The next batch; marked rooms are read meanwhile, and before it is stored."""
        coming: asyncio.Future[Batch] = asyncio.ensure_future(anext(stream))
        try:
            while True:
                awaited: set[asyncio.Future[Any]] = {coming, self._nudged, self._told_to_end}
                await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
                self._check()
                if self._nudged.done():
                    self._nudged = asyncio.get_running_loop().create_future()
                    await self._catch_up(connector)
                if coming.done():
                    return coming.result()
        finally:
            if not coming.done():
                coming.cancel()
                await asyncio.wait({coming}, timeout=FAREWELL)
            elif not coming.cancelled():
                coming.exception()  # looked at, also where we end before

    async def _catch_up(self, connector: Connector) -> None:
        is_done = await self._patiently(
            lambda: self._threads.fetch(unheard.catch_up, self.account, self.fence, connector)
        )
        self._read_at = 0.0 if is_done else clock.monotonic() + READ_AGAIN

    async def _store(self, connector: Connector, batch: Batch) -> None:
        came, has_ids = clock.monotonic(), connector.capabilities.message_ids
        await self._patiently(
            lambda: self._threads.store(taking.take_batch, self.account, self.fence, batch, has_ids=has_ids)
        )
        if connector.capabilities.sends_by_session and sessions.of(self.account.pk) is not connector:
            sessions.stand(self.account.pk, connector)
            with suppress(*AWAY):  # then the keeper finds what waits
                await self._threads.store(self._has_stood_up, [self.account.pk])
        self.is_connected = True
        counting.stream_batch(self.account.kind, clock.monotonic() - came)

    async def _fall_silent(self, connector: Connector) -> None:
        """Have no posts leave by this connection any more; those on their way may arrive."""
        sessions.fall(self.account.pk, connector)
        ends = clock.monotonic() + FAREWELL
        while sessions.is_in_use(self.account.pk) and clock.monotonic() < ends:
            await asyncio.sleep(GLANCE)

    async def _reload(self, error: Exception, failures: int) -> None:
        """Its credentials may have been renewed, and whatever went wrong is noted. Raises Lost."""
        account = await self._patiently(
            lambda: self._threads.store(troubles.note, self.account, self.fence, error, failures)
        )
        if account is None:
            raise Lost
        self.account = account

    # ------------------------------------------------------------------ patience

    async def _patiently(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """What the database says to it, once it answers and the relay may run. Raises Ended."""
        while True:
            try:
                return await work()
            except (*AWAY, NotNow):
                await self._rest(AGAIN)

    async def _rest(self, seconds: float) -> None:
        """Wait so long. Raises Ended as soon as we are told to end."""
        if seconds > 0:
            await asyncio.wait({self._told_to_end}, timeout=seconds)
        self._check()

    def _check(self) -> None:
        if self._told_to_end.done():
            raise Ended
