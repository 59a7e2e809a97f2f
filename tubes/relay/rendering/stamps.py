"""Times as they are said in a room: in UTC, with the date where it is another day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

LATE: Final = timedelta(minutes=5)
# Not by strftime: what a room is told must not depend on the locale of a process.
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def moment(at: datetime, now: datetime) -> str:
    """`14:03 UTC`, or `21 Nov 14:03 UTC` where that was not today."""
    at, now = at.astimezone(UTC), now.astimezone(UTC)
    date = "" if at.date() == now.date() else f"{at.day} {_MONTHS[at.month - 1]} "
    return f"{date}{at:%H:%M} UTC"


def late_stamp(said_at: datetime, posted_at: datetime) -> str:
    """When it was said, where the post's own time would mislead about that; else ""."""
    return moment(said_at, posted_at) if posted_at - said_at > LATE else ""
