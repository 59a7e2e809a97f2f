"""Takes events in: events, deliveries and the read position commit together, or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import transaction

from connectors.base import Cursor, IncomingEvent, Kind
from connectors.markup.sanitize import clean_document, clean_name, clean_text
from connectors.markup.tree import normal_form, to_json
from sameroom import clock
from tubes.models import Delivery, Event, Post, Room
from tubes.relay import bell, routing
from tubes.relay.routing import Hop

ROUTED = (Kind.MESSAGE.value, Kind.NOTICE.value)


def take_in(
    room_id: int, events: Sequence[IncomingEvent], *, read_from: Cursor | None, cursor: Cursor | None
) -> int:
    """Store what a read found after `read_from` and queue it; how many events were new.

    One transaction under the origin room's lock. May be repeated: a page whose start is no longer
    the room's position was taken in by somebody else and is dropped whole.
    """
    with transaction.atomic():
        room = Room.objects.select_for_update().get(pk=room_id)
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
    decided = 0
    with transaction.atomic():
        room = Room.objects.select_for_update().get(pk=room_id)
        waiting = Event.objects.filter(room=room, held=Event.Held.WAITING).order_by("number")
        undecided, ours = _sends_undecided(room), _our_posts(room, [event.remote_id for event in waiting])
        routed: list[Event] = []
        for event in waiting:
            if event.remote_id in ours:
                event.held, event.body = Event.Held.ECHO, None
            elif event.author_id in undecided:
                break
            else:
                event.held = Event.Held.NO
                routed.append(event)
            decided += 1
            event.save(update_fields=["held", "body"])
        _route(room, routed)
    return decided


def _store(room: Room, events: Sequence[IncomingEvent]) -> list[Event]:
    """Events that are neither known nor our own posts, numbered, held where they must wait.

    Which sends are undecided is asked before which posts are ours: a send that ends in between is
    then seen by the second question. The other way round it would be missed by both.
    """
    undecided = _sends_undecided(room)
    ours = _our_posts(room, [event.id for event in events])
    known = set(
        Event.objects.filter(room=room, dedupe_key__in=[event.dedupe_key for event in events]).values_list(
            "kind", "dedupe_key"
        )
    )
    holding = Event.objects.filter(room=room, held=Event.Held.WAITING).exists()
    team = room.reader.account.team_name if room.reader else ""
    fresh: list[Event] = []
    for event in events:
        if event.id in ours or (event.kind.value, event.dedupe_key) in known:
            continue
        known.add((event.kind.value, event.dedupe_key))
        holding = holding or event.author.id in undecided
        row = _row(event, room=room, number=room.next_event_number + len(fresh), team=team)
        row.held = Event.Held.WAITING if holding else Event.Held.NO
        fresh.append(row)
    return Event.objects.bulk_create(fresh)


def _row(event: IncomingEvent, *, room: Room, number: int, team: str) -> Event:
    """The event as it is stored: what no database takes (NUL, lone surrogates) is gone from every text."""
    author = event.author
    return Event(
        room=room,
        number=number,
        kind=event.kind.value,
        dedupe_key=clean_text(event.dedupe_key)[:255],
        remote_id=clean_text(event.id)[:255],
        target=clean_text(event.target or "")[:255],
        reply_to=clean_text(event.reply_to or "")[:255],
        author_id=clean_text(author.id)[:255],
        author_name=clean_name(author.name),
        author_username=clean_name(author.username) if author.username else "",
        author_avatar_url=clean_text(author.avatar_url),
        author_team=team,
        body=to_json(clean_document(normal_form(event.body))) if event.body else None,
        attachments=list(event.attachments),
        said_at=event.said_at,
        accepted_at=clock.now(),
    )


def _sends_undecided(room: Room) -> set[str]:
    """The remote users of ours who have a send into this room whose end we do not know yet."""
    sending = Delivery.objects.filter(room=room, status=Delivery.Status.SENDING)
    return set(sending.values_list("seat__account__remote_user_id", flat=True))


def _our_posts(room: Room, remote_ids: Iterable[str]) -> set[str]:
    posts = Post.objects.filter(room=room, remote_id__in=list(remote_ids))
    return set(posts.values_list("remote_id", flat=True))


def _route(room: Room, events: Sequence[Event]) -> None:
    """Queue a Delivery for every Room that each event reaches; drop the bodies nobody needs."""
    cache: dict[int, list[Hop]] = {}
    deliveries: list[Delivery] = []
    kept: dict[int, int] | None = None
    unheard: list[int] = []
    for event in events:
        reached = routing.destinations(event, hops_of=cache) if event.kind in ROUTED else {}
        if kept is None or not reached.keys() <= kept.keys():
            kept = reached | routing.kept_seats(room, reached)
        deliveries += [Delivery(event=event, room_id=to, seat_id=kept[to]) for to in reached]
        if not reached:
            unheard.append(event.pk)
    # ignore_conflicts: (event, room) is unique, and a repeated release must not queue twice.
    Delivery.objects.bulk_create(deliveries, ignore_conflicts=True)
    if unheard:
        Event.objects.filter(pk__in=unheard).update(body=None, attachments=[])
    bell.ring_lanes_on_commit(delivery.seat_id for delivery in deliveries)
