"""Keeps the streams of a listener: starts those it has claimed, ends those it has lost or gives back."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial

from accounts.models import LinkedAccount
from connectors.base import RoomId
from tubes.relay.listening.hearing import Hearing
from tubes.relay.listening.ledger import Findings, Ledger
from tubes.relay.listening.pacing import Turns
from tubes.relay.listening.speakers import Speakers
from tubes.relay.listening.threads import AWAY, Threads

LOOK = 2.5  # seconds between two looks that nobody rings for
AGAIN = 1.0  # seconds until the next one while the database is away
DRAIN = 6.0  # seconds that batches under way have to be stored
LEAVE = 2.0  # seconds in which leases are given back, or end by themselves


class Keeper:
    """All streams of one process. asyncio."""

    def __init__(self, name: str, threads: Threads, speakers: Speakers) -> None:
        self._threads, self._ledger, self._turns = threads, Ledger(name), Turns()
        self._speakers = speakers
        self._hearings: dict[int, Hearing] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Look at once."""
        self._rung.set()

    def connected(self) -> int:
        """How many streams stand."""
        return sum(hearing.is_connected for hearing in self._hearings.values())

    async def keep(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            self._rung.clear()
            try:
                found = await self._threads.keep(self._ledger.look, self._held())
            except AWAY:
                await asyncio.sleep(AGAIN)
                continue
            self._act(found)
            with suppress(*AWAY):  # the next look finds it too
                await self._threads.store(self._speakers.look)
            if not found.more:
                await self._wait()

    async def hand_over(self) -> None:
        """End all streams, wait for what is being stored, and give the leases back."""
        held = self._held()
        for hearing in self._hearings.values():
            hearing.end()
        running = {*self._tasks.values(), *self._leaving}
        if running:
            _, late = await asyncio.wait(running, timeout=DRAIN)
            for task in late:
                task.cancel()
        async with asyncio.timeout(LEAVE):
            await self._threads.keep(self._ledger.leave, held)

    def _held(self) -> dict[int, int]:
        return {pk: hearing.fence for pk, hearing in self._hearings.items()}

    async def _wait(self) -> None:
        # Not wait_for: in Python 3.11 it forgets a cancellation that comes together with a ring.
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK):
                await self._rung.wait()

    def _act(self, found: Findings) -> None:
        for pk in found.over & self._hearings.keys():
            self._hearings[pk].end()
        for pk, rooms in found.rooms.items():
            if pk in self._hearings:
                self._hearings[pk].look_at(rooms, is_marked=pk in found.marked, account=found.renewed.get(pk))
        for pk, (account, fence) in found.claimed.items():
            if pk not in self._hearings:
                self._start(account, fence, found.rooms.get(pk, frozenset()), is_marked=pk in found.marked)

    def _start(
        self, account: LinkedAccount, fence: int, rooms: frozenset[RoomId], *, is_marked: bool
    ) -> None:
        hearing = Hearing(
            account,
            fence,
            rooms,
            threads=self._threads,
            turns=self._turns,
            has_stood_up=self._speakers.look,
        )
        hearing.look_at(rooms, is_marked=is_marked)
        self._hearings[account.pk] = hearing
        task = asyncio.create_task(hearing.live(), name=f"account {account.code}")
        self._tasks[account.pk] = task
        task.add_done_callback(partial(self._has_ended, account.pk))

    def _has_ended(self, pk: int, task: asyncio.Task[None]) -> None:
        hearing = self._hearings.pop(pk)
        self._tasks.pop(pk)
        leaving = asyncio.get_running_loop().create_task(self._give_back(pk, hearing.fence))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    async def _give_back(self, pk: int, fence: int) -> None:
        with suppress(*AWAY):  # then it ends by itself
            await self._threads.keep(self._ledger.give_back, {pk: fence})
        self.ring()
