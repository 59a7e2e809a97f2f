"""The sandbox's time: the machine's, plus what a test advanced it by."""

import time
from datetime import UTC, datetime, tzinfo

MICRO = 1_000_000


class Clock:
    def __init__(self) -> None:
        self.offset = 0.0

    def now(self) -> float:
        return time.time() + self.offset

    def micros(self) -> int:
        return int(self.now() * MICRO)

    def advance(self, seconds: float) -> None:
        self.offset += seconds


def iso(stamp: int, zone: tzinfo = UTC) -> str:
    """HipChat API v2, history items: ISO 8601 with microseconds and a numeric offset."""
    seconds, micros = divmod(stamp, MICRO)
    return (
        datetime.fromtimestamp(seconds, zone).replace(microsecond=micros).isoformat(timespec="microseconds")
    )


def iso_seconds(stamp: int) -> str:
    """HipChat API v2, rooms and users: the same in whole seconds."""
    return datetime.fromtimestamp(stamp // MICRO, UTC).isoformat()


def exported(stamp: int) -> str:
    """A date as HipChat's exports wrote it, microseconds apart."""
    seconds, micros = divmod(stamp, MICRO)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ} {micros:06}"


def stamp_of(text: str) -> int:
    """The stamp of an ISO 8601 date, UTC when it names no offset. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    whole = moment.replace(microsecond=0)
    return int(whole.timestamp()) * MICRO + moment.microsecond
