"""The desk where pushes are taken in: what comes while one commit runs shares the next.

Nobody waits for company: an event that comes alone is committed alone. But under load one commit serves
many rooms, and the commits are what intake takes its time for (docs/performance.md).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from tubes.relay.intake import Arrival, accept

log = logging.getLogger(__name__)


class NotCommitted(Exception):
    """The thread that was to commit this was ended in the middle: whoever brought it may bring it again."""


MOST = 100  # arrivals of one commit

Accept = Callable[[Sequence[Arrival]], list[int]]


@dataclass(slots=True, eq=False)
class Ticket:
    """One arrival and what became of it."""

    arrival: Arrival
    is_done: bool = False
    error: BaseException | None = field(default=None, repr=False)


class Desk:
    """Takes arrivals of many threads and commits them together, in the order they came. Thread safe."""

    def __init__(self, accept: Accept = accept) -> None:
        self._accept = accept
        self._changed = threading.Condition()
        self._pending: list[Ticket] = []
        self._is_busy = False

    def take(self, arrival: Arrival) -> None:
        """Return once the arrival is committed. Database I/O. Raises what its intake raised."""
        ticket = Ticket(arrival)
        with self._changed:
            self._pending.append(ticket)
        while not ticket.is_done:
            batch = self._my_turn(ticket)
            if batch:
                self._commit(batch)
        if ticket.error is not None:
            raise ticket.error

    def _my_turn(self, ticket: Ticket) -> list[Ticket]:
        """What this thread is to commit; nothing where another has done so for it."""
        with self._changed:
            while self._is_busy and not ticket.is_done:
                self._changed.wait()
            if ticket.is_done:
                return []
            self._is_busy = True
            batch, self._pending = self._pending[:MOST], self._pending[MOST:]
            return batch

    def _commit(self, batch: list[Ticket]) -> None:
        for ticket in batch:
            ticket.error = NotCommitted()
        try:
            self._accept(_by_room(batch))
            for ticket in batch:
                ticket.error = None
        except Exception as error:  # noqa: BLE001 - told to whoever waits for it
            if len(batch) == 1:
                batch[0].error = error
            else:
                log.warning("A shared intake failed (%s); each is tried alone", type(error).__name__)
                self._one_by_one(batch)
        finally:
            with self._changed:
                for ticket in batch:
                    ticket.is_done = True
                self._is_busy = False
                self._changed.notify_all()

    def _one_by_one(self, batch: list[Ticket]) -> None:
        """What fails in company fails alone, or not at all."""
        for ticket in batch:
            try:
                self._accept([ticket.arrival])
                ticket.error = None
            except Exception as error:  # noqa: BLE001 - told to whoever waits for it
                ticket.error = error


def _by_room(batch: Sequence[Ticket]) -> list[Arrival]:
    """One arrival per room, its events in the order they came."""
    rooms: dict[int, Arrival] = {}
    for ticket in batch:
        arrival, before = ticket.arrival, rooms.get(ticket.arrival.room_id)
        rooms[arrival.room_id] = (
            replace(before, events=[*before.events, *arrival.events]) if before else arrival
        )
    return list(rooms.values())


desk = Desk()
