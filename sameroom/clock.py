"""The one place the time is read, so that tests can step it."""

import time
from datetime import datetime

from django.utils import timezone


def now() -> datetime:
    """The wall-clock time, aware, in UTC. It may step; compare it only with stored times."""
    return timezone.now()


def monotonic() -> float:
    """Seconds that never step; for deadlines inside one process."""
    return time.monotonic()
