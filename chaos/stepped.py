"""The hosts' clock, which the suite can step for all processes at once: an offset in a file that they share.

Only `chaos.settings` installs it; in production `sameroom.clock` is what it always is.
"""

from __future__ import annotations

import mmap
import struct
from datetime import datetime, timedelta
from pathlib import Path

from django.utils import timezone

from sameroom import clock

OFFSET = struct.Struct("d")


def install(path: str) -> None:
    """Have `sameroom.clock.host_now` add the offset in this file. Before anything reads the time."""
    with open(path, "rb") as file:
        shared = mmap.mmap(file.fileno(), OFFSET.size, prot=mmap.PROT_READ)

    def host_now() -> datetime:
        return timezone.now() + timedelta(seconds=OFFSET.unpack_from(shared)[0])

    clock.host_now = host_now


class Clock:
    """The suite's end of the file."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(OFFSET.pack(0.0))
        self.furthest = 0.0  # where it has stood, at the most
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), OFFSET.size)

    @property
    def offset(self) -> float:
        """Seconds by which the processes' clock is ahead."""
        seconds: float = OFFSET.unpack_from(self._shared)[0]
        return seconds

    def step(self, seconds: float) -> None:
        """Put the clock forward, or back."""
        OFFSET.pack_into(self._shared, 0, self.offset + seconds)
        self.furthest = max(self.furthest, self.offset)
