"""What a Celery worker does beside its tasks: polls and drains lanes, in threads of their own."""

from __future__ import annotations

from typing import Any

from celery import bootsteps

from tubes.relay import guard
from tubes.relay.crew import Crew
from tubes.relay.pollers import Pollers
from tubes.relay.runner import Runner


class LaneStep(bootsteps.StartStopStep):
    """Starts and stops the threads of the relay with the worker."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self.crews: list[Crew] = []

    def start(self, parent: Any) -> None:
        """A copy of a database is found out before the first message moves."""
        guard.check_in()
        self.crews = [Pollers(), Runner()]
        for crew in self.crews:
            crew.start()

    def stop(self, parent: Any) -> None:
        """Let what is on the wire arrive; the rest waits in its rows."""
        for crew in self.crews:
            crew.stop()

    terminate = stop
