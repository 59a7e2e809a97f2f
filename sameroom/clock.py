"""The one place the time is read, so that tests can step it.

Where there is a database server, every process goes by its clock: read with each new connection, and
carried on by the monotonic one in between. So the hosts need not agree, and a clock that is set does
not end anybody's lease. On SQLite there is one host, and its clock counts.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from django.utils import timezone

_set: tuple[datetime, float] | None = None  # a moment of the database's clock, and of monotonic()


def now() -> datetime:
    """The time, aware, in UTC. Compare it only with stored times."""
    if _set is None:
        return host_now()
    moment, then = _set
    return moment + timedelta(seconds=time.monotonic() - then)


def host_now() -> datetime:
    """What this host's clock says. It may be wrong, and may be set at any moment."""
    return timezone.now()


def monotonic() -> float:
    """Seconds that never step; for deadlines inside one process."""
    return time.monotonic()


def set_by(moment: datetime) -> None:
    """Go by a database server's clock, which has just said this. No I/O."""
    global _set
    _set = (moment.astimezone(UTC), time.monotonic())
