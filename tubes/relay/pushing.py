"""Webhooks: what a service pushed is stored before it is acknowledged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Exists, F, OuterRef, Value
from django.db.models.functions import Coalesce, Greatest, Least

from accounts.models import LinkedAccount
from connectors.base import IncomingEvent, Push, RoomId
from sameroom import clock
from tubes.models import Room, Seat
from tubes.relay import bell, guard
from tubes.relay.desk import desk
from tubes.relay.intake import Arrival


class NotNow(Exception):
    """The push cannot be taken now; the service should try again. The text says why."""


class NeedsAttention(NotNow):
    """Nor soon: the account's login is refused. Once it works its rooms are read from where they were."""


def take_push(account: LinkedAccount, push: Push, *, has_ids: bool = True) -> None:
    """Store the events of rooms that this account sits in, and have the others read at once.

    Database I/O; may be repeated: an event is taken in once. Raises NotNow, NeedsAttention.
    """
    if push.doubts_login:
        bell.ring_login(account.pk)
        if not (push.events or push.rooms):
            return
    if not account.is_usable:
        raise NeedsAttention("This account needs attention first.")
    if guard.is_stopped():
        raise NotNow("The relay is stopped.")
    by_room: dict[RoomId, list[IncomingEvent]] = defaultdict(list)
    for room_id, event in push.events:
        by_room[room_id].append(event)
    for room in rooms_heard(account, [*by_room, *push.rooms], has_ids=has_ids):
        is_believed = not (push.is_owners_word and room.is_shared)
        if room.remote_id in by_room and is_believed:
            desk.take(Arrival(room.pk, by_room[room.remote_id], is_pushed=True))
        if room.reader != account.pk:  # a hook of somebody who reads there no more is about to end
            continue
        if room.remote_id in push.rooms or not is_believed:
            make_due(room.pk)
        elif room.is_polled:
            told(room.pk)


@dataclass(frozen=True, slots=True)
class Heard:
    """A room of which an account may tell us what is said."""

    pk: int
    remote_id: RoomId
    reader: int | None  # the account that reads it for everybody
    is_polled: bool  # else its service tells everything
    is_shared: bool  # somebody else sits there, too


def rooms_heard(account: LinkedAccount, named: Iterable[RoomId], *, has_ids: bool) -> list[Heard]:
    """Which of the named rooms this account sits in, for an open Tube or a Portal. One query."""
    seats = Seat.objects.in_use().filter(account=account, failure="")
    rooms = Room.objects.filter(seats__in=seats, remote_id__in=set(named)).distinct().order_by("pk")
    if not has_ids:  # the numbers of one session mean nothing in another: only who reads for all is heard
        rooms = rooms.filter(reader__account=account)
    others = Seat.objects.in_use().filter(room=OuterRef("pk")).exclude(owner=account.owner_id)
    found = rooms.annotate(others=Exists(others))
    return [
        Heard(pk, RoomId(remote_id), reader, due is not None, is_shared)
        for pk, remote_id, reader, due, is_shared in found.values_list(
            "pk", "remote_id", "reader__account", "next_poll_at", "others"
        )
    ]


def told(room_id: int) -> None:
    """Count what was pushed whole of a polled room: it is read for safety only, and not due by it."""
    watched = Room.objects.filter(pk=room_id, next_poll_at__isnull=False)
    watched.update(pushes=F("pushes") + 1, pushes_read=F("pushes_read") + 1)


def make_due(room_id: int) -> None:
    """Have a polled room read at once, or as soon as it may be again.

    Coalesced: of the announcements that come until it is read, the first one rings. One that comes while
    it is being read is seen by the reader, who then reads again (`reading._due_in`).
    """
    now = clock.now()
    soon = Greatest(Value(now), Coalesce("read_no_sooner", Value(now)))
    watched = Room.objects.filter(pk=room_id, next_poll_at__isnull=False)
    watched.update(pushes=F("pushes") + 1, next_poll_at=Least("next_poll_at", soon))
    first = watched.filter(pushes=F("pushes_read") + 1).values_list(
        "next_poll_at", "reader__account", "reader__account__poll_fence"
    )
    for due, account_id, fence in first:
        if account_id is not None:
            wait = (due - clock.now()).total_seconds() if due else 0.0
            bell.ring_account(account_id, fence=fence, after=max(0.0, wait))
