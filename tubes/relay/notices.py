"""Notices: what the owner of a Seat has to know. Manage shows all of them, some are also said in the room.

A notice never holds the text of a message.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from connectors.base import Kind
from connectors.markup import plain
from connectors.markup.tree import to_json
from sameroom import clock
from tubes.models import Delivery, Event, Notice, Room, Seat, Tube
from tubes.relay import bell

Words = Callable[[int], str]  # how a sentence reads for a number

AGAIN = timedelta(hours=1)  # the same within this time is the same notice
MOST_KEPT = 500  # per owner
MOST_SAID = 10  # notices of one kind that a room hears within AGAIN
LONGEST_REASON = 300
STRANGE_ROOM = "another room"
_NAMES = {
    Kind.EDIT.value: "An edit",
    Kind.DELETE.value: "A deletion",
    Kind.REACTION.value: "A reaction",
    Kind.UNREACTION.value: "A reaction's removal",
}


def tell(seat: Seat, kind: Notice.Kind, text: str | Words, *, in_room: bool, times: int = 1) -> None:
    """Record a notice for the Seat's owner; with `in_room` say it in the room too, if the Seat takes notices.

    What was told within the hour, or still waits in the lane, is counted up by `times` instead: the
    room does not hear it again, and words that name a number name the new one, also those that wait. An
    owner who has put it away is told anew, the room is not. Works inside the caller's transaction; not
    repeatable.
    """
    words = text if callable(text) else lambda _: text
    now = clock.now()
    with transaction.atomic():
        one_at_a_time(seat)
        known = Notice.objects.filter(seat=seat, kind=kind, dismissed_at=None).order_by("-pk")
        same = next((one for one in known[: 2 * MOST_SAID] if one.text == words(one.count)), None)
        if same is not None and _count_up(same, words, times, now):
            return
        may_speak = in_room and seat.takes_notices and _may_speak(seat, kind, words, now)
        told = Notice.objects.create(
            owner_id=seat.owner_id, seat=seat, kind=kind, text=words(times), count=times, created_at=now
        )
        drop_oldest(seat.owner_id)
        if may_speak:
            post(seat, _key(told), told.text)


def lost(delivery: Delivery, why: str) -> None:
    """Tell the owner that a delivery has failed for good, and why (a sentence). As `tell`."""
    reason = why.strip().rstrip(".")[:LONGEST_REASON]
    _tell_of(delivery, Notice.Kind.LOSS, f"could not be delivered to {delivery.room.name}: {reason}.")


def unknown(delivery: Delivery) -> None:
    """Tell the owner that nobody can say whether a delivery has arrived. As `tell`."""
    why = "the connection broke and the service lets nobody check"
    _tell_of(delivery, Notice.Kind.UNKNOWN, f"may not have arrived in {delivery.room.name}: {why}.")


def room_name(room: Room, owner_id: int) -> str:
    """How a notice to this owner names a room: only who has a Tube to it is told its name. One query."""
    ends = Q(side_a__room=room) | Q(side_b__room=room)
    is_known = Tube.objects.owned_by(owner_id).not_closed().filter(ends).exists()
    return room.name if is_known else STRANGE_ROOM


def _tell_of(delivery: Delivery, kind: Notice.Kind, what_became: str) -> None:
    event = delivery.event
    if event.room is None:  # a notice of ours: it stands on Manage, and one about it would follow it
        return
    seat = delivery.seat
    what = _NAMES.get(event.kind, "A message")
    tell(seat, kind, f"{what} from {room_name(event.room, seat.owner_id)} {what_became}", in_room=True)


def _count_up(notice: Notice, words: Words, times: int, now: datetime) -> bool:
    """Count a notice up, where it is young or waits in its lane; False where it has to be told anew."""
    number = notice.count + times
    waiting = Event.objects.filter(
        room=None,
        kind=Kind.NOTICE.value,
        dedupe_key=_key(notice),
        deliveries__status=Delivery.Status.QUEUED,
        deliveries__part=0,
    )
    waits = waiting.update(body=_body(words(number)), said_at=now)
    if not waits and now - notice.created_at > AGAIN:
        return False
    Notice.objects.filter(pk=notice.pk).update(count=number, text=words(number))
    return True


def one_at_a_time(seat: Seat) -> None:
    """Have who tells something at a Seat wait for whoever does so just now: of two, one counts the other.

    Inside the caller's transaction, which holds no row of a Seat yet, or that one.
    """
    list(Seat.objects.select_for_update(no_key=True).filter(pk=seat.pk).values_list("pk"))


def _may_speak(seat: Seat, kind: Notice.Kind, words: Words, now: datetime) -> bool:
    """Whether the room has heard neither this nor too much of its kind lately: their reasons may all differ.

    Whatever its owner has put away since. One query.
    """
    lately = Notice.objects.filter(seat=seat, kind=kind, created_at__gte=now - AGAIN).order_by("-pk")
    heard = list(lately[:MOST_SAID])
    return len(heard) < MOST_SAID and not any(one.text == words(one.count) for one in heard)


def drop_oldest(owner_id: int) -> None:
    """Keep an owner's newest MOST_KEPT notices. Inside the caller's transaction."""
    surplus = Notice.objects.filter(owner=owner_id).order_by("-created_at", "-pk")
    if oldest := list(surplus.values_list("pk", flat=True)[MOST_KEPT : MOST_KEPT + 100]):
        Notice.objects.filter(pk__in=oldest).delete()


def post(seat: Seat, key: str, text: str) -> Delivery:
    """Put words of our own into the Seat's lane, like everything else that is posted. Not repeatable."""
    now = clock.now()
    event = Event.objects.create(
        room=None,
        number=0,
        kind=Kind.NOTICE.value,
        dedupe_key=key,
        body=_body(text),
        said_at=now,
        accepted_at=now,
    )
    delivery = Delivery.objects.create(event=event, room_id=seat.room_id, seat=seat, origin=None)
    bell.ring_lanes_on_commit([seat.pk])
    return delivery


def _key(notice: Notice) -> str:
    return f"notice-{notice.pk}"


def _body(text: str) -> dict[str, object]:
    return to_json(plain.parse(text))
