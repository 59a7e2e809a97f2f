"""What a Celery worker does beside its tasks: drains lanes, in threads of their own."""

from __future__ import annotations

from typing import Any

from celery import bootsteps

from tubes.relay import guard
from tubes.relay.runner import Runner


class LaneStep(bootsteps.StartStopStep):
    """Starts and stops the lane threads with the worker."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self.runner: Runner | None = None

    def start(self, parent: Any) -> None:
        """A copy of a database is found out before the first lane moves."""
        guard.check_in()
        self.runner = Runner()
        self.runner.start()

    def stop(self, parent: Any) -> None:
        """Let what is on the wire arrive; the rest waits in its rows."""
        if self.runner is not None:
            self.runner.stop()

    terminate = stop
