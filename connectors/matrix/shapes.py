"""Values out of JSON that anybody may have written: of the type we need, or nothing. No I/O."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

from sameroom import clock

Json = dict[str, Any]
_EVENT_ID: Final = re.compile(r"\$[^\s\x00-\x1f\x7f\ud800-\udfff]{1,254}")


def text(value: object) -> str:
    """A string, "" for anything else."""
    return value if isinstance(value, str) else ""


def event_id(value: object) -> str:
    """The id of an event, "" for what can be none: whoever writes an event names others as they like.

    Of what is none some servers break, and a stream must not come to the same event for ever.
    """
    return value if isinstance(value, str) and _EVENT_ID.fullmatch(value) else ""


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
