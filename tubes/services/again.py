"""Sending again what did not arrive, or may not have: out of order, and because its owner says so."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts.models import User
from connectors.base import Kind
from sameroom import clock
from tubes.models import Delivery, Event, Post, Room
from tubes.relay import bell, expiry, routing
from tubes.relay.routing import Network

AT_ONCE = 200  # deliveries of one transaction
# So long after its end an `unknown` send may still be met where it was posted, and need not be repeated.
STILL_SOUGHT = timedelta(minutes=2)

MESSAGES = (Kind.MESSAGE, Kind.NOTICE)
REACTIONS = (Kind.REACTION, Kind.UNREACTION)
LOST = (Delivery.Status.FAILED, Delivery.Status.UNKNOWN)

UNDER_WAY = "It is on its way already, or has arrived."
ERASED = "Its text is not kept any more."
CHANGED = "It was changed since, and what it says now is not kept."
NO_WAY = "What is said before a Tube is paused or closed is not sent afterwards."
SOUGHT = "It is still being found out whether it has arrived. Try again in a few minutes."


class NotAgain(Exception):
    """A delivery cannot be sent again; `str(error)` is the sentence for the user."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """What sending a delivery again would do."""

    says: Event  # whose text is posted: the message as it was changed last
    why_not: str = ""  # a sentence, where it cannot be sent again


def delivery_send_again(*, delivery: Delivery, by: User | None) -> None:
    """Queue a failed or unknown delivery of this owner once more; anybody's for an operator (`by` None).

    Its lane is rung for on commit.

    Being older, it is posted before what waits there from its room, and after what has been posted.
    What has arrived of its parts is not repeated. Raises NotAgain.
    """
    with transaction.atomic():
        for fresh, prospect in _looked_at([delivery.pk], by):
            if prospect.why_not:
                raise NotAgain(prospect.why_not)
            if queue_again(fresh, prospect):
                return
        raise NotAgain(UNDER_WAY)


def deliveries_send_again(*, deliveries: Sequence[Delivery], by: User | None) -> int:
    """Queue those of these deliveries that can be sent again; how many. AT_ONCE rows per transaction.

    `by` as above.
    """
    ids = sorted(delivery.pk for delivery in deliveries)
    queued = 0
    for start in range(0, len(ids), AT_ONCE):
        with transaction.atomic():
            looked_at = _looked_at(ids[start : start + AT_ONCE], by)
            queued += sum(
                queue_again(fresh, prospect) for fresh, prospect in looked_at if not prospect.why_not
            )
    return queued


def prospects(
    deliveries: Collection[Delivery], *, among: Collection[Delivery.Status] = LOST
) -> dict[int, Prospect]:
    """Delivery id → what sending it again would do; loaded with event, carries, room and seat. Two queries.

    `among` are the states in which one may be queued once more.
    """
    events = [delivery.event for delivery in deliveries]
    later = _what_followed(events)
    network: Network = {}
    routing.fill(network, {event.room_id for event in events if event.room_id is not None})
    return {
        delivery.pk: _prospect(delivery, later[_message_of(delivery.event)], network, among)
        for delivery in deliveries
    }


def _looked_at(ids: Sequence[int], by: User | None) -> list[tuple[Delivery, Prospect]]:
    """These deliveries as they stand, their origins locked: an edit or a deletion comes before or after."""
    origins = Delivery.objects.filter(pk__in=ids).values("origin")
    list(Room.objects.select_for_update(no_key=True).filter(pk__in=origins).order_by("pk"))
    found = (
        Delivery.objects.filter(pk__in=ids)
        if by is None
        else Delivery.objects.filter(pk__in=ids, seat__owner=by)
    )
    fresh = list(found.order_by("pk").select_related("event", "carries", "room"))
    known = prospects(fresh)
    return [(delivery, known[delivery.pk]) for delivery in fresh]


def queue_again(delivery: Delivery, prospect: Prospect) -> bool:
    """Compare-and-swap to `queued`; False where somebody was first. Its lane is rung for on commit."""
    if Delivery.Status.QUEUED not in Delivery.MOVES[delivery.status]:
        return False
    was_unknown = delivery.status == Delivery.Status.UNKNOWN
    changes: dict[str, Any] = {"carries": prospect.says} if prospect.says.pk != delivery.event_id else {}
    queued = Delivery.objects.filter(pk=delivery.pk, status=delivery.status, seat=delivery.seat_id).update(
        status=Delivery.Status.QUEUED,
        attempts=0,
        failing_since=None,
        next_attempt_at=clock.now(),
        finished_at=None,
        error="",
        lead=None,
        **changes,
    )
    if queued:
        if was_unknown and delivery.fingerprint:
            _still_know(delivery)
        bell.ring_lanes_on_commit([delivery.seat_id])
    return queued == 1


def _still_know(delivery: Delivery) -> None:
    """Keep the text of the first copy: where it has arrived after all, it is ours when it is read."""
    Post.objects.create(
        room_id=delivery.room_id,
        fingerprint=delivery.fingerprint,
        posted_at=delivery.finished_at or clock.now(),
    )


def _what_followed(events: Collection[Event]) -> Mapping[int, list[Event]]:
    """Message → the edits of it and reactions to it, oldest first. One query."""
    abouts = {_message_of(event) for event in events}
    followed = Event.objects.filter(about__in=abouts, kind__in=(Kind.EDIT, *REACTIONS), held=Event.Held.NO)
    found: dict[int, list[Event]] = defaultdict(list)
    for event in followed.order_by("pk"):
        found[event.about_id or 0].append(event)
    return found


def _message_of(event: Event) -> int:
    """The message that this event is, or changes, or reacts to."""
    return event.pk if event.kind in MESSAGES else event.about_id or 0


def _prospect(
    delivery: Delivery, followed: Sequence[Event], network: Network, among: Collection[Delivery.Status]
) -> Prospect:
    event = delivery.event
    says = _as_it_is_now(delivery, followed)
    if delivery.status not in among or event.room_id is None:
        return Prospect(says, UNDER_WAY)
    if event.kind in (*MESSAGES, Kind.EDIT) and (event.body is None or says.body is None):
        return Prospect(says, ERASED if event.body is None else CHANGED)
    if _is_overtaken(delivery, says, followed):
        return Prospect(says, CHANGED)
    if event.said_at < expiry.oldest() and event.kind != Kind.DELETE:
        return Prospect(says, f"It was said more than {settings.CATCH_UP_HOURS} hours ago.")
    if delivery.room_id not in routing.ways(event, network=network):
        return Prospect(says, NO_WAY)
    return Prospect(says, SOUGHT if _is_sought(delivery) else "")


def _as_it_is_now(delivery: Delivery, followed: Sequence[Event]) -> Event:
    """The event whose text a message has by now: its last edit, though it was never brought there."""
    event = delivery.event
    edits = [one for one in followed if one.kind == Kind.EDIT and one.room_id == event.room_id]
    return edits[-1] if edits and event.kind in MESSAGES else delivery.carries or event


def _is_overtaken(delivery: Delivery, says: Event, followed: Sequence[Event]) -> bool:
    """Whether sending it would undo, or mix with, what its author did later."""
    event = delivery.event
    later = [one for one in followed if one.pk > event.pk and one.author_id == event.author_id]
    if event.kind in MESSAGES:
        return bool(delivery.part) and says.pk not in (event.pk, delivery.carries_id)
    if event.kind in REACTIONS:
        return any(one.kind in REACTIONS and one.emoji == event.emoji for one in later)
    return event.kind == Kind.EDIT and any(one.kind == Kind.EDIT for one in later)


def _is_sought(delivery: Delivery) -> bool:
    """Whether an `unknown` send may yet be met by those who read its room."""
    if delivery.status != Delivery.Status.UNKNOWN or delivery.finished_at is None:
        return False
    return delivery.finished_at > clock.now() - STILL_SOUGHT or delivery.room.read_failures > 0
