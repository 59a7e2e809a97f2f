"""Hands on what is queued at a Seat that cannot post, where another one leads to the room.

So a closed Tube, a lost room or an expired token holds up nobody else's Tube into the same room.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from sameroom import clock
from tubes.models import Delivery, Room, Seat
from tubes.relay import bell, sql
from tubes.relay.ends import count_ends
from tubes.relay.routing import BEGUN, NO_WAY, Network, destinations

QUEUED = Delivery.Status.QUEUED
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


def retire(seat_id: int) -> None:
    """Hand what is queued at a Seat that cannot post to the Seats that lead there now.

    What a Seat at no open Tube has queued, and nobody else can post, is skipped; one that waits for a
    login, or for its room, keeps it. An origin that has something on the wire here waits until that is
    settled, if it can be. One transaction; may be repeated.
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
        if Seat.objects.working().filter(pk=seat_id).exists():
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
                skipped = {"status": Delivery.Status.SKIPPED, "error": NO_WAY, "finished_at": clock.now()}
                if queued.filter(pk=delivery.pk).update(**skipped):
                    count_ends([delivery.room_id], Delivery.Status.SKIPPED)
        last = rows[-1].pk
    return taken
