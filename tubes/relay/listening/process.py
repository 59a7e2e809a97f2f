"""A listener: an event loop with the streams of many accounts, for a process or a thread of one."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import secrets
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import redis
from django.conf import settings

from tubes.relay import attendants, bell, guard
from tubes.relay.listening.keeper import AGAIN, Keeper
from tubes.relay.listening.speakers import Speakers
from tubes.relay.listening.threads import AWAY, Threads

log = logging.getLogger(__name__)


class Listener:
    """Serves in the thread that calls `serve`, until it is asked to stop. Thread safe."""

    def __init__(self) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._keeper: Keeper | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ends = False
        self._speakers = Speakers()

    def serve(self) -> None:
        """Listen until asked to stop; streams are then ended, and what they brought is stored."""
        _allow_connections()
        asyncio.run(self._serve())

    def ask_to_stop(self) -> None:
        """Take on nothing new. Returns at once; may be called before `serve`, and by a signal handler."""
        self._ends = True
        if self._stop:
            self._call(self._stop.set)

    def ring(self) -> None:
        """Look for new rooms and accounts at once."""
        if self._keeper:
            self._call(self._keeper.ring)

    def connected(self) -> int:
        """How many streams stand."""
        return self._keeper.connected() if self._keeper else 0

    def _call(self, what: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has ended
            if self._loop is not None:
                self._loop.call_soon_threadsafe(what)

    async def _serve(self) -> None:
        threads = Threads()
        self._stop, self._loop = asyncio.Event(), asyncio.get_running_loop()
        try:
            if await self._check_in(threads):
                await self._listen(threads)
        finally:
            self._loop = self._keeper = None
            threads.close()

    async def _check_in(self, threads: Threads) -> bool:
        """A copy of a database is found out before the first message moves. False where we end before."""
        while not self._ends:
            try:
                await threads.keep(guard.check_in)
                return True
            except AWAY:
                await asyncio.sleep(AGAIN)
        return False

    async def _listen(self, threads: Threads) -> None:
        assert self._stop
        self._keeper = keeper = Keeper(self.name, threads, self._speakers)
        self._speakers.start()
        self._hear_rings()
        keeping = asyncio.create_task(keeper.keep(), name="keeper")
        stopped = asyncio.create_task(self._stop.wait(), name="stop")
        if self._ends:
            self._stop.set()
        await asyncio.wait({keeping, stopped}, return_when=asyncio.FIRST_COMPLETED)
        self._ends = True
        attendants.streams_are_heard_by(None)
        attendants.sessions_are_spoken_by(None)
        broke = keeping.exception() if keeping.done() else None
        keeping.cancel()
        stopped.cancel()
        await asyncio.wait({keeping, stopped})
        self._speakers.end()
        try:
            await keeper.hand_over()
        except (*AWAY, TimeoutError):
            log.warning("The leases could not be given back; others take over when they end.")
        if broke:
            raise broke

    # ------------------------------------------------------------------ rings

    def _hear_rings(self) -> None:
        if settings.REDIS_URL:
            threading.Thread(target=self._hear, name="Listener rings", daemon=True).start()
        else:
            attendants.streams_are_heard_by(self)
            attendants.sessions_are_spoken_by(self._speakers)

    def _heed(self, lanes: list[int] | None) -> None:
        for seat_id in lanes or ():
            self._speakers.wake(seat_id)
        if lanes == []:
            self.ring()

    def _hear(self) -> None:
        while not self._ends:
            try:
                with bell.rings_for_listeners() as came:
                    self.ring()  # what was rung for while nobody heard it
                    while not self._ends:
                        self._heed(came(1.0))
            except redis.RedisError as error:
                log.warning("Redis does not answer (%s); listeners look by themselves", type(error).__name__)
                time.sleep(AGAIN)


def _allow_connections() -> None:
    """Each stream is an open file: as many as the system lets us have, not as few as a shell begins with."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
