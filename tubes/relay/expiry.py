"""What was said too long ago is left out, counted and announced: a room catches up on one day at most.

What is late, but not too late, follows and is announced as well.

Notices of ours expire silently. Deletions do not expire: what somebody took back stays taken back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Min, Q, QuerySet

from accounts.models import LinkedAccount
from connectors.base import Kind
from sameroom import clock
from tubes.models import Delivery, Event, Notice, Room, Seat
from tubes.relay import notices, routing, sql
from tubes.relay.ends import count_ends

GIVEN_UP = "Its account stopped working in the middle of it, and was not mended in time."
AT_ONCE = 1000  # of the next deliveries of a lane: more than it has in hand itself
IS_DUE = """
    SELECT 1 FROM (
        SELECT event_id, part FROM tubes_delivery
        WHERE seat_id = %s AND status = 'queued' ORDER BY seat_id, id LIMIT %s
    ) AS head JOIN tubes_event ON tubes_event.id = head.event_id
    WHERE head.part = 0 AND tubes_event.said_at < %s AND tubes_event.kind <> 'delete' LIMIT 1
"""
LATE = timedelta(minutes=5)  # between said and posted
TURN = 2.0  # seconds; a lease is longer
SPOKEN = (Kind.MESSAGE.value, Kind.NOTICE.value, Kind.EDIT.value)  # what "12 messages" counts


def oldest() -> datetime:
    """What was said before this moment is not relayed any more."""
    return clock.now() - timedelta(hours=settings.CATCH_UP_HOURS)


def skip_old(seat: Seat) -> int:
    """Skip what waits in this lane, was not begun, and is too old; how many deliveries that were.

    Announced in the room with its number, once per origin. One small query where nothing is old. A few
    statements per AT_ONCE rows, each lot a transaction, for TURN seconds at most: may be repeated.
    """
    ends = clock.monotonic() + TURN
    skipped = 0
    while clock.monotonic() < ends and _is_due(seat):
        some = _skip_some(seat)
        if not some:
            break
        skipped += some
    return skipped


def left_out(room: Room, events: Sequence[Event]) -> dict[int, int]:
    """Tell each Seat that these events would have reached how many were too old when they arrived.

    Returns Seat id → number. Inside intake's transaction, which stores the events unrouted.
    """
    network: routing.Network = {}
    counts: Counter[int] = Counter()
    for event in _spoken(events):
        counts.update(routing.destinations(event, network=network).values())
    for seat in Seat.objects.filter(pk__in=counts).order_by("pk"):
        _announce(seat, room, counts[seat.pk])
    return dict(counts)


def come_late(room: Room, events: Sequence[Event]) -> None:
    """Tell each Seat that these events reach how many of them come late. Inside intake's transaction."""
    network: routing.Network = {}
    counts: Counter[int] = Counter()
    for event in _spoken(events):
        counts.update(routing.destinations(event, network=network).values())
    for seat in Seat.objects.filter(pk__in=counts).order_by("pk"):
        _announce_late(seat, room, counts[seat.pk])


def _spoken(events: Sequence[Event]) -> list[Event]:
    """Those that "12 messages" counts: an edit of what came with it is no message more."""
    came = {event.pk for event in events}
    return [
        event
        for event in events
        if event.kind in SPOKEN and not (event.kind == Kind.EDIT and event.about_id in came)
    ]


def follow_late(seat_ids: Iterable[int]) -> None:
    """The same of what waits at Seats that can post again, AT_ONCE at each. Two queries for a Seat."""
    for seat in Seat.objects.filter(pk__in=list(seat_ids)).order_by("pk"):
        head = Delivery.objects.filter(seat=seat, status=Delivery.Status.QUEUED).order_by("pk")
        late = Delivery.objects.filter(
            pk__in=head.values("pk")[:AT_ONCE],
            event__said_at__lt=clock.now() - LATE,
            event__said_at__gte=oldest(),
            event__kind__in=SPOKEN,
            event__room__isnull=False,
        )
        counts = Counter(late.values_list("event__room", flat=True))
        for room in Room.objects.filter(pk__in=counts).order_by("pk"):
            _announce_late(seat, room, counts[room.pk])


