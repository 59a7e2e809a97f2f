"""Signs of life: each worker marks itself while its consumer runs, each sweep marks that beat ticks."""

import os
import socket
from typing import Any, Final

from celery import Celery, bootsteps
from celery.signals import task_success

from monitor import counting
from monitor.store import store
from sameroom import clock

EVERY: Final = 10.0  # seconds between two marks of a worker
ALIVE: Final = 60.0  # seconds after its last mark a worker is taken for dead
SWEEP: Final = "sweep"
SWEEP_TASK: Final = "tubes.tasks.sweep"
_WORKER: Final = "worker:"


class Pulse(bootsteps.StartStopStep):
    """Runs with the consumer, on its timer: a worker that has lost its broker is not seen."""

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._name = f"{_WORKER}{socket.gethostname()}:{os.getpid()}"
        self._timer: Any = None

    def start(self, consumer: Any) -> None:
        """The worker is ready, for the first time or again."""
        store().mark(self._name)
        self._timer = consumer.timer.call_repeatedly(EVERY, store().mark, (self._name,))

    def stop(self, consumer: Any) -> None:
        """The worker ends, or has lost its broker and will start again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        store().unmark(self._name)
        counting.flush()

    shutdown = stop


def watch(app: Celery) -> None:
    """Have this process's worker, if one starts in it, give signs of life."""
    app.steps["consumer"].add(Pulse)
    task_success.connect(_note_sweep, weak=False, dispatch_uid="monitor.pulse")


def _note_sweep(sender: Any, **_: Any) -> None:
    """Proves beat, broker, worker and database at once: the task has come through all of them."""
    if sender.name == SWEEP_TASK:
        store().mark(SWEEP)


def workers() -> int:
    """Workers seen within the last minute. Cache I/O; raises redis.RedisError."""
    since = clock.now().timestamp() - ALIVE
    return sum(name.startswith(_WORKER) and seen >= since for name, seen in store().marks().items())


def seconds_since_sweep() -> float:
    """How long ago the last sweep ended; infinite where none is known. Cache I/O; raises redis.RedisError."""
    seen = store().marks().get(SWEEP)
    return float("inf") if seen is None else max(0.0, clock.now().timestamp() - seen)
