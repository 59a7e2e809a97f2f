"""What a Celery worker does beside its tasks: polls and drains lanes, in threads of their own."""

from __future__ import annotations

import logging
import time
from typing import Any

from celery import bootsteps
from django.db import InterfaceError, OperationalError, connection

from sameroom.celery import stopping
from tubes.relay import guard
from tubes.relay.crew import Crew
from tubes.relay.pollers import Pollers
from tubes.relay.runner import Runner

log = logging.getLogger(__name__)

AGAIN = 1.0  # seconds between two tries to reach the database


class LaneStep(bootsteps.StartStopStep):
    """Starts and stops the threads of the relay with the worker."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self.crews: list[Crew] = []

    def start(self, parent: Any) -> None:
        """A copy of a database is found out before the first message moves."""
        if not _checked_in():
            return
        self.crews = [Pollers(), Runner()]
        for crew in self.crews:
            crew.start()

    def stop(self, parent: Any) -> None:
        """Let what is on the wire arrive; the rest waits in its rows."""
        for crew in self.crews:
            crew.stop()

    terminate = stop


def _checked_in() -> bool:
    """Check in, once the database answers: both may have been started together. False where we end before."""
    while not stopping():
        try:
            guard.check_in()
            return True
        except (OperationalError, InterfaceError) as error:
            log.error("The database does not answer; trying again. %s", str(error).strip())
            connection.close()
            time.sleep(AGAIN)
    return False