def skip_where_nobody_works() -> int:
    """`skip_old` for lanes that no worker comes by, as their account needs a login or their room is lost.

    What was begun there ends as well. Their owners are told on Manage, and the texts do not wait for them
    for ever. May be repeated.
    """
    idle = ~Q(failure="") | ~Q(account__status__in=LinkedAccount.USABLE)
    waiting = Delivery.objects.filter(status=Delivery.Status.QUEUED)
    heads = waiting.order_by().values("seat").annotate(head=Min("pk")).values("head")
    old = Delivery.objects.filter(pk__in=heads, event__said_at__lt=oldest()).values("seat")
    skipped = sum(skip_old(seat) for seat in Seat.objects.filter(idle, pk__in=old).order_by("pk"))
    return skipped + _end_begun(Seat.objects.filter(idle))


def _end_begun(seats: QuerySet[Seat]) -> int:
    """End what was on the wire, or half posted, when its Seat stopped working so long ago."""
    begun = Delivery.objects.filter(
        Q(status=Delivery.Status.SENDING) | Q(status=Delivery.Status.QUEUED, part__gt=0),
        seat__in=seats,
        event__said_at__lt=oldest(),
    )
    ended = 0
    for delivery in begun.select_related("event__room", "seat", "room").order_by("pk")[:AT_ONCE]:
        mine = Delivery.objects.filter(pk=delivery.pk, status=delivery.status, part=delivery.part)
        is_unknown = delivery.status == Delivery.Status.SENDING
        to = Delivery.Status.UNKNOWN if is_unknown else Delivery.Status.FAILED
        with transaction.atomic():
            if mine.update(status=to, error=GIVEN_UP, finished_at=clock.now()):
                ended += 1
                count_ends([delivery.room_id], to)
                notices.unknown(delivery) if is_unknown else notices.lost(delivery, GIVEN_UP)
    return ended


def _is_due(seat: Seat) -> bool:
    """Whether one of the lane's next is too old."""
    return bool(sql.rows(IS_DUE, [seat.pk, AT_ONCE, sql.moment(oldest())]))


def _old(seat: Seat) -> QuerySet[Delivery]:
    """The old ones among the lane's next: a lane is looked at from its head, however long it is."""
    lane = Delivery.objects.filter(seat=seat, status=Delivery.Status.QUEUED)
    head = lane.order_by("pk").values("pk")[:AT_ONCE]
    return Delivery.objects.filter(
        pk__in=head, status=Delivery.Status.QUEUED, part=0, event__said_at__lt=oldest()
    ).exclude(event__kind=Kind.DELETE.value)


def _skip_some(seat: Seat) -> int:
    with transaction.atomic():
        # What somebody else has in hand just now is left to them.
        rows = _old(seat).select_for_update(of=("self",), skip_locked=True)
        found = list(rows.values_list("pk", "event__room", "event__kind"))
        Delivery.objects.filter(pk__in=[pk for pk, _, _ in found]).update(
            status=Delivery.Status.SKIPPED, error=_too_old(), finished_at=clock.now()
        )
        count_ends([seat.room_id] * len(found), Delivery.Status.SKIPPED)
        counts = Counter(room for _, room, kind in found if room is not None and kind in SPOKEN)
        for room in Room.objects.filter(pk__in=counts).order_by("pk"):
            _announce(seat, room, counts[room.pk])
    return len(found)


def _too_old() -> str:
    return f"Older than {_hours()} when its turn came."


def _hours() -> str:
    return "1 hour" if settings.CATCH_UP_HOURS == 1 else f"{settings.CATCH_UP_HOURS} hours"


def _announce(seat: Seat, origin: Room, count: int) -> None:
    words = _words(notices.room_name(origin, seat.owner_id))
    notices.tell(seat, Notice.Kind.CATCH_UP, words, in_room=True, times=count)


def _announce_late(seat: Seat, origin: Room, count: int) -> None:
    words = _words_of_late(notices.room_name(origin, seat.owner_id))
    notices.tell(seat, Notice.Kind.LATE, words, in_room=True, times=count)


def _words_of_late(origin: str) -> Callable[[int], str]:
    def words(count: int) -> str:
        some = "1 message was" if count == 1 else f"{count} messages were"
        return f"Catching up: {some} said in {origin} some time ago."

    return words


def _words(origin: str) -> Callable[[int], str]:
    def words(count: int) -> str:
        some, were = ("1 message", "was") if count == 1 else (f"{count} messages", "were")
        return f"{some} said in {origin} more than {_hours()} ago {were} left out."

    return words
