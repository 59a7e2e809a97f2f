"""What every rendering needs to know: who says it, where it is posted, and how late."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connectors.base import Capabilities, Connector, Support
from tubes.models import Event, Seat
from tubes.relay.rendering.people import People


@dataclass(frozen=True, slots=True)
class Occasion:
    """An event about to be posted through a Seat, `late` after it was said."""

    event: Event
    seat: Seat
    connector: Connector
    late: timedelta = timedelta(0)
    people: People = field(default_factory=dict)  # those mentioned who are known where it is posted

    @property
    def can(self) -> Capabilities:
        return self.connector.capabilities

    @property
    def now(self) -> datetime:
        return self.event.said_at + self.late

    @property
    def as_author(self) -> bool:
        """Whether the post stands under the author's own name, so that its text carries none."""
        return self.can.sender_override is Support.NATIVE
