"""Values out of JSON that anybody may have written: of the type we need, or nothing. No I/O."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sameroom import clock

Json = dict[str, Any]


def text(value: object) -> str:
    """A string, "" for anything else."""
    return value if isinstance(value, str) else ""


def table(value: object) -> Json:
    """An object, empty for anything else."""
    return value if isinstance(value, dict) else {}


def rows(value: object) -> list[Json]:
    """The objects of a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def size(value: object) -> int | None:
    """A number of bytes."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def moment(milliseconds: object) -> datetime:
    """`origin_server_ts`, by the sender's own server: never later than now. Raises ValueError."""
    if not isinstance(milliseconds, int) or isinstance(milliseconds, bool):
        raise ValueError("A time has to be a number of milliseconds.")
    try:
        said = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError("A time is out of range.") from error
    return min(said, clock.now())
