"""Takes events in: events, deliveries and the read position commit together, or not at all."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from django.db import InterfaceError, OperationalError, transaction

from connectors.base import Cursor, IncomingEvent, Kind
from connectors.markup.sanitize import clean_text
from connectors.markup.tree import from_json
from monitor import counting
from tubes.models import Event, Room
from tubes.relay import early, presence, recognising, sql, superseding, withdrawing
from tubes.relay.queueing import route
from tubes.relay.recognising import Facts, HeldItem
from tubes.relay.storing import Fresh, insert_events, row_of, storable

log = logging.getLogger(__name__)

AT_ONCE = 500  # events taken in, or held ones decided, in one transaction


@dataclass(frozen=True, slots=True)
class Arrival:
    """What one read of a room found after `read_from`, or what its service pushed (`is_pushed`)."""

    room_id: int
    events: Sequence[IncomingEvent]
    read_from: Cursor | None = None
    cursor: Cursor | None = None
    is_pushed: bool = False  # a service that pushes keeps its own position


ROOM = sql.Columns(Room, "r")


def lock_rooms(room_ids: Sequence[int]) -> dict[int, Room]:
    """The rooms' rows, locked until the transaction ends, always in one order."""
    statement = f"SELECT {ROOM.text} FROM tubes_room r WHERE r.id IN {sql.marks(room_ids)} ORDER BY r.id"
    rooms = map(ROOM.read, sql.rows(statement + sql.for_update("r"), room_ids))
    return {room.pk: room for room in rooms}


def take_in(
    room_id: int, events: Sequence[IncomingEvent], *, read_from: Cursor | None, cursor: Cursor | None
) -> int:
    """Take in what one read found; how many events were new. See `accept`.

    A long page is several transactions, of which the last moves the read position. An event that cannot be
    stored where others can is left out: else the room would come to it for ever, and no further. Where none
    can be, that is no event's fault, and all of them wait.
    """
    new = 0
    while len(events) > AT_ONCE:
        new += _take_page(Arrival(room_id, events[:AT_ONCE], read_from))
        events = events[AT_ONCE:]
    return new + _take_page(Arrival(room_id, events, read_from, cursor))


def _take_page(page: Arrival) -> int:
    try:
        return accept([page])[0]
    except (OperationalError, InterfaceError):
        raise  # the database's trouble, not the page's
    except Exception:
        new = [_taken_alone(replace(page, events=[event], cursor=None)) for event in page.events]
        if not any(one is not None for one in new):
            raise
        log.exception("Room %s: %d of %d events read were left out", page.room_id, new.count(None), len(new))
    accept([replace(page, events=[])])
    return sum(filter(None, new))


def _taken_alone(page: Arrival) -> int | None:
    try:
        return accept([page])[0]
    except (OperationalError, InterfaceError):
        raise
    except Exception:  # noqa: BLE001 - the first of them is logged
        return None


def accept(arrivals: Sequence[Arrival], *, within: AbstractContextManager[object] | None = None) -> list[int]:
    """Store and queue what arrived, at most once per room; how many events of each were new.

    One transaction under the origin rooms' locks. May be repeated: a page whose start is no longer
    the room's position was taken in by somebody else and is dropped whole. `within` is the transaction,
    where something else has to happen in it, or not at all.
    """
    arrivals = [
        replace(arrival, events=presence.wanted(arrival.room_id, arrival.events)) for arrival in arrivals
    ]
    with within or transaction.atomic():
        rooms = lock_rooms([arrival.room_id for arrival in arrivals])
        welcome = [arrival for arrival in arrivals if _is_welcome(rooms.get(arrival.room_id), arrival)]
        found = {arrival.room_id: _read(rooms[arrival.room_id], arrival) for arrival in welcome}
        fresh = _store(rooms, found)
        route(rooms, [new.event for new in fresh if new.event.held == Event.Held.NO])
        for arrival in welcome:
            _advance(rooms[arrival.room_id], arrival, fresh)
    for (room_id, kind), count in Counter((new.event.room_id, new.event.kind) for new in fresh).items():
        counting.events_in(kind, rooms[room_id or 0].kind, count)
    for room_id in {new.event.room_id for new in fresh if new.event.held == Event.Held.WAITING}:
        release_held(room_id or 0)
    return [sum(new.event.room_id == arrival.room_id for new in fresh) for arrival in arrivals]


def _is_welcome(room: Room | None, arrival: Arrival) -> bool:
    return room is not None and (arrival.is_pushed or room.cursor == arrival.read_from)


def _read(room: Room, arrival: Arrival) -> Sequence[IncomingEvent]:
    events = withdrawing.understood(room, [storable(event) for event in arrival.events])
    return superseding.current(room, early.in_order(events))


