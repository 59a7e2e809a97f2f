"""Incoming events as rows: cleaned of what no database takes, within their columns, inserted at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from connectors.base import Attachment, Author, IncomingEvent, Kind, MessageId, UserId
from connectors.markup import plain
from connectors.markup.sanitize import clean_document, clean_name, clean_text
from connectors.markup.tree import Document, normal_form, to_json
from sameroom import clock
from tubes.models import Event, Room
from tubes.relay import sql
from tubes.relay.recognising import Facts
from tubes.relay.rendering import echo_fingerprint

COLUMNS = (
    *("room_id", "number", "kind", "dedupe_key", "remote_id", "target", "reply_to", "emoji", "about_id"),
    *("author_id", "author_name", "author_username", "author_avatar_url", "author_team", "body"),
    *("attachments", "fingerprint", "is_presence", "held", "said_at", "accepted_at"),
)
JSON = ("body", "attachments")
TIMES = ("said_at", "accepted_at")
AT_ONCE = 500  # rows of one INSERT


@dataclass(slots=True)
class Fresh:
    """An event that is being taken in, with its text as a tree."""

    event: Event
    body: Document | None


def storable(event: IncomingEvent) -> IncomingEvent:
    """The event without what no database takes (NUL, lone surrogates), ids within their columns."""

    def kept(text: str) -> str:
        return clean_text(text)[:255]

    author = event.author
    return replace(
        event,
        id=MessageId(kept(event.id)),
        dedupe_key=kept(event.dedupe_key),
        target=MessageId(kept(event.target)) if event.target else None,
        reply_to=MessageId(kept(event.reply_to)) if event.reply_to else None,
        emoji=kept(event.emoji),
        author=Author(
            id=UserId(kept(author.id)),
            name=clean_name(author.name),
            username=clean_name(author.username) if author.username else "",
            avatar_url=clean_text(author.avatar_url),
        ),
        body=clean_document(normal_form(event.body)) if event.body else None,
        attachments=[_storable_file(file) for file in event.attachments],
    )


def _storable_file(file: Attachment) -> Attachment:
    return Attachment(
        name=clean_name(file.name or "file"),
        size=file.size if file.size is not None and 0 <= file.size < 2**53 else None,
        url=clean_text(file.url),
        reference=clean_text(file.reference),
    )


def row_of(event: IncomingEvent, *, room: Room, number: int, facts: Facts) -> Fresh:
    """The event as a row to insert. No I/O."""
    is_said = event.kind in (Kind.MESSAGE, Kind.NOTICE) and not event.is_presence
    row = Event(
        room=room,
        number=number,
        kind=event.kind.value,
        dedupe_key=event.dedupe_key,
        remote_id=event.id,
        target=event.target or "",
        reply_to=event.reply_to or "",
        emoji=event.emoji,
        about_id=facts.about(event.target or event.reply_to or ""),
        author_id=event.author.id,
        author_name=event.author.name,
        author_username=event.author.username,
        author_avatar_url=event.author.avatar_url,
        author_team=facts.team,
        body=_body(event),
        attachments=[asdict(file) for file in event.attachments],
        fingerprint=echo_fingerprint(plain.render(event.body)) if is_said and event.body else "",
        is_presence=event.is_presence,
        said_at=event.said_at,
        accepted_at=clock.now(),
    )
    return Fresh(row, event.body)


def _body(event: IncomingEvent) -> object:
    """The stored text. A message of nothing but files has an empty one: none means that it was erased."""
    if event.body is None and event.kind in (Kind.MESSAGE, Kind.NOTICE):
        return to_json(Document())
    return to_json(event.body) if event.body else None


def insert_events(fresh: Sequence[Fresh]) -> None:
    """Insert the rows and give each its id. One statement per AT_ONCE rows."""
    for start in range(0, len(fresh), AT_ONCE):
        some = fresh[start : start + AT_ONCE]
        lines = [[_value(new.event, name) for name in COLUMNS] for new in some]
        statement, values = sql.insert("tubes_event", COLUMNS, lines, "RETURNING id")
        for new, (pk,) in zip(some, sql.rows(statement, values), strict=True):
            new.event.pk = pk
            new.event._state.adding = False
    _find_within(fresh)


def _value(event: Event, name: str) -> object:
    value = getattr(event, name)
    if name in JSON:
        return sql.document(value)
    return sql.moment(value) if name in TIMES else value


def _find_within(fresh: Sequence[Fresh]) -> None:
    """What is about a message that arrived with it refers to that one."""
    said: dict[tuple[int | None, str], int] = {}
    for new in fresh:
        event, named = new.event, new.event.target or new.event.reply_to
        if named and event.about_id is None and (event.room_id, named) in said:
            event.about_id = said[event.room_id, named]
            Event.objects.filter(pk=event.pk).update(about=event.about_id)
        if event.kind in (Kind.MESSAGE, Kind.NOTICE) and event.remote_id:
            said[event.room_id, event.remote_id] = event.pk
