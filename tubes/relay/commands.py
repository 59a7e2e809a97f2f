"""Commands: what people type to us. Kept in their own room, noted with the transaction that takes them in.

What a command asks for is done outside of intake, by `tubes.services.commanding`; its row says whether it
was. Ordinary messages cost a look at their first words.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Final

from django.db import transaction

from connectors.base import Kind
from connectors.markup import plain
from connectors.markup.tree import from_json
from connectors.registry import connector_class
from sameroom import clock
from tubes.models import Command, Event, Room, Seat
from tubes.relay import bell
from tubes.relay.calling import CALL, PREFIX, STAYS

log = logging.getLogger(__name__)

LONGEST: Final = 500  # characters of a command

MINUTE: Final = timedelta(minutes=1)
MOST: Final = 10  # commands of one person in one room within a minute
MOST_IN_ROOM: Final = 30
SILENCE: Final = timedelta(minutes=10)  # after having said that it is too many
TOO_MANY: Final = "too-many"  # the word of the row that says so
LEASE: Final = timedelta(minutes=2)  # for carrying one out; longer than all its calls to services
AT_ONCE: Final = 200  # commands looked at by one sweep

SPOKEN: Final = (Kind.MESSAGE.value, Kind.NOTICE.value, Kind.EDIT.value)


def keep_here(rooms: Mapping[int, Room], events: Sequence[Event]) -> list[Event]:
    """The events that are for other rooms; commands among the others are noted. Texts of those are dropped.

    What a message is changed into may be for its own room as well: then its copies stay as they are.

    Inside the transaction that stored them. No query where no event begins like a command.
    """
    staying = [event for event in events if event.kind in SPOKEN and _stays(rooms[event.room_id or 0], event)]
    if not staying:
        return list(events)
    for event in staying:
        room = rooms[event.room_id or 0]
        text = _text(event)
        if event.kind == Kind.MESSAGE.value and event.author_id and not text.startswith(STAYS):
            _note(room, event, text)
    kept = {event.pk for event in staying}
    Event.objects.filter(pk__in=kept).update(body=None, attachments=[])
    return [event for event in events if event.pk not in kept]


def _stays(room: Room, event: Event) -> bool:
    begin = _first_words(event.body).lstrip()
    return begin.startswith(STAYS) or _is_called(room.kind, begin)


def _is_called(kind: str, begin: str) -> bool:
    if PREFIX.match(begin):
        return True
    if not CALL.match(begin):
        return False
    service = connector_class(kind)
    return service is not None and service.capabilities.apps


def _first_words(body: Any) -> str:
    """What a stored document begins with, where that is text of a paragraph; else ""."""
    blocks = body.get("blocks") if isinstance(body, dict) else None
    first = blocks[0] if blocks else None
    begin: Any = first if isinstance(first, dict) and first.get("type") == "paragraph" else ""
    while not isinstance(begin, str):
        if begin.get("type") == "mention":
            return f"@{begin.get('name', '')}"
        inside = begin.get("inlines")  # of the paragraph, and of what is bold or italic there
        begin = inside[0] if inside else ""
    return begin


def _text(event: Event) -> str:
    return plain.render(from_json(event.body)).lstrip()


def _note(room: Room, event: Event, text: str) -> None:
    """Store the command and have it carried out; nothing where nobody's Seat in the room is in use."""
    call = PREFIX.match(text) or CALL.match(text)
    if call is None or not Seat.objects.in_use().filter(room=room).exists():
        return
    word, _, rest = " ".join(text[call.end() :].split())[:LONGEST].partition(" ")
    word = word.casefold()[:32]
    if _is_flooded(room, event.author_id):
        if Command.objects.filter(room=room, word=TOO_MANY, created_at__gt=clock.now() - SILENCE).exists():
            return
        word, rest = TOO_MANY, ""
    now = clock.now()
    command = Command.objects.create(
        created_at=now,
        due_at=now,
        event=event,
        room=room,
        author_id=event.author_id,
        author_name=event.author_name,
        author_username=event.author_username,
        word=word,
        rest=rest,
    )
    transaction.on_commit(partial(bell.ring_command, command.pk))


def _is_flooded(room: Room, author_id: str) -> bool:
    lately = Command.objects.filter(room=room, created_at__gt=clock.now() - MINUTE)
    authors = list(lately.values_list("author_id", flat=True)[:MOST_IN_ROOM])
    return len(authors) >= MOST_IN_ROOM or authors.count(author_id) >= MOST


def due() -> list[int]:
    """Commands that nobody has carried out to their end, and nobody has in hand. One query."""
    found = Command.objects.filter(due_at__lte=clock.now()).order_by("due_at")
    return list(found.values_list("pk", flat=True)[:AT_ONCE])


def claim(command_id: int) -> Command | None:
    """The command, for its caller alone for LEASE; None where it is done, or somebody else has it."""
    now = clock.now()
    command = Command.objects.select_related("room", "event").filter(pk=command_id, due_at__lte=now).first()
    if command is None:
        return None
    mine = Command.objects.filter(pk=command.pk, due_at=command.due_at, attempts=command.attempts)
    command.due_at, command.attempts = now + LEASE, command.attempts + 1
    return command if mine.update(due_at=command.due_at, attempts=command.attempts) else None


def seats_of(room: Room) -> list[Seat]:
    """The Seats that commands of a room may act for: those in use, the reader's first. One query."""
    seats = Seat.objects.in_use().filter(room=room).select_related("account", "owner", "room").order_by("pk")
    return sorted(seats, key=lambda seat: (seat.pk != room.reader_id, bool(seat.failure)))
