"""The rooms of a measurement: two for every Tube, and what each message says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rooms that a Tube joins: what is said in the first is posted in the second."""

    room_id: int  # of the first, in the database
    origin: str  # its id at the service
    destination: str
    account_id: int  # that the first is reached by


def names(tubes: int, before: str = "") -> list[tuple[str, str]]:
    """The ids of both rooms of every Tube; `before` begins each of them."""
    return [(f"{before}here-{number}", f"{before}there-{number}") for number in range(tubes)]


def text(origin: str, run: str, number: int) -> str:
    """What message `#number` says: as long as most messages in a chat are.

    No two are the same: what is said again and again is looked at as a possible echo.
    """
    return f"Build {run} of {origin} is through, who looks at the results today? #{number}"
