"""Decisions about Tubes and the Seats at their ends."""

from tubes.services.opening import TubeRefused, end_of, joined_to, tube_open
from tubes.services.running import (
    rooms_rewatch,
    tube_close,
    tube_pause,
    tube_resume,
    tube_retry,
    tubes_of_account,
)
from tubes.services.state import TubeState, tube_state

__all__ = [
    "TubeRefused",
    "TubeState",
    "end_of",
    "joined_to",
    "rooms_rewatch",
    "tube_close",
    "tube_open",
    "tube_pause",
    "tube_resume",
    "tube_retry",
    "tube_state",
    "tubes_of_account",
]
