"""Troubles for pictures, put into the database of a Sameroom that is running.

`python -m tests.browser.troubles NAME EMAIL`, in that Sameroom's environment, whose owner has TUBES.
"""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta

from sameroom.env import BASE_DIR
from standalone.throwaway import Sameroom

# Tubes that the troubled owner has, and a service that pushes.
TUBES = (("Globex project", "Acme project"), ("Watercooler", "Lounge"), ("Support", "Helpdesk"))
WITH_PUSHES = {"CONNECTORS": "hipchat,stub.connector"}
PUSHED = "stub"


def make(name: str, email: str, sameroom: Sameroom) -> None:
    """Put the trouble of this name into a running Sameroom."""
    environment = {
        **os.environ,
        **WITH_PUSHES,
        "LOCAL": "1",
        "PUBLIC_URL": sameroom.address,
        "VAR_DIR": str(sameroom.log.parent),
        "DJANGO_SETTINGS_MODULE": "sameroom.settings",
    }
    command = [sys.executable, "-m", "tests.browser.troubles", name, email]
    subprocess.run(command, cwd=BASE_DIR, env=environment, check=True)


def lost_and_waiting(email: str) -> None:
    """A limit, an outage, an echo; messages that did not arrive; and what the owner is told of it all."""
    from tests import factories
    from tubes.models import Notice, Seat, Tube

    now = _now()
    seats = {seat.room.name: seat for seat in Seat.objects.filter(owner__email=email).select_related("room")}
    helpdesk, lounge = seats["Helpdesk"], seats["Lounge"]
    for _ in range(17):
        factories.delivery(factories.event(seats["Support"].room), helpdesk)
    rest = now + timedelta(seconds=58)
    Seat.objects.filter(pk=helpdesk.pk).update(lane_not_before=rest, throttled_since=now)
    error = "hipchat.example.com answered with an error (status 503)."
    factories.delivery(factories.event(seats["Watercooler"].room), lounge, error=error, failing_since=now)
    Seat.objects.filter(pk=lounge.pk).update(lane_not_before=rest)
    _lose(seats["Lounge"], seats["Watercooler"])
    Tube.objects.filter(side_a__room__name="Globex project").update(status="paused", status_by=None)
    losses = (
        Notice.Kind.LOSS,
        Notice.Kind.UNKNOWN,
        Notice.Kind.CATCH_UP,
        Notice.Kind.QUOTA,
        Notice.Kind.BREAKER,
    )
    for number, (kind, text) in enumerate(zip(losses, TOLD, strict=True)):
        at = now - timedelta(minutes=7 * number)
        seat = seats["Watercooler"] if number < 2 else helpdesk
        factories.notice(seat, text, kind=kind, created_at=at, count=3 if number == 0 else 1)


TOLD = (
    "A message from Lounge could not be delivered to Watercooler: HipChat refused the message.",
    "A message from Lounge may not have arrived in Watercooler: the connection broke and the service lets "
    "nobody check.",
    "12 messages said in Support more than 24 hours ago were left out.",
    "The daily limit of 500 messages is reached; messages from other rooms are left out until 00:00 UTC.",
    "Sameroom has paused the Tube between Globex project and Acme project: within 60 seconds the same text "
    "crossed it 6 times to and fro. Another bridge joins these rooms too, and the two copy each other's "
    "messages. Remove the other bridge, then press Resume under Manage.",
)
SAID = (
    ("Dana Fox", "Has anybody seen the blue van?", "failed", "HipChat refused the message."),
    (
        "Emil Novak",
        "It is in the yard behind the second warehouse, the key hangs at the gate, and the papers for Oslo "
        "lie on the front seat, where Farah put them this morning.",
        "failed",
        "HipChat refused the message.",
    ),
    ("Farah Aziz", "", "failed", "HipChat refused the message."),
    ("Dana Fox", "Found it, thanks!", "unknown", "May have been sent: the connection broke."),
)


def _lose(origin: object, destination: object) -> None:
    from connectors.markup import plain
    from connectors.markup.tree import to_json
    from tests import factories

    for number, (author, text, status, error) in enumerate(SAID):
        at = _now() - timedelta(minutes=40 - number)
        body = to_json(plain.parse(text)) if text else None
        event = factories.event(origin.room, body=body, author_name=author, author_team="Globex", said_at=at)  # type: ignore[attr-defined]
        factories.delivery(event, destination, status=status, error=error, finished_at=at)  # type: ignore[arg-type]


def ending(email: str) -> None:
    """A login that ends soon, one that was refused, and a room that is closed to us."""
    from accounts.models import LinkedAccount
    from connectors.hipchat.client import REFUSED
    from tubes.models import Seat

    now = _now()
    mine = LinkedAccount.objects.filter(owner__email=email)
    mine.filter(team_name="Acme").update(expires_at=now + timedelta(days=9))
    globex = mine.filter(team_name="Globex")
    globex.update(status="needs_login", status_reason=REFUSED, status_since=now)
    gone = "HipChat no longer lets the linked user into this room. Have the user added to it there."
    Seat.objects.filter(owner__email=email, room__name="Watercooler").update(failure=gone, failed_since=now)


def pushed(email: str) -> None:
    """An account at a service that pushes."""
    from accounts.models import User
    from tests import factories

    owner = User.objects.get(email=email)
    values = {"kind": PUSHED, "server": "https://chat.example.com", "remote_user_name": "Sameroom Bot"}
    account = factories.account(owner, rooms_refreshed_at=_now(), **values)
    factories.listing(account, "Lobby")


def stopped(email: str) -> None:
    """A relay that must not go on by itself."""
    from tubes.models import Installation
    from tubes.relay import guard

    reason = guard.OLDER.format(mark=120, seen=364)
    Installation.objects.update_or_create(pk=1, defaults={"stopped_because": reason})


def staff(email: str) -> None:
    """The owner becomes an operator."""
    from accounts.models import User

    User.objects.filter(email=email).update(is_staff=True, is_superuser=True)


def watched(email: str) -> None:
    """An hour of which something is known, for the monitor's charts; what waits goes on waiting."""
    from operating.models import Watch
    from tubes.models import Seat

    resting = Seat.objects.filter(owner__email=email, lane_not_before__isnull=False)
    resting.update(lane_not_before=_now() + timedelta(hours=1))
    Watch.objects.all().delete()
    for number in range(60, 0, -1):
        since, until = (_now() - timedelta(minutes=number - late) for late in (0, 1))
        height = 60 + number * 7 % 23 + (40 if 20 < number < 35 else 0)
        counts = {"events|hipchat|message": height, "ended|hipchat|sent": height - 2}
        counts |= {"lag|hipchat|4": height, "lag|hipchat|6": height // 10, "lag|hipchat|9": number % 3}
        counts |= {"ended|hipchat|failed": 6} if 25 < number < 30 else {}
        Watch.objects.create(since=since, until=until, counts=counts, is_newest=False)


def _now() -> object:
    from sameroom import clock

    return clock.now()


if __name__ == "__main__":
    import django

    django.setup()
    {task.__name__: task for task in (lost_and_waiting, ending, pushed, stopped, staff, watched)}[
        sys.argv[1]
    ](sys.argv[2])
