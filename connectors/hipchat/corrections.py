"""`s/old/new/`: by this HipChat's clients change the sender's last message when they show it. No I/O.

The history keeps both as they were typed. So what a correction changes depends on the items before it,
and on no more than LOOK_BACK of them: then it is the same from whatever place a history is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from connectors.base import IncomingEvent, Kind, UserId
from connectors.hipchat.history import Item, body_of, event_of
from connectors.hipchat.text import CORRECTION

LOOK_BACK: Final = 100
LONGEST: Final = 32_768  # of a message, at HipChat itself


@dataclass(frozen=True, slots=True)
class _Said:
    """Somebody's last message, and how it reads by now."""

    position: int
    item: Item
    text: str


def events_of(items: Sequence[Item], start: int) -> list[IncomingEvent]:
    """The events of `items[start:]`; those before are known only for what corrections change in them.

    Each replaces the first occurrence and builds on those before it. One that changes nothing is a
    message like any other. Linear time.
    """
    return list(_events(items, start))


def _events(items: Sequence[Item], start: int) -> Iterator[IncomingEvent]:
    said: dict[UserId, _Said] = {}
    for position, item in enumerate(items):
        event = None
        if _is_correction(item):
            before = said.get(item.author.id)
            after = _corrected(before, item, position)
            if before and after is not None:
                said[item.author.id] = _Said(before.position, before.item, after)
                event = _edit(item, before.item, after)
        elif _is_said(item):
            said[item.author.id] = _Said(position, item, item.text or "")
        if position >= start and (event := event or event_of(item)):
            yield event


def lack_items(items: Sequence[Item], start: int) -> bool:
    """Whether a correction in `items[start:]` may change a message from before `items[0]`."""
    said: set[UserId] = set()
    for position, item in enumerate(items[:LOOK_BACK]):
        if _is_said(item):
            said.add(item.author.id)
        elif position >= start and _is_correction(item) and item.author.id not in said:
            return True
    return False


def _is_said(item: Item) -> bool:
    """Whether a person typed it, and it is neither deleted nor a correction."""
    return _is_typed(item) and not _is_correction(item)


def _is_correction(item: Item) -> bool:
    return _is_typed(item) and not item.has_file and CORRECTION.match(item.text or "") is not None


def _is_typed(item: Item) -> bool:
    return item.type == "message" and item.text is not None and item.author.id != ""


def _corrected(before: _Said | None, item: Item, position: int) -> str | None:
    """How the message reads after the correction; None where there is nothing to change."""
    match = CORRECTION.match(item.text or "")
    if match is None or before is None or position - before.position > LOOK_BACK:
        return None
    old, new = match.groups()
    if old not in before.text or len(before.text) - len(old) + len(new) > LONGEST:
        return None
    return before.text.replace(old, new, 1)


def _edit(item: Item, target: Item, text: str) -> IncomingEvent:
    return IncomingEvent(
        kind=Kind.EDIT,
        dedupe_key=item.id,
        id=item.id,
        author=item.author,
        said_at=item.said_at,
        body=body_of({**target.told, "message": text}),
        target=target.id,
    )
