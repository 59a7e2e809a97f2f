"""Threads that work on numbered things as they are rung for, each by one thread at a time.

Threads are made as there is work, up to a number. A thing that waits for a moment ahead has an alarm in
this process's memory, one at the most; if the process goes, the sweep finds the row.
"""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, InterfaceError, connections

from sameroom import clock
from tubes.relay import bell, sql

log = logging.getLogger(__name__)

TICK = 0.25  # seconds; so long parked things may be late
REST = 10.0  # seconds without work after which a thread ends
AFTER_TROUBLE = 1.0  # seconds until a thing is tried again that met trouble with the database

Work = Callable[[int], float | None]


class Crew:
    """The threads of one process for one kind of work. Thread safe.

    `work` is given a number and returns after how many seconds it has something to do again, or None.
    """

    what = "thing"

    def __init__(self, threads: int, work: Work) -> None:
        self._most, self._work_on = threads, work
        self._lock = threading.Condition()
        self._waiting: deque[int] = deque()  # rung for
        self._queued: set[int] = set()
        self._busy: set[int] = set()
        self._again: set[int] = set()  # rung for while busy
        self._alarms: list[tuple[float, int]] = []
        self._alarm_of: dict[int, float] = {}  # the one that counts; others in the list are void
        self._nearer = threading.Event()  # an alarm was set that is before all others
        self._threads = self._idle = 0
        self._ends = False

    # ------------------------------------------------------------ for everybody

    def start(self) -> None:
        """Begin to heed alarms."""
        self._keep(f"{self.what} alarms", self._keep_alarms)

    def end(self) -> None:
        """Take on nothing new. Returns at once."""
        with self._lock:
            self._ends = True
            self._lock.notify_all()

    def stop(self, within: float = 3.0) -> None:
        """Take on nothing new, and wait so long for what is under way."""
        self.end()
        ends = time.monotonic() + within
        while self._busy and time.monotonic() < ends:
            time.sleep(0.02)

    def wake(self, number: int) -> None:
        """Have a thing worked on as soon as a thread is free. Returns at once."""
        with self._lock:
            if number in self._busy:
                self._again.add(number)
            elif number not in self._queued and not self._ends:
                self._queued.add(number)
                self._waiting.append(number)
                self._find_thread()

    def wake_after(self, number: int, seconds: float) -> None:
        """Wake it then; of several moments the first counts. Returns at once."""
        with self._lock:
            self._set_alarm(number, seconds)

    def busy(self) -> int:
        """How many are being worked on."""
        return len(self._busy)

    # ------------------------------------------------------------ for those who know more of the work

    def may_go(self, number: int) -> bool:
        """Whether it may be worked on now; else it waits. Under the lock, just before."""
        return True

    def has_gone(self, number: int) -> None:
        """It was worked on, or failed."""

    # ------------------------------------------------------------ threads

    def _keep(self, name: str, target: Callable[[], None]) -> None:
        threading.Thread(target=target, name=name, daemon=True).start()

    def _find_thread(self) -> None:
        """Wake an idle thread, or make one. Under the lock."""
        if self._idle:
            self._lock.notify()
        elif self._threads < self._most:
            self._threads += 1
            self._keep(f"{self.what} {self._threads}", self._live)

    def _live(self) -> None:
        try:
            while (number := self._next()) is not None:
                self._done(number, self._run(number))
        finally:
            connections.close_all()
            with self._lock:
                self._threads -= 1

    def _next(self) -> int | None:
        """The next thing that may be worked on; None when this thread has nothing to do."""
        with self._lock:
            rests_until = time.monotonic() + REST
            while not self._ends:
                for _ in range(len(self._waiting)):
                    number = self._waiting.popleft()
                    if self.may_go(number):
                        self._queued.discard(number)
                        self._busy.add(number)
                        if self._waiting:  # of many rings at once each wakes or makes the next thread
                            self._find_thread()
                        return number
                    self._waiting.append(number)
                if time.monotonic() > rests_until:
                    return None
                self._idle += 1
                self._lock.wait(TICK if self._waiting else REST)
                self._idle -= 1
            return None

    def _run(self, number: int) -> float | None:
        try:
            return self._work_on(number)
        except (DatabaseError, InterfaceError) as error:
            log.warning("%s %s met trouble with the database: %s", self.what, number, type(error).__name__)
            return AFTER_TROUBLE
        except ObjectDoesNotExist:  # its owner has removed the account
            return None
        except Exception:
            log.exception("%s %s met an unexpected error", self.what, number)
            return AFTER_TROUBLE
        finally:
            self.has_gone(number)
            sql.end_of_work()

    def _done(self, number: int, after: float | None) -> None:
        with self._lock:
            self._busy.discard(number)
            if number in self._again:
                self._again.discard(number)
                after = 0.0
            if after is None or self._ends:
                return
            if after > 0:
                self._set_alarm(number, after)
            elif number not in self._queued:
                self._queued.add(number)
                self._waiting.append(number)  # last in line; this very thread may take it

    # ------------------------------------------------------------ alarms

    def _set_alarm(self, number: int, seconds: float) -> None:
        """Under the lock. What is too far ahead is left to the sweep."""
        at = clock.monotonic() + seconds
        if seconds > bell.FAR or self._alarm_of.get(number, at + 1) <= at:
            return
        self._alarm_of[number] = at
        heapq.heappush(self._alarms, (at, number))
        if self._alarms[0] == (at, number):
            self._nearer.set()

    def _keep_alarms(self) -> None:
        while not self._ends:
            for number in self._due():
                self.wake(number)
            with self._lock:
                ahead = self._alarms[0][0] - clock.monotonic() if self._alarms else TICK
            self._nearer.wait(min(max(ahead, 0.001), TICK))
            self._nearer.clear()
            with self._lock:
                if self._waiting:
                    self._find_thread()

    def _due(self) -> list[int]:
        due: list[int] = []
        with self._lock:
            while self._alarms and self._alarms[0][0] <= clock.monotonic():
                at, number = heapq.heappop(self._alarms)
                if self._alarm_of.get(number) == at:
                    del self._alarm_of[number]
                    due.append(number)
        return due
