"""A question asked in a thread of its own, so that whoever asks can stop waiting for the answer."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Final, Generic, TypeVar

from django.db import connections

from sameroom import clock

Answer = TypeVar("Answer")
ABANDONED: Final = 30.0  # seconds after which a question without an answer is asked anew beside it


class Probe(Generic[Answer]):
    """One question, asked once at a time however many want to know; its answer serves all for a while.

    A database, broker or cache that hangs cannot be told to stop: the thread stays behind, one per
    ABANDONED seconds, until the system ends its connection.
    """

    def __init__(self, name: str, ask: Callable[[], Answer], *, fresh: float) -> None:
        self.name = name
        self._ask = ask
        self._fresh = fresh  # seconds for which an answer is as good as a new one
        self._lock = threading.Lock()
        self._began = self._ended = 0.0
        self._future: Future[Answer] | None = None

    def start(self) -> "Future[Answer]":
        """Ask, unless there is a fresh answer or somebody waits for one already. Returns at once."""
        with self._lock:
            if self._future is None or self._is_old(self._future):
                self._began, self._future = clock.monotonic(), Future()
                run = threading.Thread(target=self._run, args=(self._future,), name=self.name, daemon=True)
                run.start()
            return self._future

    def _is_old(self, future: "Future[Answer]") -> bool:
        if future.done():
            return clock.monotonic() - self._ended >= self._fresh
        return clock.monotonic() - self._began >= ABANDONED

    def _run(self, future: "Future[Answer]") -> None:
        try:
            finish = partial(future.set_result, self._ask())
        except Exception as error:  # noqa: BLE001 - for whoever waits for the answer
            finish = partial(future.set_exception, error)
        connections.close_all()  # this thread's own
        self._ended = clock.monotonic()
        finish()
