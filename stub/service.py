"""Everything the service consists of, in one place: what both APIs work on."""

from __future__ import annotations

import asyncio
from typing import Any

from stub.faults import Faults
from stub.pushes import Pushes
from stub.store import Room, Store
from stub.switches import Switches


class Service:
    """A whole service in memory. For one event loop; nothing here blocks."""

    def __init__(self) -> None:
        self.switches, self.faults, self.store = Switches(), Faults(), Store()
        self.pushes = Pushes(self.store, self.faults, self.switches)
        self.sends = self.in_flight = self.most_in_flight = 0
        self.polls = self.waiting = 0
        self._news = asyncio.Event()

    def forget(self) -> None:
        """As on the first day, but for ids: none is given twice."""
        self.pushes.clear()
        self.store.clear()
        self.faults.clear()
        self.faults.applied.clear()
        self.faults.doubts.clear()
        for name, value in vars_of(Switches()).items():
            setattr(self.switches, name, value)
        self.sends = self.most_in_flight = self.polls = 0
        self.wake_waiting()

    def happened(self, room: Room) -> None:
        """Tell the hooks, and whoever waits."""
        self.pushes.wake(room)
        self.wake_waiting()

    def wake_waiting(self) -> None:
        """Have everybody who waits for news be answered, as the faults of the moment have it."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def wait_for_news(self, since: int, seconds: float) -> None:
        """Return once there is more than `since`, or something else to tell; after so many seconds anyway."""
        self.polls += 1
        if len(self.store.log) > since or seconds <= 0:
            return
        self.waiting += 1
        try:
            await asyncio.wait_for(self._news.wait(), seconds)
        except TimeoutError:
            pass
        finally:
            self.waiting -= 1

    def counts(self) -> dict[str, Any]:
        return {
            "sends": self.sends,
            "in_flight": self.in_flight,
            "most_in_flight": self.most_in_flight,
            "stored": {name: len(room.items) for name, room in self.store.rooms.items()},
            "pushes_acknowledged": self.pushes.acknowledged,
            "pushes_refused": self.pushes.refused,
            "events_pushed": self.pushes.events,
            "events_waiting": self.pushes.waiting(),
            "polls": self.polls,
            "waiting": self.waiting,
            "faults": dict(self.faults.applied),
            "doubts": dict(self.faults.doubts),
        }


def vars_of(switches: Switches) -> dict[str, Any]:
    """The switches by name."""
    return {name: getattr(switches, name) for name in Switches.__slots__}
