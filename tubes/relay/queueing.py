"""Queues what was taken in: a Delivery for every Room that each event has to reach.

Messages go wherever the Tube Network leads. What is about a message (an edit, its deletion, a
reaction) goes only where that message went, or will go: a copy that is still queued is changed on the
spot instead.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from connectors.base import Kind
from sameroom import clock
from tubes.models import Delivery, Event, Room
from tubes.relay import (
    bell,
    breaker,
    commands,
    early,
    expiry,
    quotas,
    retention,
    routing,
    screening,
    sql,
    superseding,
)
from tubes.relay.ends import count_ends
from tubes.relay.routing import Network, Way

Status = Delivery.Status
MESSAGES = (Kind.MESSAGE.value, Kind.NOTICE.value)
REACTIONS = (Kind.REACTION.value, Kind.UNREACTION.value)
# Where a copy in one of these states stands, or may stand, something has to be done about it.
STANDS = (Status.QUEUED, Status.SENDING, Status.SENT, Status.UNKNOWN)
WAIT_FOR_LOGIN = timedelta(seconds=60)  # between two looks at an account on the way that needs a login
WAITS = "Waits: an account on the way here needs a login."
DELETED = "Deleted by its author before it was posted."
AT_ONCE = 500  # rows of one INSERT
COLUMNS = (
    *("event_id", "room_id", "seat_id", "origin_id", "status", "attempts", "part", "fingerprint"),
    *("error", "next_attempt_at", "created_at", "finished_at"),
)


@dataclass(slots=True)
class Errand:
    """A Delivery to be queued."""

    event: Event
    room: int
    way: Way
    error: str = ""
    is_refused: bool = False  # counted and shown, not sent


def route(rooms: Mapping[int, Room], events: Sequence[Event]) -> None:
    """Queue what these events need, inside the transaction that stored them; ring the lanes on commit.

    Bodies that nobody needs are dropped.
    """
    network: Network = {}
    errands: list[Errand] = []
    heard: set[int] = set()
    events = commands.keep_here(rooms, _without_the_old(rooms, events))
    for room_id in {event.room_id for event in events}:
        said = [event for event in events if event.room_id == room_id and event.kind in MESSAGES]
        _look_for_echoes(rooms[room_id or 0], said)
    for event in events:
        reached = routing.ways(event, network=network)
        if event.kind in MESSAGES:
            errands += [Errand(event, room, way) for room, way in reached.items()]
        elif event.about_id:
            if any(errand.event.pk == event.about_id for errand in errands):
                heard |= _queue(errands, network)  # what it is about has come with it
                errands = []
            errands += follow(event, reached, heard, shut=screening.filtering(event, network))
        elif event.kind == Kind.EDIT and reached:
            heard.add(event.pk)  # its message may be yet to come
        elif event.kind == Kind.DELETE:
            early.erase(event)
    heard |= _queue(errands, network)
    _drop_bodies([event.pk for event in events if event.pk not in heard])


def _queue(errands: Sequence[Errand], network: Network) -> set[int]:
    """Queue these Deliveries; the events they carry."""
    _mark_waiting(errands, network)
    _keep_seats(errands)
    errands = _without_the_unwanted(errands, network)
    _spend(errands)
    _insert(errands)
    return {errand.event.pk for errand in errands}


def _without_the_old(rooms: Mapping[int, Room], events: Sequence[Event]) -> list[Event]:
    """What was said too long ago is announced, not relayed. But what was taken back stays taken back."""
    oldest = clock.now() - timedelta(hours=settings.CATCH_UP_HOURS)
    fresh = [event for event in events if event.said_at >= oldest or event.kind == Kind.DELETE]
    old = [event for event in events if event.said_at < oldest and event.kind != Kind.DELETE]
    said = [event for event in old if not event.is_presence]
    for room_id in {event.room_id for event in said}:
        expiry.left_out(rooms[room_id or 0], [event for event in said if event.room_id == room_id])
    _drop_bodies([event.pk for event in old])
    late = [event for event in fresh if event.said_at < clock.now() - expiry.LATE and not event.is_presence]
    for room_id in {event.room_id for event in late}:
        expiry.come_late(rooms[room_id or 0], [event for event in late if event.room_id == room_id])
    return fresh


def _look_for_echoes(room: Room, said: Sequence[Event]) -> None:
    """Pause the Tubes that somebody else's bridge makes a loop of, before these events are routed."""
    prints = {event.fingerprint for event in said if event.fingerprint}
    if prints and said:
        suspects = breaker.suspects(room.pk, prints, said[-1].number + 1, clock.now())
        if suspects:
            breaker.trip(room, [event for event in said if event.fingerprint in suspects])


def follow(
    event: Event, reached: Mapping[int, Way], carried: set[int], *, shut: Collection[int] = ()
) -> list[Errand]:
    """What an edit, a deletion or a reaction needs in each room that holds the message it is about.

    An edit whose text a queued copy carries from now on joins `carried`. Copies of the Seats `shut`, which
    filter its words, keep theirs.
    """
    if event.kind in REACTIONS:
        return _follow_reaction(event, reached)
    if event.about is None or event.about.room_id != event.room_id:
        return _taken_away(event) if event.kind == Kind.DELETE else []
    if event.kind == Kind.EDIT and superseding.changes_nothing(event):
        return []
    changed = _change_queued(event, shut)
    if changed:
        carried.add(event.pk)
    errands = [
        Errand(event, room, _same_seat(reached[room], seat))
        for room, seat in _copies(event.about.pk)
        if room in reached and room not in changed
    ]
    if event.kind == Kind.DELETE:
        retention.erase_event([event.about.pk])
    return errands


