"""Going on from now: what waits is dropped, and every room is read on from its newest item.

For a database that was restored from a backup. What it has queued was perhaps sent since, and where it
stands in each room is the past: catching up from there would say things twice.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import Count, QuerySet

from connectors.base import Cursor, RoomId
from connectors.errors import ConnectorError, LoginRejected, RetryLater, RoomGone, UnsupportedAction
from sameroom import clock
from tubes.models import Delivery, Event, Notice, Room, Seat, Tube
from tubes.relay import notices
from tubes.relay.ends import count_ends
from tubes.relay.expiry import SPOKEN

LEFT_OUT = "Left out when the relay was resumed from now on."
MAY_HAVE_GONE = "May have been sent: the relay was resumed from now on before this was found out."
PATIENCE = 300.0  # seconds that a service may make us wait before it counts as not answering
Status = Delivery.Status


@dataclass(frozen=True, slots=True)
class Start:
    """Where a room goes on: at `newest`, its last item; None where nothing was ever said in it.

    Where that was not learned (`is_read` is False), it goes on where it stands, and what was said up
    to now does not cross its Tubes.
    """

    room: Room
    newest: Cursor | None = None
    is_read: bool = False
    trouble: str = ""  # why its service, which should have answered, did not


@dataclass(frozen=True, slots=True)
class Dropped:
    """What was left out, in rows."""

    queued: int
    sending: int
    held: int


def rooms_in_use() -> list[Room]:
    """The rooms that open Tubes or Portals touch."""
    seats = Seat.objects.in_use().values("room")
    return list(Room.objects.filter(pk__in=seats).order_by("kind", "space", "name", "pk"))


def look(room: Room, *, patience: float = PATIENCE) -> Start:
    """Ask a room's service for its newest item: as its reader, else as another that can. Network I/O.

    May be repeated. Waits as the service asks for, up to `patience` seconds.
    """
    able = Seat.objects.able().filter(room=room).select_related("account").order_by("pk")
    trouble = ""
    for seat in sorted(able, key=lambda seat: seat.pk != room.reader_id):
        try:
            newest = _newest(seat, room, patience)
        except (LoginRejected, RoomGone, UnsupportedAction):
            continue  # it answers, and not to this account
        except ConnectorError as error:
            trouble = str(error)
        else:
            return Start(room, newest[-1] if newest else None, is_read=True)
    return Start(room, trouble=trouble)


def go_on_from(starts: Sequence[Start]) -> Dropped:
    """Drop what waits, and have each room go on from its start. One transaction; may be repeated.

    The relay has to be stopped. What is half sent may have arrived and so ends `unknown`. What was
    held, as it may be such a send, is let go of: it was said before now, whosever it is.
    """
    now = clock.now()
    with transaction.atomic():
        rooms = Room.objects.select_for_update(no_key=True).filter(pk__in=[start.room.pk for start in starts])
        list(rooms.order_by("pk"))
        for start in starts:
            _go_on(start, now)
        sending = Delivery.objects.filter(status=Status.SENDING)
        queued = Delivery.objects.filter(status=Status.QUEUED)
        held = Event.objects.filter(held=Event.Held.WAITING)
        _tell_owners(sending, Notice.Kind.UNKNOWN, "may not have arrived in {room}", now)
        _tell_owners(queued, Notice.Kind.CATCH_UP, "for {room} left out", now)
        count_ends(sending.values_list("room_id", flat=True), Status.UNKNOWN)
        count_ends(queued.values_list("room_id", flat=True), Status.SKIPPED)
        return Dropped(
            sending=sending.update(status=Status.UNKNOWN, error=MAY_HAVE_GONE, finished_at=now),
            queued=queued.update(status=Status.SKIPPED, error=LEFT_OUT, finished_at=now),
            held=held.update(held=Event.Held.NO, body=None, attachments=[]),
        )


def _newest(seat: Seat, room: Room, patience: float) -> Sequence[Cursor]:
    connector = seat.account.connector()
    if not connector.capabilities.history:
        raise UnsupportedAction(f"{connector.label} keeps no history.")
    ends = clock.monotonic() + patience
    while True:
        try:
            return connector.newest(RoomId(room.remote_id))
        except RetryLater as error:
            if error.seconds is None or clock.monotonic() + error.seconds > ends:
                raise
            time.sleep(error.seconds)


def _go_on(start: Start, now: datetime) -> None:
    """Move the room's read position, and on its sides of open Tubes the marker."""
    newest, room = start.newest, start.room
    place = (newest.id[:255], newest.time) if newest else ("", None)
    if start.is_read:
        Room.objects.filter(pk=room.pk).update(read_id=place[0], read_time=place[1])
    else:
        place = ("", now)
    for side in "ab":
        tubes = Tube.objects.not_closed().filter(**{f"side_{side}__room": room})
        tubes.update(**{f"marker_{side}_id": place[0], f"marker_{side}_time": place[1]})


def _tell_owners(rows: QuerySet[Delivery], kind: Notice.Kind, what: str, now: datetime) -> None:
    """Tell each Seat's owner, on Manage, how many messages that was."""
    said = rows.filter(event__kind__in=SPOKEN, event__room__isnull=False)
    counts = dict(said.order_by().values_list("seat").annotate(Count("pk")))
    for seat in Seat.objects.filter(pk__in=counts).select_related("room").order_by("pk"):
        words = partial(_words, what.format(room=seat.room.name), f"{now:%Y-%m-%d %H:%M} UTC")
        notices.tell(seat, kind, words, in_room=False, times=counts[seat.pk])


def _words(what: str, when: str, count: int) -> str:
    some = "1 message" if count == 1 else f"{count} messages"
    return f"{some} {what}: this service was restored, and goes on with what is said since {when}."