def _advance(room: Room, arrival: Arrival, fresh: Sequence[Fresh]) -> None:
    """Move the read position and the room's numbering on. One UPDATE, or none."""
    count = sum(new.event.room_id == room.pk for new in fresh)
    cursor = None if arrival.is_pushed else arrival.cursor
    if cursor is not None and cursor != room.cursor:
        values = [count, clean_text(cursor.id)[:255], sql.moment(cursor.time), room.pk]
        sql.run(
            "UPDATE tubes_room SET next_event_number = next_event_number + %s, read_id = %s, read_time = %s "
            "WHERE id = %s",
            values,
        )
    elif count:
        sql.run(
            "UPDATE tubes_room SET next_event_number = next_event_number + %s WHERE id = %s", [count, room.pk]
        )


def _store(rooms: dict[int, Room], found: dict[int, Sequence[IncomingEvent]]) -> list[Fresh]:
    """Events that are neither known nor our own doing, numbered, held where they must wait."""
    arrivals = [(rooms[room_id], events) for room_id, events in found.items() if events]
    if not arrivals:
        return []
    facts = recognising.facts_about(arrivals)
    fresh: list[Fresh] = []
    for room, events in arrivals:
        fresh += _fresh(room, facts[room.pk], events)
    insert_events(fresh)
    for room, _ in arrivals:
        early.join([new for new in fresh if new.event.room_id == room.pk], facts[room.pk])
    return fresh


def _fresh(room: Room, facts: Facts, events: Sequence[IncomingEvent]) -> list[Fresh]:
    fresh: list[Fresh] = []
    for event in events:
        key = (event.kind.value, event.dedupe_key)
        if key in facts.known or (event.target is None and _is_over(event, facts)):
            continue
        facts.known.add(key)
        event = early.as_it_is_now(event, facts)
        new = row_of(event, room=room, number=room.next_event_number + len(fresh), facts=facts)
        facts.is_holding = facts.is_holding or event.author.id in facts.undecided
        new.event.held = Event.Held.WAITING if facts.is_holding else Event.Held.NO
        if not facts.is_holding and is_ours(room, facts, new):
            if event.id:  # by its id it is known from now on
                continue
            # Nothing but its key tells it from what is said next: pushed a second time, it must be known.
            new.event.held, new.event.body, new.event.fingerprint = Event.Held.ECHO, None, ""
        fresh.append(new)
    return fresh


def _is_over(event: IncomingEvent, facts: Facts) -> bool:
    """Whether a message is a post of ours, or was taken back before it came.

    What may be a send of ours that was cut off settles it, whatever became of it since.
    """
    if not event.id or event.id in facts.ours:
        return event.id in facts.ours
    return event.id in facts.taken_back and event.author.id not in facts.undecided | facts.unsettled


def is_ours(room: Room, facts: Facts, new: Fresh) -> bool:
    """Whether an event is what we did ourselves, as the service tells it back."""
    event = new.event
    match event.kind:
        case Kind.NOTICE if event.is_presence:
            return False
        case Kind.MESSAGE | Kind.NOTICE:
            return event.remote_id in facts.ours or recognising.claim_as_ours(room, facts, event, new.body)
        case Kind.EDIT:  # people cannot edit our posts; whoever did, the original stands elsewhere
            return event.target in facts.ours
        case Kind.DELETE:
            return event.target in facts.ours and recognising.is_own_deletion(room, event)
        case _:
            return recognising.is_own_reaction(room, event)


def holding_rooms() -> list[int]:
    """Rooms with events that wait for a send to be decided. One query."""
    held = "SELECT DISTINCT room_id FROM tubes_event WHERE held = 'waiting' AND room_id IS NOT NULL"
    return [room_id for (room_id,) in sql.rows(held)]


def release_held(room_id: int) -> int:
    """Decide on held events, oldest first, as far as the sends they may be are settled.

    One transaction under the room's lock; may be repeated. Returns how many were decided.
    """
    decided: list[Event] = []
    with transaction.atomic():
        rooms = lock_rooms([room_id])
        waiting = Event.objects.filter(room=room_id, held=Event.Held.WAITING).order_by("number")[:AT_ONCE]
        if room_id not in rooms or not waiting:
            return 0
        room, facts = rooms[room_id], _facts_of_held(rooms[room_id], list(waiting))
        for event in waiting:
            new = Fresh(event, from_json(event.body) if event.body else None)
            event.about_id = facts.about(event.target or event.reply_to)
            if event.remote_id not in facts.ours and event.author_id in facts.undecided:
                break
            event.held = Event.Held.ECHO if is_ours(room, facts, new) else Event.Held.NO
            if event.held == Event.Held.ECHO:
                event.body = None
            event.save(update_fields=["held", "body", "about"])
            decided.append(event)
        route(rooms, [event for event in decided if event.held == Event.Held.NO])
    return len(decided)


def _facts_of_held(room: Room, waiting: Sequence[Event]) -> Facts:
    items = [HeldItem(event.remote_id, Kind(event.kind), event.target, event.reply_to) for event in waiting]
    return recognising.facts_about([(room, items)])[room.pk]
