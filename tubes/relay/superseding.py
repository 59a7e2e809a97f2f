"""Edits and reactions that come late: what was changed again, or taken back, must not come back as it was.

And what is known already is not told as news.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Final, TypeAlias

from django.db.models import Max

from connectors.base import IncomingEvent, Kind
from tubes.models import Event, Post, Room

REACTIONS: Final = (Kind.REACTION, Kind.UNREACTION)
NEVER: Final = datetime.max.replace(tzinfo=UTC)  # after it was taken back, no edit of a message is news
Subject: TypeAlias = tuple[str, str, str]  # a message; of a reaction its author and emoji too


def current(room: Room, events: Sequence[IncomingEvent]) -> Sequence[IncomingEvent]:
    """The events without edits of what was taken back, and without what is older than its like from before.

    Services tell again what was not acknowledged, a minute later or more. Of edits of one moment each
    counts, in the order they come. One query where there are edits, three where there are reactions.
    """
    edited = {event.target for event in events if event.kind is Kind.EDIT and event.target}
    reacted = {event.target for event in events if event.kind is Kind.REACTION and event.target}
    if not edited and not reacted:
        return events
    newest = (_edits(room, edited) if edited else {}) | (_reactions(room, reacted) if reacted else {})
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


def _is_news(event: IncomingEvent, newest: dict[Subject, datetime]) -> bool:
    """Whether an event is none that is older than one before it, which `newest` keeps."""
    subject = _subject(event)
    if subject is None:
        return True
    at = NEVER if event.kind is Kind.DELETE else event.said_at
    # What takes a reaction back may be told by a moderator's server, whose clock is another.
    if event.kind is not Kind.UNREACTION and at < newest.get(subject, at):
        return False
    newest[subject] = at
    return True


def _subject(event: IncomingEvent) -> Subject | None:
    """What an event gives another state: a message's text, or somebody's reaction to it."""
    if not event.target:
        return None
    if event.kind in (Kind.EDIT, Kind.DELETE):
        return (event.target, "", "")
    return (event.target, event.author.id, event.emoji) if event.kind in REACTIONS else None


def _edits(room: Room, targets: Collection[str]) -> dict[Subject, datetime]:
    """When each of these messages was edited last; NEVER where it was taken back."""
    done = Event.objects.filter(
        about__room=room, about__remote_id__in=targets, room=room, kind__in=(Kind.EDIT, Kind.DELETE)
    ).values_list("target", "kind")
    newest: dict[Subject, datetime] = {}
    for target, kind, said_at in done.annotate(Max("said_at")):
        at = NEVER if kind == Kind.DELETE else said_at
        subject = (target, "", "")
        newest[subject] = max(at, newest.get(subject, at))
    return newest


def _reactions(room: Room, targets: Collection[str]) -> dict[Subject, datetime]:
    said = Event.objects.filter(room=room, remote_id__in=targets).values_list("pk", flat=True)
    copies = Post.objects.filter(room=room, remote_id__in=targets, delivery__isnull=False)
    about = [*said, *copies.values_list("delivery__event", flat=True)]
    reactions = Event.objects.filter(about__in=about, room=room, kind__in=REACTIONS)
    told = reactions.values_list("target", "author_id", "emoji").annotate(Max("said_at"))
    return {(target, author, emoji): newest for target, author, emoji, newest in told}
