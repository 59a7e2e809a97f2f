"""Takes events in: events, deliveries and the read position commit together, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.db import transaction

from accounts.models import LinkedAccount
from connectors.base import Author, Cursor, IncomingEvent, Kind, MessageId, UserId
from connectors.markup.sanitize import clean_document, clean_name, clean_text
from connectors.markup.tree import normal_form, to_json
from sameroom import clock
from tubes.models import Delivery, Event, Room
from tubes.relay import bell, recognising, routing

ROUTED = (Kind.MESSAGE.value, Kind.NOTICE.value)
AT_ONCE = 500  # held events decided in one transaction


def lock_room(room_id: int) -> Room:
    """The room's row, locked until the transaction ends.

    NO KEY: the foreign keys of rows that other rooms' intakes insert need no more than that the
    room stays, and must not wait for us, or two joined rooms would wait for each other.
    """
    return Room.objects.select_for_update(no_key=True).get(pk=room_id)


def take_in(
    room_id: int, events: Sequence[IncomingEvent], *, read_from: Cursor | None, cursor: Cursor | None
) -> int:
    """Store what a read found after `read_from` and queue it; how many events were new.

    One transaction under the origin room's lock. May be repeated: a page whose start is no longer
    the room's position was taken in by somebody else and is dropped whole.
    """
    with transaction.atomic():
        room = lock_room(room_id)
        if room.cursor != read_from:
            return 0
        fresh = _store(room, events)
        _route(room, [event for event in fresh if event.held == Event.Held.NO])
        if cursor is not None:
            room.read_id, room.read_time = clean_text(cursor.id)[:255], cursor.time
        room.next_event_number += len(fresh)
        room.save(update_fields=["read_id", "read_time", "next_event_number"])
    if any(event.held == Event.Held.WAITING for event in fresh):
        release_held(room_id)
    return len(fresh)


def release_held(room_id: int) -> int:
    """Decide on held events, oldest first, as far as the sends they may be are settled.

    One transaction under the room's lock; may be repeated. Returns how many were decided.
    """
    decided: list[Event] = []
    with transaction.atomic():
        room = lock_room(room_id)
        undecided = recognising.undecided_authors(room)
        waiting = Event.objects.filter(room=room, held=Event.Held.WAITING).order_by("number")[:AT_ONCE]
        unsettled = recognising.unsettled_authors(room)
        ours = recognising.our_posts(room, [event.remote_id for event in waiting])
        for event in waiting:
            is_ours = event.remote_id in ours
            if not is_ours and event.author_id in undecided:
                break
            if is_ours or (event.author_id in unsettled and recognising.claim_as_ours(room, event)):
                event.held, event.body = Event.Held.ECHO, None
            else:
                event.held = Event.Held.NO
            event.save(update_fields=["held", "body"])
            decided.append(event)
        _route(room, [event for event in decided if event.held == Event.Held.NO])
    return len(decided)


def _store(room: Room, found: Sequence[IncomingEvent]) -> list[Event]:
    """Events that are neither known nor our own posts, numbered, held where they must wait.

    Which sends are undecided is asked before which posts are ours: a send that ends in between is
    then seen by the second question. The other way round it would be missed by both.
    """
    events = [_storable(event) for event in found]
    undecided = recognising.undecided_authors(room)
    unsettled = recognising.unsettled_authors(room)
    ours = recognising.our_posts(room, [event.id for event in events])
    keys = [event.dedupe_key for event in events]
    stored = Event.objects.filter(room=room, dedupe_key__in=keys)
    known = set(stored.values_list("kind", "dedupe_key"))
    holding = Event.objects.filter(room=room, held=Event.Held.WAITING).exists()
    reader = LinkedAccount.objects.filter(seats__pk=room.reader_id or 0)
    team = reader.values_list("team_name", flat=True).first()
    fresh: list[Event] = []
    for event in events:
        if event.id in ours or (event.kind.value, event.dedupe_key) in known:
            continue
        row = _row(event, room=room, number=room.next_event_number + len(fresh), team=team or "")
        holding = holding or event.author.id in undecided
        if not holding and event.author.id in unsettled and recognising.claim_as_ours(room, row):
            continue
        known.add((event.kind.value, event.dedupe_key))
        row.held = Event.Held.WAITING if holding else Event.Held.NO
        fresh.append(row)
    return Event.objects.bulk_create(fresh, batch_size=500)


def _storable(event: IncomingEvent) -> IncomingEvent:
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
        author=Author(
            id=UserId(kept(author.id)),
            name=clean_name(author.name),
            username=clean_name(author.username) if author.username else "",
            avatar_url=clean_text(author.avatar_url),
        ),
        body=clean_document(normal_form(event.body)) if event.body else None,
    )


def _row(event: IncomingEvent, *, room: Room, number: int, team: str) -> Event:
    return Event(
        room=room,
        number=number,
        kind=event.kind.value,
        dedupe_key=event.dedupe_key,
        remote_id=event.id,
        target=event.target or "",
        reply_to=event.reply_to or "",
        author_id=event.author.id,
        author_name=event.author.name,
        author_username=event.author.username,
        author_avatar_url=event.author.avatar_url,
        author_team=team,
        body=to_json(event.body) if event.body else None,
        attachments=list(event.attachments),
        said_at=event.said_at,
        accepted_at=clock.now(),
    )


def _route(room: Room, events: Sequence[Event]) -> None:
    """Queue a Delivery for every Room that each event reaches; drop the bodies nobody needs."""
    network: routing.Network = {}
    deliveries: list[Delivery] = []
    kept: dict[int, int] | None = None
    unheard: list[int] = []
    for event in events:
        reached = routing.destinations(event, network=network) if event.kind in ROUTED else {}
        if kept is None or not reached.keys() <= kept.keys():
            kept = reached | routing.kept_seats(room, reached)
        deliveries += [Delivery(event=event, room_id=to, seat_id=kept[to]) for to in reached]
        if not reached:
            unheard.append(event.pk)
    # ignore_conflicts: (event, room) is unique, and a repeated release must not queue twice.
    Delivery.objects.bulk_create(deliveries, ignore_conflicts=True, batch_size=500)
    if unheard:
        Event.objects.filter(pk__in=unheard).update(body=None, attachments=[])
    bell.ring_lanes_on_commit(delivery.seat_id for delivery in deliveries)
