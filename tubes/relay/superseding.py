"""Edits that come late: of what was changed again since, the older text must not come back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Max

from connectors.base import IncomingEvent, Kind, MessageId
from tubes.models import Event, Room


def current(room: Room, events: Sequence[IncomingEvent]) -> Sequence[IncomingEvent]:
    """The events without edits that are older than one that is known of the same message, or comes with them.

    Services tell again what was not acknowledged, a minute later or more. One query at most.
    """
    targets = {event.target for event in events if event.kind is Kind.EDIT and event.target}
    if not targets:
        return events
    newest = _known(room, targets)
    for event in events:
        if event.kind is Kind.EDIT and event.target:
            newest[event.target] = max(event.said_at, newest.get(event.target, event.said_at))
    return [
        event
        for event in events
        if event.kind is not Kind.EDIT or not event.target or event.said_at >= newest[event.target]
    ]


def _known(room: Room, targets: set[MessageId]) -> dict[MessageId, datetime]:
    edits = Event.objects.filter(
        about__room=room, about__remote_id__in=targets, room=room, kind=Kind.EDIT
    ).values_list("target")
    return {MessageId(target): newest for target, newest in edits.annotate(Max("said_at"))}
