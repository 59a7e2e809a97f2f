"""Deletions of what is no message: a service may tell of a reaction taken back by its id alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from connectors.base import Author, IncomingEvent, Kind, MessageId, UserId
from tubes.models import Event, Room


def understood(room: Room, events: Sequence[IncomingEvent]) -> Sequence[IncomingEvent]:
    """The events with each deletion of a known reaction as that reaction taken back. One query, or none."""
    targets = [event.target for event in events if event.kind is Kind.DELETE and event.target]
    if not targets:
        return events
    reactions = Event.objects.filter(room=room, kind=Kind.REACTION, remote_id__in=targets)
    known = {MessageId(reaction.remote_id): reaction for reaction in reactions}
    return [_taken_back(event, known) for event in events]


def _taken_back(event: IncomingEvent, known: Mapping[MessageId, Event]) -> IncomingEvent:
    """A moderator may have taken it back: it is its author's all the same."""
    reaction = known.get(event.target) if event.kind is Kind.DELETE and event.target else None
    if reaction is None:
        return event
    author = Author(
        id=UserId(reaction.author_id),
        name=reaction.author_name,
        username=reaction.author_username,
        avatar_url=reaction.author_avatar_url,
    )
    return replace(
        event,
        kind=Kind.UNREACTION,
        target=MessageId(reaction.target),
        emoji=reaction.emoji,
        author=author,
    )
