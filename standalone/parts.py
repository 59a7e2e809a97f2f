"""A part of the one process: something that serves in a thread of its own until it is asked to stop."""

import logging
import threading
from abc import ABC, abstractmethod
from typing import ClassVar

from django.db import connections

logger = logging.getLogger(__name__)


class Part(threading.Thread, ABC):
    """A thread that serves. Daemonic: a part that does not end in time must not hold the process."""

    label: ClassVar[str]
    # How long this part may take, once asked, to finish what it holds.
    patience: ClassVar[float]

    def __init__(self) -> None:
        super().__init__(name=self.label, daemon=True)

    @abstractmethod
    def serve(self) -> None:
        """Do the work; return only when asked to stop."""

    @abstractmethod
    def ask_to_stop(self) -> None:
        """Take on nothing new. Returns at once; `ended` waits."""

    def ended(self, within: float) -> bool:
        """Wait for the part to finish what it holds: did it, in time?"""
        self.join(within)
        return not self.is_alive()

    def run(self) -> None:
        try:
            self.serve()
        except Exception:
            logger.exception("The %s broke.", self.label)
        finally:
            connections.close_all()
