"""Celery inside the one process: the worker, whose pool is threads, and beat."""

import os
import threading
from typing import ClassVar

from celery.beat import Service
from celery.worker import WorkController, state
from django.conf import settings

from sameroom.celery import app
from standalone.broker import bell
from standalone.parts import Part


class Worker(Part):
    """Runs tasks in threads.

    A WorkController and not the `celery worker` program: that one installs signal handlers,
    which only a main thread may do, and the signals of this process are the run command's.
    """

    label: ClassVar[str] = "worker"
    patience: ClassVar[float] = 2.5

    def __init__(self) -> None:
        super().__init__()
        self.ready = threading.Event()

    def serve(self) -> None:
        os.environ.setdefault("CELERY_SKIP_CHECKS", "1")  # the run command has made them
        app.set_current()
        state.should_stop = None  # an earlier worker of this process may have been stopped
        WorkController(
            app=app,
            hostname="worker@one-process",
            pool="threads",
            concurrency=settings.WORKER_THREADS,
            # Talk between workers; here is one.
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            ready_callback=lambda _consumer: self.ready.set(),
        ).start()

    def ask_to_stop(self) -> None:
        state.should_stop = os.EX_OK  # type: ignore[assignment]
        bell.ring()  # the consumer looks at the flag when it wakes

    @staticmethod
    def unfinished() -> int:
        """How many tasks are still running."""
        return len(state.active_requests)


class Beat(Part):
    """Queues the periodic tasks. Holds nothing, so nobody has to wait for its end."""

    label: ClassVar[str] = "beat"
    patience: ClassVar[float] = 0.0

    def __init__(self) -> None:
        super().__init__()
        self._service = Service(app, scheduler_cls=app.conf.beat_scheduler)

    def serve(self) -> None:
        app.set_current()
        self._service.start()

    def ask_to_stop(self) -> None:
        self._service.stop()
