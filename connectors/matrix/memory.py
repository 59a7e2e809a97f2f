"""What recent events were: who sent them, and what a reaction said of which message.

An edit counts only if it is the author's own. A redaction names an event by its id alone, and by then the
server has emptied it: of a reaction that is taken back at once, only who saw it knows what it was. One memory
for all streams of a process, bounded.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Final

from connectors.matrix.shapes import Json, event_id, table, text

_MOST: Final = 50_000  # events; about 25 MiB
_LONGEST: Final = 255  # characters of what is kept of them: an event has 64 KiB for whoever wants to fill us


@dataclass(frozen=True, slots=True)
class Known:
    """An event as far as later ones may be about it."""

    sender: str
    target: str = ""  # of a reaction or an edit
    thread: str = ""  # the root of the thread it stands in
    emoji: str = ""
    is_edit: bool = False


# By server, room and event: what one server tells must not speak for the events of another.
_known: OrderedDict[tuple[str, str, str], Known] = OrderedDict()
_lock = Lock()


def known_of(raw: Json) -> Known:
    """What there is to know of an event as its server tells it."""
    relation = table(table(raw.get("content")).get("m.relates_to"))
    is_annotation = relation.get("rel_type") == "m.annotation"
    is_edit = relation.get("rel_type") == "m.replace"
    named = event_id(relation.get("event_id"))
    return Known(
        sender=text(raw.get("sender"))[:_LONGEST],
        target=named if is_annotation or is_edit else "",
        thread=named if relation.get("rel_type") == "m.thread" else "",
        emoji=text(relation.get("key"))[:_LONGEST] if is_annotation else "",
        is_edit=is_edit,
    )


def keep(server: str, room: str, event: str, known: Known) -> None:
    """Remember an event; what is known of a reaction is not forgotten for its emptied self."""
    key = (server, room, event)
    with _lock:
        if key not in _known or known.target:
            _known[key] = known
        _known.move_to_end(key)
        while len(_known) > _MOST:
            _known.popitem(last=False)


def recall(server: str, room: str, event: str) -> Known | None:
    """What is remembered of an event."""
    with _lock:
        return _known.get((server, room, event))


def forget() -> None:
    """As in a new process. For tests."""
    with _lock:
        _known.clear()
