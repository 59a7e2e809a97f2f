"""What comes before the message that it is about: its edit, or its deletion.

A service that pushes tells again, a minute later or more, what was not acknowledged, and goes on meanwhile. A
message that comes so late has the words it was given since; one that was taken back is not said any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from connectors.base import IncomingEvent, Kind
from connectors.markup.tree import from_json
from tubes.models import Event
from tubes.relay.recognising import Facts
from tubes.relay.storing import Fresh

MESSAGES = (Kind.MESSAGE, Kind.NOTICE)


def in_order(events: Sequence[IncomingEvent]) -> Sequence[IncomingEvent]:
    """The events, each that changes a message which comes with it behind that message. No I/O."""
    said = {event.id: place for place, event in enumerate(events) if event.kind in MESSAGES}
    if not any(event.target in said for event in events if event.target):
        return events

    def place(numbered: tuple[int, IncomingEvent]) -> tuple[int, bool]:
        number, event = numbered
        message = said.get(event.target, 0) if event.target else 0
        return (message, True) if message > number else (number, False)

    return [event for _, event in sorted(enumerate(events), key=place)]


def as_it_is_now(event: IncomingEvent, facts: Facts) -> IncomingEvent:
    """A message with the words of its last edit, where that came before it. The others are forgotten.

    Inside intake's transaction. Two statements, or none.
    """
    edits = Event.objects.filter(pk__in=facts.edited.get(event.id, ()), body__isnull=False)
    if event.id not in facts.edited or event.target or not (last := edits.order_by("said_at", "pk").last()):
        return event
    edits.exclude(pk=last.pk).update(body=None)
    facts.edited[event.id] = [last.pk]
    return replace(event, body=from_json(last.body))


def join(fresh: Sequence[Fresh], facts: Facts) -> None:
    """Let the last edits that came before these messages be about them. One UPDATE for each, or none."""
    for new in fresh:
        edits = facts.edited.get(new.event.remote_id, ())
        if edits and new.event.kind in MESSAGES:
            Event.objects.filter(pk__in=edits).update(about=new.event.pk)


def erase(event: Event) -> None:
    """Erase the words of edits of a message that was taken back before it came. One UPDATE."""
    edits = Event.objects.filter(room=event.room_id, target=event.target, kind=Kind.EDIT, about=None)
    edits.update(body=None)
