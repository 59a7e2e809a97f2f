"""Values out of Slack's JSON: of the type we need, or nothing. No I/O."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

Json = dict[str, Any]

# Seconds and six digits that make a message's time the only one in its channel ("ts").
TS: Final = re.compile(r"[0-9]{1,11}\.[0-9]{6}")


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


def ts_of(value: object) -> str:
    """A `ts`, "" for anything else."""
    return value if isinstance(value, str) and TS.fullmatch(value) else ""


def moment(ts: str) -> datetime:
    """When a message was said. Raises ValueError where this is no `ts`."""
    if not TS.fullmatch(ts):
        raise ValueError("A ts has to be a number of seconds with six decimals.")
    seconds, _, fraction = ts.partition(".")
    return datetime.fromtimestamp(int(seconds), UTC).replace(microsecond=int(fraction))


def as_ts(said: datetime) -> str:
    """The `ts` of a moment."""
    return f"{int(said.timestamp())}.{said.microsecond:06d}"
