"""Edits that come late: of what was changed again since, or taken back, the older text must not come back.

And what is known already is not told as news.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from django.db.models import Max

from connectors.base import IncomingEvent, Kind, MessageId
from tubes.models import Event, Room

NEVER: Final = datetime.max.replace(tzinfo=UTC)  # after it was taken back, no edit of a message is news


def current(room: Room, events: Sequence[IncomingEvent]) -> Sequence[IncomingEvent]:
    """The events without edits of what was taken back before, and edits older than one taken in before.

    Services tell again what was not acknowledged, a minute later or more. Of edits of one moment each
    counts, in the order they come. One query at most.
    """
    targets = {event.target for event in events if event.kind is Kind.EDIT and event.target}
    if not targets:
        return events
    newest = _known(room, targets)
    return [event for event in events if _is_news(event, newest)]


def changes_nothing(edit: Event) -> bool:
    """Whether an edit has the very text that its message had before it. One query, or two.

    Who was away is told of a message with its last text, and of its edits afterwards.
    """
    if edit.about is None or edit.body is None:
        return False
    before = Event.objects.filter(about=edit.about_id, kind=Kind.EDIT, body__isnull=False, pk__lt=edit.pk)
    last = before.order_by("-pk").first() or edit.about
    return bool(last.body == edit.body)


def _is_news(event: IncomingEvent, newest: dict[MessageId, datetime]) -> bool:
    """Whether an event is no edit older than what was done before it, which `newest` keeps."""
    if not event.target or event.kind not in (Kind.EDIT, Kind.DELETE):
        return True
    at = NEVER if event.kind is Kind.DELETE else event.said_at
    if at < newest.get(event.target, at):
        return False
    newest[event.target] = at
    return True


def _known(room: Room, targets: set[MessageId]) -> dict[MessageId, datetime]:
    """When each of these messages was edited last; NEVER where it was taken back."""
    done = Event.objects.filter(
        about__room=room, about__remote_id__in=targets, room=room, kind__in=(Kind.EDIT, Kind.DELETE)
    ).values_list("target", "kind")
    newest: dict[MessageId, datetime] = {}
    for target, kind, said_at in done.annotate(Max("said_at")):
        at = NEVER if kind == Kind.DELETE else said_at
        newest[MessageId(target)] = max(at, newest.get(MessageId(target), at))
    return newest
