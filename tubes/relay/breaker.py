"""The breaker: pauses a Tube where somebody else's bridge joins the same rooms.

Our own walk cannot loop. But what another bridge copies back comes from an author we do not know, is
taken in, crosses the Tube again, and so on. It shows by the same text, without its prefixes, crossing in
alternating directions.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from celery import current_app
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from kombu.exceptions import KombuError

from accounts.models import User
from connectors.markup.sanitize import head_line
from sameroom import clock
from tubes.models import Event, Notice, Room, Tube
from tubes.relay import notices, routing, sql
from tubes.relay.routing import Hop

log = logging.getLogger(__name__)

MAIL = "tubes.tasks.mail_about_echo"
WINDOW = timedelta(seconds=60)
TIMES = 6  # crossings in alternating directions
LAST = 50  # events of a room that are looked at
FEWEST = 2  # of TIMES, at least two came from this room before
# As SQL: it is asked with everything that is taken in.
OFTEN = """
    SELECT fingerprint FROM tubes_event
    WHERE room_id = %s AND number >= %s AND number < %s AND accepted_at > %s AND held = 'no'
    AND fingerprint IN {wanted} GROUP BY fingerprint HAVING COUNT(*) >= %s
"""

Network = dict[int, list[Hop]]  # room id → ways out of it


def suspects(room_id: int, fingerprints: Iterable[str], before_number: int, now: datetime) -> set[str]:
    """Which of these texts were said FEWEST times or more among this room's last events. One query."""
    wanted = sql.padded(fingerprint for fingerprint in set(fingerprints) if fingerprint)
    if not wanted:
        return set()
    values = [room_id, before_number - LAST, before_number, sql.moment(now - WINDOW), *wanted, FEWEST]
    found = sql.rows(OFTEN.format(wanted=sql.marks(wanted)), values)
    return {fingerprint for (fingerprint,) in found}


def trip(room: Room, events: Sequence[Event]) -> list[int]:
    """Pause the Tubes at this room over which the text of one of these events goes to and fro.

    Only for texts that `suspects` named. Inside intake's transaction, after the events were stored
    and before they are routed. Their owners are told, not in the rooms: a notice would be echoed as
    well. Returns the ids of the Tubes paused.
    """
    network: Network = {}
    paused: dict[int, None] = {}
    for fingerprint in {event.fingerprint for event in events if event.fingerprint}:
        for tube_id, sources in _crossings(room.pk, fingerprint, network).items():
            if sum(1 for _ in groupby(sources)) >= TIMES and _pause(tube_id):
                paused[tube_id] = None
    return list(paused)


def mail_owners(tube_id: int) -> None:
    """Write to the owners of both sides of a Tube that was paused for its echo. Network I/O.

    May be repeated, and then writes again. A mail that does not go out is logged: Manage says the same.
    """
    tube = Tube.objects.with_sides().filter(pk=tube_id, status=Tube.Status.PAUSED, status_by=None).first()
    if tube is None:
        return  # somebody was faster
    link = settings.PUBLIC_URL + reverse("tubes:tube-detail", args=[tube.code])
    mails = [
        EmailMessage(head_line(f"Paused: {_rooms(tube)}"), f"{_words(tube)}\n\n{link}\n", to=[owner.email])
        for owner in _owners(tube).values()
        if owner.is_active
    ]
    for mail in mails:
        try:
            get_connection().send_messages([mail])
        except OSError as error:  # SMTP's errors are OSErrors as well
            log.warning("A mail about Tube %s did not go out: %s", tube.code, type(error).__name__)


def _crossings(room_id: int, fingerprint: str, network: Network) -> dict[int, list[int]]:
    """Tube at this room → the rooms from which the text crossed it, in the order of acceptance."""
    rooms = Room.objects.filter(pk__in={room_id} | {hop.target for hop in _walk(room_id, network)})
    last = Q()  # each room's own range of numbers: there is an index on these
    for pk, number in rooms.values_list("pk", "next_event_number"):
        last |= Q(room=pk, number__gte=number - LAST)
    said = Event.objects.filter(
        last, fingerprint=fingerprint, accepted_at__gt=clock.now() - WINDOW, held=Event.Held.NO
    )
    crossed: dict[int, list[int]] = {}
    for origin, accepted_at in said.order_by("accepted_at", "pk").values_list("room", "accepted_at"):
        for hop in _walk(origin, network):
            if room_id in (hop.source, hop.target) and accepted_at >= hop.open_since:
                crossed.setdefault(hop.tube, []).append(hop.source)
    return crossed


def _walk(room_id: int, network: Network) -> list[Hop]:
    """The way of a message said here, as the router walks it; `network` is shared between walks."""
    seen = {room_id}
    frontier = [room_id]
    way: list[Hop] = []
    while frontier:
        routing.fill(network, frontier)
        hops = [hop for room in frontier for hop in network[room]]
        frontier = []
        for hop in sorted(hops, key=lambda hop: (not hop.is_able, hop.tube)):
            if hop.target not in seen:
                seen.add(hop.target)
                way.append(hop)
                frontier += [] if hop.has_failed else [hop.target]
    return way


def _pause(tube_id: int) -> bool:
    """Compare-and-swap; whoever pauses tells."""
    active = Tube.objects.filter(pk=tube_id, status=Tube.Status.ACTIVE)
    with transaction.atomic():
        if not active.update(status=Tube.Status.PAUSED, status_by=None, status_since=clock.now()):
            return False
        tube = Tube.objects.with_sides().get(pk=tube_id)
        log.warning("Tube %s is paused: the same text went to and fro", tube.code)
        for seat in {seat.owner_id: seat for seat in (tube.side_b, tube.side_a)}.values():
            notices.tell(seat, Notice.Kind.BREAKER, _words(tube), in_room=False)
        transaction.on_commit(lambda: _ring_mail(tube_id), robust=True)
    return True


def _ring_mail(tube_id: int) -> None:
    """Have a worker write: nobody's transaction, nor the reading of a room, waits for a mail server."""
    try:
        current_app.send_task(MAIL, args=(tube_id,), retry=False, ignore_result=True)
    except (KombuError, OSError) as error:
        log.warning("The broker did not take a mail (%s); Manage says the same", type(error).__name__)


def _owners(tube: Tube) -> dict[int, User]:
    return {seat.owner_id: seat.owner for seat in (tube.side_a, tube.side_b)}


def _rooms(tube: Tube) -> str:
    return f"the Tube between {tube.side_a.room.name} and {tube.side_b.room.name}"


def _words(tube: Tube) -> str:
    seconds = int(WINDOW.total_seconds())
    return (
        f"Sameroom has paused {_rooms(tube)}: within {seconds} seconds the same text crossed it "
        f"{TIMES} times to and fro. Another bridge joins these rooms too, and the two copy each other's "
        "messages. Remove the other bridge, then press Resume under Manage."
    )