def _change_queued(event: Event, shut: Collection[int]) -> set[int]:
    """Give copies that wait for their turn the new text, or drop them; the rooms where that was all.

    One UPDATE: a copy that a lane claims at this moment is either changed before, or counts as sent.
    """
    queued = "WHERE event_id = %s AND status = 'queued' AND part = 0"
    changes: str = "carries_id = %s"
    values: list[object] = [event.pk]
    if event.kind == Kind.DELETE:
        changes = "status = 'skipped', error = %s, finished_at = %s"
        values = [DELETED, sql.moment(clock.now())]
        shut = ()
    shut = sql.padded(shut)
    if shut:
        queued += f" AND seat_id NOT IN {sql.marks(shut)}"
    statement = f"UPDATE tubes_delivery SET {changes} {queued} RETURNING room_id"
    found = sql.rows(statement, [*values, event.about_id, *shut])
    rooms = {room for (room,) in found}
    if event.kind == Kind.DELETE:
        count_ends(rooms, Status.SKIPPED)
    return rooms


def _copies(about: int) -> list[tuple[int, int]]:
    """(room, Seat) of every copy of a message that stands, or may stand."""
    copies = Delivery.objects.filter(event=about, status__in=STANDS).order_by("pk")
    return list(copies.values_list("room_id", "seat_id"))


def _same_seat(way: Way, seat: int) -> Way:
    """Posted by one Seat, changed by that Seat: only that account may, and its lane keeps the order."""
    return Way(seat, way.owner, way.tubes)


def _follow_reaction(event: Event, reached: Mapping[int, Way]) -> list[Errand]:
    """A reaction reaches every other copy, and the original; so does its end, where it was known of."""
    if event.kind == Kind.UNREACTION and not _was_set(event):
        return []
    copies = dict(_copies(event.about_id or 0))
    origin = event.about.room_id if event.about else None
    return [
        Errand(event, room, _same_seat(way, copies.get(room, way.seat)))
        for room, way in reached.items()
        if room in copies or room == origin
    ]


def _was_set(event: Event) -> bool:
    same = {"author_id": event.author_id, "emoji": event.emoji, "kind": Kind.REACTION}
    return Event.objects.filter(about=event.about_id, room=event.room_id, **same).exists()


def _taken_away(event: Event) -> list[Errand]:
    """A moderator deleted our post: later edits of what stood in it are dropped there. The originals stay."""
    lost = Q(event=event.about_id) | Q(posts__remote_id=event.target)
    copies = Delivery.objects.filter(lost, room=event.room_id, status=Status.SENT).values("pk")
    gone = Delivery.objects.filter(pk__in=copies).update(status=Status.REMOVED, finished_at=clock.now())
    count_ends([event.room_id or 0] * gone, Status.REMOVED)
    return []


def _mark_waiting(errands: Sequence[Errand], network: Network) -> None:
    """What only leads through an account that needs a login waits for that login."""
    if all(hop.is_safe for hops in network.values() for hop in hops):
        return
    for event in {errand.event.pk: errand.event for errand in errands}.values():
        safe = routing.ways(event, network=network, only_safe=True)
        for errand in errands:
            if errand.event.pk == event.pk and errand.room not in safe:
                errand.error = WAITS


def _keep_seats(errands: Iterable[Errand]) -> None:
    messages = [errand for errand in errands if errand.event.kind in MESSAGES]
    pairs = {(errand.event.room_id or 0, errand.room): errand.way.seat for errand in messages}
    kept = routing.kept_seats(pairs)
    for errand in messages:
        seat = kept.get((errand.event.room_id or 0, errand.room))
        if seat is not None:
            errand.way = _same_seat(errand.way, seat)


def _without_the_unwanted(errands: Sequence[Errand], network: Network) -> Sequence[Errand]:
    """Without what the Seats where it would arrive keep out."""
    kept_out = screening.kept_out([(errand.way.seat, errand.event) for errand in errands], network)
    return [errand for errand in errands if (errand.way.seat, errand.event.pk) not in kept_out]


def _spend(errands: Iterable[Errand]) -> None:
    """Count messages against their owners' daily limits; what is over is shown, not sent."""
    wanted: dict[int, int] = {}
    messages = [
        errand for errand in errands if errand.event.kind in MESSAGES and not errand.event.is_presence
    ]
    for errand in messages:
        wanted[errand.way.owner] = wanted.get(errand.way.owner, 0) + 1
    over = quotas.spend(wanted)
    for errand in messages:
        if errand.way.owner in over:
            errand.is_refused, errand.error = True, quotas.REACHED
    for seat in sorted({errand.way.seat for errand in messages if errand.is_refused}):
        quotas.announce_at(seat)


def _insert(errands: Sequence[Errand]) -> None:
    now = clock.now()
    for start in range(0, len(errands), AT_ONCE):
        lines = [_line(errand, now) for errand in errands[start : start + AT_ONCE]]
        # (event, room) is unique, and a repeated release must not queue twice.
        sql.run(*sql.insert("tubes_delivery", COLUMNS, lines, "ON CONFLICT DO NOTHING"))
    count_ends([errand.room for errand in errands if errand.is_refused], Status.SKIPPED)
    bell.ring_lanes_on_commit(errand.way.seat for errand in errands if not errand.is_refused)


def _line(errand: Errand, now: datetime) -> list[object]:
    due = now + WAIT_FOR_LOGIN if errand.error == WAITS else now
    status, ended = (Status.SKIPPED, sql.moment(now)) if errand.is_refused else (Status.QUEUED, None)
    place = [errand.event.pk, errand.room, errand.way.seat, errand.event.room_id]
    return [*place, status.value, 0, 0, "", errand.error, sql.moment(due), sql.moment(now), ended]


def _drop_bodies(events: Sequence[int]) -> None:
    if events:
        Event.objects.filter(pk__in=events).update(body=None, attachments=[])
