"""Telling our own posts from what people say, by the ids and texts of what we sent.

What has a Post is ours. What may be a send whose end we do not know yet has to wait. And where a
send has ended without our learning its id, its text decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import LinkedAccount
from connectors.errors import LoginRejected
from connectors.markup import plain
from connectors.markup.sanitize import normalise_for_compare
from connectors.markup.tree import from_json
from connectors.registry import connector_class
from sameroom import clock
from tubes.models import Delivery, Event, Post, Room
from tubes.relay import rendering

Status = Delivery.Status
GRACE = timedelta(seconds=2)  # after a send's own deadline nothing of it can still arrive
UNKNOWN_FOR = timedelta(hours=1)  # so long an item may still turn out to be an `unknown` send


def same_place(room: Room, prefix: str = "room") -> Q:
    """Rows of this room, and of the same room under another address where ids are unique everywhere.

    An operator may not know that a server has two names; a loop through both must not arise.
    """
    cls = connector_class(room.kind)
    if cls is None or not cls.capabilities.global_ids:
        return Q(**{prefix: room.pk})
    return Q(**{f"{prefix}__kind": room.kind, f"{prefix}__remote_id": room.remote_id})


def our_posts(room: Room, remote_ids: Iterable[str]) -> set[str]:
    """Which of these ids are posts of ours. One query."""
    posts = Post.objects.filter(same_place(room), remote_id__in=list(remote_ids))
    return set(posts.values_list("remote_id", flat=True))


def undecided_authors(room: Room) -> set[str]:
    """The remote users of ours who have a send into this room that may still arrive. One query.

    A lane that cannot work (its account needs a login) settles nothing. Once its send has certainly
    ended, nobody has to wait for it: then the text decides.
    """
    stuck = ~Q(seat__failure="") | ~Q(seat__account__status__in=LinkedAccount.USABLE)
    ended = Q(sending_since__lt=clock.now() - send_time(room))
    sending = Delivery.objects.filter(same_place(room), status=Status.SENDING).exclude(stuck & ended)
    return set(sending.values_list("seat__account__remote_user_id", flat=True))


def send_time(room: Room) -> timedelta:
    """How long after its start a send into this room may still arrive."""
    cls = connector_class(room.kind)
    return timedelta(seconds=cls.capabilities.send_deadline if cls else 0.0) + GRACE


def _unsettled(room: Room) -> QuerySet[Delivery]:
    """Sends into this room that have ended without an id that we know."""
    lost = Q(status=Status.UNKNOWN, finished_at__gt=clock.now() - UNKNOWN_FOR)
    stuck = Q(status=Status.SENDING, sending_since__lt=clock.now() - send_time(room))
    confirmed = Post.objects.filter(delivery=OuterRef("pk"), part=OuterRef("part"))
    return Delivery.objects.filter(lost | stuck, same_place(room)).exclude(Exists(confirmed))


def unsettled_authors(room: Room) -> set[str]:
    """The remote users of ours whose items have to be compared by text. One query."""
    return set(_unsettled(room).values_list("seat__account__remote_user_id", flat=True))


def claim_as_ours(room: Room, event: Event) -> bool:
    """Whether an event by one of our users is a send of ours by its text; it then gets its Post.

    Inside the caller's transaction. An `unknown` send is thereby seen to have been sent.
    """
    if not event.author_id or event.body is None:
        return False
    text = plain.render(from_json(event.body))
    mine = _unsettled(room).filter(seat__account__remote_user_id=event.author_id)
    for delivery in mine.select_related("event", "seat__account", "room").order_by("pk"):
        parts = _sent_texts(delivery)
        if delivery.part < len(parts) and same_text(parts[delivery.part], text):
            Post.objects.create(delivery=delivery, room=room, part=delivery.part, remote_id=event.remote_id)
            if delivery.part + 1 == len(parts):
                unknown = Delivery.objects.filter(pk=delivery.pk, status=Status.UNKNOWN)
                unknown.update(status=Status.SENT, error="", finished_at=clock.now())
            return True
    return False


def _sent_texts(delivery: Delivery) -> list[str]:
    """The parts that a delivery sends. None where its account's secret is unreadable: nothing was sent
    with it lately, and one tenant's lost key must not keep a room from being read.
    """
    try:
        connector = delivery.seat.account.connector()
    except LoginRejected:
        return []
    return [part.text for part in rendering.parts(delivery.event, delivery.seat, connector)]


def same_text(sent: str, seen: str) -> bool:
    """Whether two texts are the same but for what services change in passing. No I/O."""
    return normalise_for_compare(sent) == normalise_for_compare(seen)
