"""What each service can do, as the table of docs/connectors.md. No I/O."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from connectors.base import Capabilities, Connector, Reading, Support

Row = tuple[str, Callable[[Capabilities], str]]

_READING: Final = {
    Reading.POLL: "polled",
    Reading.WEBHOOK: "pushed to us",
    Reading.STREAM: "by an open connection",
}
_SUPPORT: Final = {Support.NATIVE: "yes", Support.IMITATED: "told by a line", Support.NONE: "left out"}


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


def _limit(can: Capabilities) -> str:
    return f"{can.limit.requests} in {can.limit.seconds:g} s" if can.limit else "none known"


def _files(can: Capabilities) -> str:
    if can.files is not Support.NATIVE:
        return _SUPPORT[can.files]
    return f"up to {can.max_file_size / 1024**2:g} MiB; larger ones told by a line"


def _edits(can: Capabilities) -> str:
    is_bounded = can.edits is Support.NATIVE and not math.isinf(can.edit_age)
    return f"{can.edit_age:g} s long, then told by a line" if is_bounded else _SUPPORT[can.edits]


ROWS: Final[Sequence[Row]] = (
    ("how its messages reach us", lambda can: _READING[can.reading]),
    ("announces news of polled rooms, where a login may ask for it", lambda can: _yes(can.hooks)),
    ("what was said while we were away is read afterwards", lambda can: _yes(can.history)),
    ("requests of one login", _limit),
    ("characters in one post", lambda can: f"{can.max_text_length}"),
    (
        "posts under the author's own name, where a login may",
        lambda can: _yes(can.sender_override is Support.NATIVE),
    ),
    (
        "recognises a repeated send",
        lambda can: f"for {can.idempotency_life:g} s" if can.idempotency_life else "no",
    ),
    ("enters rooms by an address that is typed in", lambda can: _yes(can.addresses)),
    ("makes rooms", lambda can: _yes(can.creates_rooms)),
    ("edits", _edits),
    ("deletions", lambda can: _SUPPORT[can.deletes]),
    ("answers", lambda can: _SUPPORT[can.replies]),
    ("reactions", lambda can: _SUPPORT[can.reactions]),
    ("files", _files),
)


def table(classes: Iterable[type[Connector]]) -> str:
    """A Markdown table: a column for each service, the most that a login there may do."""
    services = list(classes)
    lines = [
        ["", *(cls.label for cls in services)],
        ["---"] * (len(services) + 1),
        *([title, *(tell(cls.capabilities) for cls in services)] for title, tell in ROWS),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
