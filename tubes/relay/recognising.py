"""Telling our own posts from what people say, by the ids and texts of what we sent.

What has a Post is ours. What may be a send whose end we do not know yet has to wait. And where a
send has ended without our learning its id, its text decides, by the fingerprint kept of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from django.db.models import Q

from accounts.models import LinkedAccount
from connectors.base import Kind
from connectors.markup import plain
from connectors.markup.tree import Document
from connectors.registry import connector_class
from sameroom import clock
from tubes.models import Delivery, Event, Post, Room
from tubes.relay import sql
from tubes.relay.rendering import content_fingerprint

Status = Delivery.Status
GRACE = timedelta(seconds=2)  # after a send's own deadline nothing of it can still arrive
UNKNOWN_FOR = timedelta(hours=1)  # so long an item may still turn out to be an `unknown` send
UNSEEN_FOR = timedelta(days=1)  # so long a post that was told no id is waited for


class Item(Protocol):
    """What is asked about: an incoming event, or one that was stored as held."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def dedupe_key(self) -> str: ...
    @property
    def target(self) -> str | None: ...
    @property
    def reply_to(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class HeldItem:
    """A held event, to be asked about again."""

    id: str
    kind: Kind
    target: str | None
    reply_to: str | None
    dedupe_key: str = ""


@dataclass(slots=True)
class Facts:
    """What is known of one room at one moment, as far as it concerns some incoming events."""

    undecided: set[str] = field(default_factory=set)  # remote users of ours whose send may still arrive
    unsettled: set[str] = field(default_factory=set)  # those whose items are compared by text
    unseen: set[str] = field(default_factory=set)  # fingerprints of posts that were told no id
    ours: dict[str, int | None] = field(default_factory=dict)  # remote id of a post → event it carries
    said: dict[str, int] = field(default_factory=dict)  # remote id of a message → our event
    known: set[tuple[str, str]] = field(default_factory=set)  # (kind, dedupe key) taken in already
    edited: dict[str, list[int]] = field(
        default_factory=dict
    )  # remote id of a message yet to come → its edits
    taken_back: set[str] = field(
        default_factory=set
    )  # remote ids of messages that were deleted before they came
    is_holding: bool = False
    team: str = ""  # of the account that reads the room

    def about(self, remote_id: str) -> int | None:
        """The event that a message of this room is, or is the copy of.

        A copy that was held has a row of its own: that is an echo, which leads nowhere.
        """
        return self.ours.get(remote_id) or self.said.get(remote_id)


def same_place(room: Room, prefix: str = "room") -> Q:
    """Rows of this room, and of the same room under another address where ids are unique everywhere.

    An operator may not know that a server has two names; a loop through both must not arise.
    """
    if not _ids_are_global(room.kind):
        return Q(**{prefix: room.pk})
    return Q(**{f"{prefix}__kind": room.kind, f"{prefix}__remote_id": room.remote_id})


def _ids_are_global(kind: str) -> bool:
    cls = connector_class(kind)
    return cls is not None and cls.capabilities.global_ids


def send_time(kind: str) -> timedelta:
    """How long after its start a send at this kind of service may still arrive."""
    cls = connector_class(kind)
    return timedelta(seconds=cls.capabilities.send_deadline if cls else 0.0) + GRACE


# One statement, one snapshot: a send that ends meanwhile is either still undecided or has its post.
FACTS = """
    SELECT 'undecided', d.room_id, a.remote_user_id, '' FROM tubes_delivery d
    JOIN tubes_seat s ON s.id = d.seat_id JOIN accounts_linkedaccount a ON a.id = s.account_id
    WHERE NOT (d.sending_since < %s AND (s.failure <> '' OR a.status NOT IN ('connected', 'retrying')))
    AND d.status = 'sending' AND d.fingerprint <> '' AND d.room_id IN {place}
    UNION ALL
    SELECT 'unsettled', d.room_id, a.remote_user_id, '' FROM tubes_delivery d
    JOIN tubes_seat s ON s.id = d.seat_id JOIN accounts_linkedaccount a ON a.id = s.account_id
    WHERE d.status IN ('sending', 'unknown') AND d.room_id IN {place}
    AND (d.finished_at > %s OR (d.status = 'sending' AND d.sending_since < %s))
    UNION ALL
    SELECT 'unseen', p.room_id, p.fingerprint, '' FROM tubes_post p
    WHERE p.remote_id = '' AND NOT p.is_seen AND p.posted_at > %s AND p.room_id IN {place}
    UNION ALL
    SELECT 'ours', p.room_id, p.remote_id, CAST(COALESCE(e.about_id, d.event_id) AS TEXT) FROM tubes_post p
    LEFT JOIN tubes_delivery d ON d.id = p.delivery_id
    LEFT JOIN tubes_event e ON e.id = d.event_id AND e.kind = 'edit'
    WHERE p.remote_id IN {ids} AND p.room_id IN {place}
    UNION ALL
    SELECT 'known', e.room_id, e.dedupe_key, e.kind FROM tubes_event e
    WHERE e.room_id IN {rooms} AND e.kind IN {kinds} AND e.dedupe_key IN {keys}
    UNION ALL
    SELECT 'early', e.room_id, e.target, CASE WHEN e.kind = 'edit' THEN CAST(e.id AS TEXT) ELSE '' END
    FROM tubes_event e
    WHERE e.room_id IN {rooms} AND e.target IN {ids} AND e.about_id IS NULL AND e.kind IN ('edit', 'delete')
    UNION ALL
    SELECT 'holding', e.room_id, '', '' FROM tubes_event e WHERE e.room_id IN {rooms} AND e.held = 'waiting'
    UNION ALL
    SELECT 'team', r.id, a.team_name, '' FROM tubes_room r JOIN tubes_seat s ON s.id = r.reader_id
    JOIN accounts_linkedaccount a ON a.id = s.account_id WHERE r.id IN {rooms}
"""
SAID = """
    UNION ALL
    SELECT 'said', e.room_id, e.remote_id, CAST(e.id AS TEXT) FROM tubes_event e
    WHERE e.room_id IN {rooms} AND e.remote_id IN {targets} AND e.kind IN ('message', 'notice')
"""


def facts_about(arrivals: Sequence[tuple[Room, Sequence[Item]]]) -> dict[int, Facts]:
    """Room id → what is known. One query for the rooms of one kind, as a rule."""
    found: dict[int, Facts] = defaultdict(Facts)
    kinds: dict[str, list[tuple[Room, Sequence[Item]]]] = defaultdict(list)
    for room, events in arrivals:
        kinds[room.kind].append((room, events))
    for kind, group in kinds.items():
        batches = [[one] for one in group] if _ids_are_global(kind) else [group]
        for batch in batches:
            asked_for = batch[0][0].pk if _ids_are_global(kind) else None
            for name, room_id, text, more in _ask(kind, batch):
                _note(found[asked_for or room_id], name, text, more)
    return found


def _ask(kind: str, batch: Sequence[tuple[Room, Sequence[Item]]]) -> Iterator[tuple[Any, ...]]:
    rooms = [room.pk for room, _ in batch]
    events = [event for _, events in batch for event in events]
    targets = [target for event in events for target in (event.target, event.reply_to) if target]
    # As many as a power of two: few lengths, so few statements to prepare.
    ids = sql.padded([*dict.fromkeys(filter(None, (event.id for event in events))), *targets])
    keys, event_kinds = (
        sql.padded(event.dedupe_key for event in events),
        {event.kind.value for event in events},
    )
    targets = sql.padded(targets)
    place, in_place = sql.marks(rooms), rooms
    if _ids_are_global(kind):
        place = "(SELECT id FROM tubes_room WHERE kind = %s AND remote_id = %s)"
        in_place = [kind, batch[0][0].remote_id]  # type: ignore[list-item]
    now = clock.now()
    ended, lately = sql.moment(now - send_time(kind)), sql.moment(now - UNKNOWN_FOR)
    statement = FACTS + (SAID if targets else "")
    unseen = sql.moment(now - UNSEEN_FOR)
    values: list[Any] = [ended, *in_place, *in_place, lately, ended, unseen, *in_place, *ids, *in_place]
    values += [*rooms, *event_kinds, *keys, *rooms, *ids, *rooms, *rooms]
    values += [*rooms, *targets] if targets else []
    yield from sql.rows(
        statement.format(
            place=place,
            rooms=sql.marks(rooms),
            ids=sql.marks(ids),
            kinds=sql.marks(event_kinds),
            keys=sql.marks(keys),
            targets=sql.marks(targets),
        ),
        values,
    )


def _note(facts: Facts, name: str, text: str, more: str) -> None:
    match name:
        case "undecided":
            facts.undecided.add(text)
        case "unsettled":
            facts.unsettled.add(text)
        case "unseen":
            facts.unseen.add(text)
        case "ours":
            facts.ours[text] = int(more) if more else None
        case "said":
            facts.said[text] = int(more)
        case "known":
            facts.known.add((more, text))
        case "early" if more:
            facts.edited.setdefault(text, []).append(int(more))
        case "early":
            facts.taken_back.add(text)
        case "holding":
            facts.is_holding = True
        case "team":
            facts.team = text


# ----------------------------------------------------------------- by text


def claim_as_ours(room: Room, facts: Facts, event: Event, document: Document | None) -> bool:
    """Whether an event by one of our users is a send of ours by its text; it then gets its Post.

    Inside the caller's transaction. An `unknown` send is thereby seen to have been sent.
    """
    if event.kind not in (Kind.MESSAGE, Kind.NOTICE) or (document is None and not event.attachments):
        return False
    if event.author_id not in facts.unsettled and not facts.unseen:
        return False
    text = plain.render(document) if document else ""
    seen = content_fingerprint(text, [file.get("size") for file in event.attachments])
    if seen in facts.unseen and _claim_unseen(room, event, seen):
        return True
    return event.author_id in facts.unsettled and _claim_unsettled(room, event, seen)


def _claim_unseen(room: Room, event: Event, seen: str) -> bool:
    """A post that was told no id is seen once: what is said again after that is somebody's."""
    posts = Post.objects.filter(room=room, remote_id="", is_seen=False, fingerprint=seen)
    # Without a delivery: the first copy of one that was sent again.
    mine = Q(delivery__seat__account__remote_user_id=event.author_id) | Q(delivery=None)
    post = posts.filter(mine).order_by("pk").first()
    if post is None:
        return False
    changes = {"is_seen": True, "remote_id": event.remote_id}  # by its id it is known from now on
    return Post.objects.filter(pk=post.pk, is_seen=False).update(**changes) == 1


def _claim_unsettled(room: Room, event: Event, seen: str) -> bool:
    lost = Q(status=Status.UNKNOWN, finished_at__gt=clock.now() - UNKNOWN_FOR)
    stuck = Q(status=Status.SENDING, sending_since__lt=clock.now() - send_time(room.kind))
    sends = Delivery.objects.filter(lost | stuck, same_place(room), fingerprint=seen)
    mine = sends.filter(seat__account__remote_user_id=event.author_id).order_by("pk")
    for delivery in mine:
        if delivery.posts.filter(part=delivery.part).exists():
            continue
        for one in together(delivery):
            _arrived(one, room, event.remote_id, seen)
        return True
    return False


def together(delivery: Delivery) -> Iterable[Delivery]:
    """This delivery, and those that share its post."""
    if delivery.lead_id is None:
        return [delivery]
    return Delivery.objects.filter(lead=delivery.lead_id, status=delivery.status).order_by("pk")


def _arrived(delivery: Delivery, room: Room, remote_id: str, seen: str) -> None:
    Post.objects.create(
        delivery=delivery,
        room=room,
        part=delivery.part,
        remote_id=remote_id,
        fingerprint=seen,
        is_seen=True,
    )
    if delivery.parts is None or delivery.part + 1 == len(delivery.parts):
        unknown = Delivery.objects.filter(pk=delivery.pk, status=Status.UNKNOWN)
        unknown.update(status=Status.SENT, error="", finished_at=clock.now(), parts=None)


def is_own_deletion(room: Room, event: Event) -> bool:
    """Whether the deletion of a post of ours is one that we made. One query.

    For its author, or because an edit left fewer parts. Ever begun is enough: what was cut off may be done.
    """
    if event.about_id is None:  # the post is nobody's copy any more
        return True
    for_us = Q(event__kind=Kind.EDIT, seat__account__remote_user_id=event.author_id)
    begun = Delivery.objects.filter(event__about=event.about_id, room=room, sending_since__isnull=False)
    return begun.filter(Q(event__kind=Kind.DELETE) | for_us).exists()


def is_own_reaction(room: Room, event: Event) -> bool:
    """Whether a reaction by one of our users is one that we set for somebody. One query."""
    own = LinkedAccount.objects.filter(remote_user_id=event.author_id, seats__room=room)
    return Delivery.objects.filter(
        room=room,
        seat__account__in=own,
        event__about=event.about_id,
        event__kind=event.kind,
        event__emoji=event.emoji,
        sending_since__isnull=False,
    ).exists()
