"""Drains lanes in threads of its own, beside Celery's: most of their time they wait for a service.

Threads are made as lanes are rung for, up to LANE_THREADS. A lane that waits for a moment ahead has an
alarm in this process's memory; if the process goes, the sweep finds the row.
"""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections import deque
from collections.abc import Callable

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections

from sameroom import clock
from sameroom.celery import stopping
from tubes.models import Seat
from tubes.relay import attendants, bell, lanes
from tubes.relay.destinations import Key, destinations

log = logging.getLogger(__name__)

TICK = 0.25  # seconds; so long alarms and parked lanes may be late, and threads rest before they end
REST = 10.0  # seconds without work after which a thread ends
AFTER_TROUBLE = 1.0  # seconds until a lane is tried again that met trouble with the database

Drain = Callable[[int], float | None]


class Runner:
    """The lane threads of one process. Thread safe."""

    def __init__(self, threads: int | None = None, drain: Drain = lanes.drain) -> None:
        self._most = threads or settings.LANE_THREADS
        self._drain = drain
        self._lock = threading.Condition()
        self._waiting: deque[int] = deque()  # lanes rung for
        self._queued: set[int] = set()
        self._busy: set[int] = set()
        self._again: set[int] = set()  # rung for while busy
        self._alarms: list[tuple[float, int]] = []
        self._places: dict[int, Key] = {}  # Seat → its service, as far as seen
        self._threads = self._idle = 0
        self._ends = False
        self._keepers: list[threading.Thread] = []

    # ------------------------------------------------------------ for everybody

    def start(self) -> None:
        """Begin to listen for rings."""
        names: list[tuple[str, Callable[[], None]]] = [("lane alarms", self._keep_alarms)]
        if settings.REDIS_URL:
            names.append(("lane rings", self._listen))
        else:
            attendants.here(self)
        for name, target in names:
            keeper = threading.Thread(target=target, name=name, daemon=True)
            keeper.start()
            self._keepers.append(keeper)

    def stop(self, within: float = 3.0) -> None:
        """Take on nothing new, and wait so long for what is on the wire."""
        attendants.here(None)
        with self._lock:
            self._ends = True
            self._lock.notify_all()
        ends = time.monotonic() + within
        while self._busy and time.monotonic() < ends:
            time.sleep(0.02)

    def wake(self, seat_id: int) -> None:
        """Have a lane drained as soon as a thread is free. Returns at once."""
        with self._lock:
            if seat_id in self._busy:
                self._again.add(seat_id)
            elif seat_id not in self._queued and not self._ends:
                self._queued.add(seat_id)
                self._waiting.append(seat_id)
                self._find_thread()

    def busy(self) -> int:
        """How many lanes are being drained."""
        return len(self._busy)

    # ------------------------------------------------------------ threads

    def _find_thread(self) -> None:
        """Wake an idle thread, or make one. Under the lock."""
        if self._idle:
            self._lock.notify()
        elif self._threads < self._most:
            self._threads += 1
            threading.Thread(target=self._work, name=f"lane {self._threads}", daemon=True).start()

    def _work(self) -> None:
        try:
            while (seat_id := self._next()) is not None:
                after = self._run(seat_id)
                self._done(seat_id, after)
        finally:
            connections.close_all()
            with self._lock:
                self._threads -= 1

    def _next(self) -> int | None:
        """The next lane whose service may be called; None when this thread has nothing to do."""
        with self._lock:
            rests_until = time.monotonic() + REST
            while not self._ends:
                for _ in range(len(self._waiting)):
                    seat_id = self._waiting.popleft()
                    place = self._places.get(seat_id)
                    if place is None or destinations.enter(*place):
                        self._queued.discard(seat_id)
                        self._busy.add(seat_id)
                        if self._waiting:  # of many rings at once each wakes or makes the next thread
                            self._find_thread()
                        return seat_id
                    self._waiting.append(seat_id)  # parked until its service has room
                if time.monotonic() > rests_until:
                    return None
                self._idle += 1
                self._lock.wait(TICK if self._waiting else REST)
                self._idle -= 1
            return None

    def _run(self, seat_id: int) -> float | None:
        try:
            if seat_id not in self._places:
                self._learn_place(seat_id)
                return 0.0  # last in line, now that it is known whose service it calls
            return self._drain(seat_id)
        except (DatabaseError, InterfaceError) as error:
            log.warning("Lane %s met trouble with the database: %s", seat_id, type(error).__name__)
            return AFTER_TROUBLE
        except Seat.DoesNotExist:  # its owner has removed the account
            return None
        except Exception:
            log.exception("Lane %s met an unexpected error", seat_id)
            return AFTER_TROUBLE
        finally:
            if seat_id in self._places:
                destinations.leave(*self._places[seat_id])
            # A pooled connection goes back; one that an error has broken is replaced.
            if settings.DATABASES["default"]["CONN_MAX_AGE"] == 0:
                connections.close_all()
            else:
                for connection in connections.all(initialized_only=True):
                    connection.close_if_unusable_or_obsolete()

    def _learn_place(self, seat_id: int) -> None:
        place = Seat.objects.values_list("account__kind", "account__server").get(pk=seat_id)
        with self._lock:
            self._places[seat_id] = place

    def _done(self, seat_id: int, after: float | None) -> None:
        with self._lock:
            self._busy.discard(seat_id)
            if seat_id in self._again:
                self._again.discard(seat_id)
                after = 0.0
            if after is None or self._ends or after > bell.FAR:
                return
            if after <= 0:
                if seat_id not in self._queued:
                    self._queued.add(seat_id)
                    self._waiting.append(seat_id)  # last in line; this very thread may take it
            else:
                heapq.heappush(self._alarms, (clock.monotonic() + after, seat_id))
                if self._alarms[0][1] == seat_id:
                    self._lock.notify_all()

    # ------------------------------------------------------------ bells

    def _keep_alarms(self) -> None:
        while not self._ends:
            for seat_id in self._due():
                self.wake(seat_id)
            with self._lock:
                ahead = self._alarms[0][0] - clock.monotonic() if self._alarms else TICK
            time.sleep(min(max(ahead, 0.005), TICK))
            with self._lock:
                if self._waiting:
                    self._find_thread()

    def _due(self) -> list[int]:
        due: list[int] = []
        with self._lock:
            while self._alarms and self._alarms[0][0] <= clock.monotonic():
                due.append(heapq.heappop(self._alarms)[1])
        return due

    def _listen(self) -> None:
        """Take rings from the Redis list, while there are threads for them: other workers wait too."""
        while not self._ends and not stopping():
            try:
                if len(self._waiting) > self._most - len(self._busy):
                    time.sleep(0.01)
                    continue
                for seat_id in bell.wait_for_rings(1.0):
                    self.wake(seat_id)
            except redis.RedisError as error:
                log.warning("Redis does not answer (%s); lanes wait for the sweep", type(error).__name__)
                time.sleep(AFTER_TROUBLE)
