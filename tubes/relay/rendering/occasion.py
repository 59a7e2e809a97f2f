"""What every rendering needs to know: who says it, where it is posted, and how late."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from connectors.base import Capabilities, Connector, Support
from tubes.models import Event, Seat
from tubes.relay.rendering.people import People


class Voice(Enum):
    """Who is seen to say what a post says."""

    NAMED = "named"  # whoever the name before each post names
    AUTHOR = "author"  # its author: the service shows the post under their name
    OWN = "own"  # the person whose account it is, and nothing says otherwise


@dataclass(frozen=True, slots=True)
class Occasion:
    """An event about to be posted through a Seat, `late` after it was said."""

    event: Event
    seat: Seat
    connector: Connector
    late: timedelta = timedelta(0)
    people: People = field(default_factory=dict)  # those mentioned who are known where it is posted
    is_own: bool = False  # its author is the person whose account posts it, and wants no name before it
    has_file: bool = False  # what is posted has a file with it

    @property
    def can(self) -> Capabilities:
        return self.connector.capabilities

    @property
    def now(self) -> datetime:
        return self.event.said_at + self.late

    @property
    def voice(self) -> Voice:
        if self.can.sender_override is Support.NATIVE and (self.can.names_files or not self.has_file):
            return Voice.AUTHOR
        return Voice.OWN if self.is_own else Voice.NAMED
