"""What a list of the monitor is narrowed to, as its address says it. What makes no sense is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from connectors.base import Kind
from connectors.registry import connectors
from tubes.models import Delivery

Status = Delivery.Status
# How deliveries stand, by the name an address gives it: a word for the page, and the stored states.
STATES: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "open": ("Open", Delivery.OPEN),
    "lost": ("Lost", (Status.FAILED, Status.UNKNOWN)),
    **{status.value: (str(status.label), (status.value,)) for status in Status},
}
LARGEST_ID: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Asked:
    """How a list is narrowed; empty: it is not."""

    state: str = ""
    service: str = ""
    kind: str = ""  # of events
    seat: int | None = None
    reason: str = ""  # MD5 of a delivery's error, see `finding.Reason`
    since: int | None = None  # seconds since 1970
    until: int | None = None
    before: int | None = None  # the id after which the list goes on

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Asked:
        """As an address says it. No I/O."""
        known = {"state": STATES, "service": connectors(), "kind": [kind.value for kind in Kind]}
        words = {name: query.get(name, "") for name in known}
        asked: dict[str, Any] = {name: word for name, word in words.items() if word in known[name]}
        asked |= {name: _number(query.get(name, "")) for name in ("seat", "since", "until", "before")}
        return cls(reason=query.get("reason", "")[:32], **asked)

    @property
    def statuses(self) -> tuple[str, ...]:
        """The stored states asked for; none: all."""
        return STATES[self.state][1] if self.state else ()

    @property
    def begins(self) -> datetime | None:
        return _moment(self.since)

    @property
    def ends(self) -> datetime | None:
        return _moment(self.until)

    def query(self, **changes: str | int | None) -> str:
        """What stands behind the question mark of an address, with some of it changed."""
        values = {"before": None, **changes}
        told = {**asdict(self), **values}
        return urlencode({name: value for name, value in told.items() if value not in ("", None)})


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and text.isascii() and int(text) <= LARGEST_ID else None


def _moment(seconds: int | None) -> datetime | None:
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):  # no year that there is
        return None
