"""Hands on what is queued at a Seat that cannot post, where another one leads to the room.

So a closed Tube, a lost room or an expired token holds up nobody else's Tube into the same room.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from sameroom import clock
from tubes.models import Delivery, Post, Room, Seat, Tube
from tubes.relay import bell, sql
from tubes.relay.ends import count_ends
from tubes.relay.routing import BEGUN, NO_WAY, Network, destinations

Status = Delivery.Status
QUEUED = Status.QUEUED
AT_ONCE = 500  # deliveries looked at in one go


def stranded_seats() -> list[int]:
    """Seats with something queued that is for others to post.

    They are at no open Tube, or they cannot post, and another Seat in the room can.
    """
    # The states stand in the text: SQLite takes a partial index for literals only.
    queued = sql.rows(
        "SELECT DISTINCT seat_id FROM tubes_delivery "
        "WHERE status IN ('queued', 'sending') AND status = 'queued' AND part = 0"
    )
    used = Seat.objects.joined()
    can = used.working()
    others = Exists(can.filter(room=OuterRef("room")).exclude(pk=OuterRef("pk")))
    unable = ~Q(pk__in=can.values("pk")) & Q(others)
    waiting = [seat_id for (seat_id,) in queued]
    found: list[int] = []
    for start in range(0, len(waiting), AT_ONCE):
        seats = Seat.objects.filter(pk__in=waiting[start : start + AT_ONCE])
        found += seats.filter(unable | ~Q(pk__in=used.values("pk"))).values_list("pk", flat=True)
    return sorted(found)


def forsake(seat_ids: Collection[int]) -> None:
    """Before Seats are deleted: what is queued there goes to others that lead there, as far as any do.

    What is on the wire just now, or may have arrived, is known as ours by its text whenever it is seen. Ends
    the Seats' Tubes. Inside the caller's transaction; may be repeated.
    """
    tubes = Tube.objects.filter(Q(side_a__in=seat_ids) | Q(side_b__in=seat_ids))
    tubes.not_closed().update(status=Tube.Status.CLOSED, status_since=clock.now())
    for seat_id in sorted(seat_ids):
        retire(seat_id, is_leaving=True)
    undecided = Delivery.objects.filter(seat__in=seat_ids, status__in=(Status.SENDING, Status.UNKNOWN))
    sent = undecided.exclude(fingerprint="").order_by("pk").values_list("room", "fingerprint", "part")
    Post.objects.bulk_create(Post(room_id=room, fingerprint=print_, part=part) for room, print_, part in sent)


def keep_id(room_id: int, fingerprint: str, remote_id: str) -> None:
    """A post whose Seat was deleted while it was on the wire is known by its id from now on. One UPDATE."""
    forsaken = Post.objects.filter(
        room=room_id, delivery=None, remote_id="", is_seen=False, fingerprint=fingerprint
    )
    first = forsaken.order_by("pk").values("pk")[:1]
    Post.objects.filter(pk__in=first).update(remote_id=remote_id, is_seen=True)


def retire(seat_id: int, *, is_leaving: bool = False) -> None:
    """Hand what is queued at a Seat that cannot post to the Seats that lead there now.

    What a Seat at no open Tube has queued, and nobody else can post, is skipped; one that waits for a
    login, or for its room, keeps it. An origin that has something on the wire here waits until that is
    settled, if it can be; not at a Seat `is_leaving`. One transaction; may be repeated.
    """
    if Seat.objects.joined().working().filter(pk=seat_id).exists():
        return
    is_used = Seat.objects.joined().filter(pk=seat_id).exists()
    with transaction.atomic():
        mine = Delivery.objects.filter(seat=seat_id, status__in=Delivery.OPEN)
        origins = set(mine.filter(part=0, status=QUEUED).values_list("origin", flat=True).distinct())
        if Seat.objects.in_use().filter(pk=seat_id).exists():
            origins.discard(None)  # what we say ourselves is still said where a Portal leads to the room
        if is_used:  # it may work again at any moment: nothing is to join the queue meanwhile
            list(Room.objects.select_for_update(no_key=True).filter(pk__in=origins).order_by("pk"))
        if not is_leaving and Seat.objects.working().filter(pk=seat_id).exists():
            origins -= set(mine.filter(BEGUN).values_list("origin", flat=True).distinct())
        network: Network = {}
        taken = [_hand_over(seat_id, origin, is_used, network) for origin in sorted(origins, key=str)]
        bell.ring_lanes_on_commit({seat for seats in taken for seat in seats})


def _hand_over(seat_id: int, origin: int | None, is_used: bool, network: Network) -> set[int]:
    """Hand over what came from one room, oldest first, until something has to stay; to which Seats."""
    queued = Delivery.objects.filter(seat=seat_id, status=QUEUED, part=0, origin=origin)
    able = set(
        Seat.objects.joined()
        .working()
        .exclude(pk=seat_id)
        .filter(room__seats=seat_id)
        .values_list("pk", flat=True)
    )
    taken: set[int] = set()
    last = 0
    while rows := list(queued.filter(pk__gt=last).select_related("event").order_by("pk")[:AT_ONCE]):
        for delivery in rows:
            to = destinations(delivery.event, network=network).get(delivery.room_id) if origin else None
            if to is not None and (to in able or not is_used):
                queued.filter(pk=delivery.pk).update(seat=to)
                taken.add(to)
            elif is_used:
                return taken
            else:
                skipped = {"status": Status.SKIPPED, "error": NO_WAY, "finished_at": clock.now()}
                if queued.filter(pk=delivery.pk).update(**skipped):
                    count_ends([delivery.room_id], Status.SKIPPED)
        last = rows[-1].pk
    return taken
