"""Everything the service consists of, in one place: what both APIs work on."""

from __future__ import annotations

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

    def forget(self) -> None:
        """As on the first day, but for ids: none is given twice."""
        self.pushes.clear()
        self.store.clear()
        self.faults.clear()
        self.faults.applied.clear()
        self.faults.doubts.clear()
        for name, value in vars_of(Switches()).items():
            setattr(self.switches, name, value)
        self.sends = self.most_in_flight = 0

    def happened(self, room: Room) -> None:
        """Tell the hooks."""
        self.pushes.wake(room)

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
            "faults": dict(self.faults.applied),
            "doubts": dict(self.faults.doubts),
        }


def vars_of(switches: Switches) -> dict[str, Any]:
    """The switches by name."""
    return {name: getattr(switches, name) for name in Switches.__slots__}
