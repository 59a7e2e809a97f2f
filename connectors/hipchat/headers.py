"""What the headers of an answer say about limits, by the server's own clock. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from sameroom import clock

# Below this, a reset is a number of seconds and no Unix time (seen: the literal 60).
EPOCH_FROM = 1_000_000_000
MANY_DIGITS = 15
# A reset further away is a clock that is off, and no window: windows last five minutes.
FURTHEST = 600.0


@dataclass(frozen=True, slots=True)
class Told:
    """What one of the two limiters says of itself, as far as it does."""

    limit: int | None
    remaining: int | None
    reset_in: float | None  # seconds; late by up to three, never early


def told(headers: Mapping[str, str], limiter: str) -> Told:
    """The three headers of a limiter: `Ratelimit`, or `FloodControl` on the answers to sends."""
    return Told(
        limit=whole(headers.get(f"X-{limiter}-Limit")),
        remaining=whole(headers.get(f"X-{limiter}-Remaining")),
        reset_in=_seconds_until(headers.get(f"X-{limiter}-Reset"), headers),
    )


def named_wait(headers: Mapping[str, str]) -> float | None:
    """The seconds to leave the server alone that it names outright, if it does; the longer, if twice."""
    waits = [whole(headers.get("X-Backoff")), _retry_after(headers)]
    return max((float(wait) for wait in waits if wait), default=None)


def whole(text: str | None) -> int | None:
    """A header's whole number, or None."""
    text = (text or "").strip()
    return int(text) if text.isdecimal() and len(text) < MANY_DIGITS else None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, or a date: RFC 9110 allows both."""
    said = headers.get("Retry-After")
    if (seconds := whole(said)) is not None:
        return seconds
    moment = _moment(said)
    return None if moment is None else max(moment - _server_now(headers), 0.0)


def _seconds_until(reset: str | None, headers: Mapping[str, str]) -> float | None:
    """Rounded up: the reset is in whole seconds, and so is the Date that it is compared with."""
    value = whole(reset)
    if value is None:
        return None
    if value < EPOCH_FROM:
        return value + 1.0
    return min(max(value - _server_now(headers), 0.0) + 1.0, FURTHEST)


def _server_now(headers: Mapping[str, str]) -> float:
    """The server's time, which need not be ours; ours where it does not tell."""
    now = _moment(headers.get("Date"))
    return clock.now().timestamp() if now is None else now


def _moment(text: str | None) -> float | None:
    try:
        moment: datetime = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
