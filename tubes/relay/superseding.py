"""Edits that come late: of what was changed again since, the older text must not come back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Max

from connectors.base import IncomingEvent, Kind, MessageId
from tubes.models import Event, Room


def current(room: Room, events: Sequence[IncomingEvent]) -> Sequence[IncomingEvent]:
    """The events without edits that are older than one of the same message that was taken in before.

    Services tell again what was not acknowledged, a minute later or more. One query at most.
    """
    targets = {event.target for event in events if event.kind is Kind.EDIT and event.target}
    if not targets:
        return events
    newest = _known(room, targets)
    return [event for event in events if _is_news(event, newest)]


def _is_news(event: IncomingEvent, newest: dict[MessageId, datetime]) -> bool:
    """Whether an event is no edit older than one before it, which `newest` keeps."""
    if event.kind is not Kind.EDIT or not event.target:
        return True
    if event.said_at < newest.get(event.target, event.said_at):
        return False
    newest[event.target] = event.said_at
    return True


def _known(room: Room, targets: set[MessageId]) -> dict[MessageId, datetime]:
    edits = Event.objects.filter(
        about__room=room, about__remote_id__in=targets, room=room, kind=Kind.EDIT
    ).values_list("target")
    return {MessageId(target): newest for target, newest in edits.annotate(Max("said_at"))}
