"""`python -m bench.monitor [deliveries]`: how long the relay monitor takes with five million deliveries.

Rows are made by PostgreSQL itself, in a database that is thrown away. One process, no network: Django's test
client calls the views, so the figures are of our code and the database.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from bench.pages import database, measure

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import User

DELIVERIES: Final = 5_000_000
ROOMS: Final = 2_000
ACCOUNTS: Final = 2_000
OPEN: Final = 20_000  # queued now; a quarter of them in one lane
DAYS: Final = 7

# An event goes to two rooms. Times are spread over DAYS, in the order of the ids.
EVENTS_SQL: Final = """
INSERT INTO tubes_event (room_id, number, kind, dedupe_key, remote_id, target, reply_to, emoji, author_id,
    author_name, author_username, author_avatar_url, author_team, body, attachments, fingerprint, held,
    said_at, accepted_at)
SELECT %(room)s + n %% %(rooms)s, n, CASE WHEN n %% 20 = 0 THEN 'edit' ELSE 'message' END, 'k' || n, 'm' || n,
    '', '', '', 'u' || n %% 500, 'Dana Fox', 'dana', '', 'Acme', NULL, '[]', '', 'no', at, at
FROM (SELECT n, now() - make_interval(secs => (%(events)s - n) * %(step)s) AS at
      FROM generate_series(1, %(events)s) AS n) AS numbered
"""
DELIVERIES_SQL: Final = """
INSERT INTO tubes_delivery (event_id, room_id, seat_id, origin_id, status, attempts, part, fingerprint,
    next_attempt_at, finished_at, error, created_at)
SELECT event.id, %(room)s + (event.number + 1 + 7 * side) %% %(rooms)s,
    %(seat)s + (event.number + 1 + 7 * side) %% %(rooms)s, event.room_id, status, 1, 1, '', at,
    at + interval '200 ms',
    CASE WHEN status IN ('failed', 'unknown') THEN 'The service refused it for reason ' || number %% 7 || '.'
         WHEN status = 'skipped' THEN 'Its Tube was paused.' ELSE '' END, at
FROM (SELECT id, number, room_id, accepted_at AS at, side,
        CASE WHEN (number * 2 + side) %% 1000 < 5 THEN 'failed'
             WHEN (number * 2 + side) %% 1000 < 8 THEN 'unknown'
             WHEN (number * 2 + side) %% 1000 < 13 THEN 'skipped' ELSE 'sent' END AS status
      FROM tubes_event CROSS JOIN generate_series(0, 1) AS side) AS event
ORDER BY event.id
"""
OPEN_SQL: Final = """
UPDATE tubes_delivery SET status = 'queued', finished_at = NULL, error = ''
WHERE id > (SELECT max(id) FROM tubes_delivery) - %(open)s * 3 / 4 AND status = 'sent'
"""
DEEP_SQL: Final = """
UPDATE tubes_delivery SET status = 'queued', finished_at = NULL WHERE id IN (
    SELECT id FROM tubes_delivery WHERE seat_id = %(seat)s + 5 ORDER BY id DESC LIMIT %(open)s / 4)
"""
POSTS_SQL: Final = """
INSERT INTO tubes_post (delivery_id, room_id, part, remote_id, fingerprint, is_seen, posted_at)
SELECT id, room_id, 0, 'p' || id, '', false, finished_at FROM tubes_delivery WHERE status = 'sent'
"""


def populate(deliveries: int) -> Client:
    """An installation of a week, and a browser in which its operator is signed in."""
    from django.db import connection
    from django.test import Client

    from accounts.models import User

    operator = User.objects.create_superuser("operator@example.com")
    room, seat = _tubes(operator)
    values = {
        "room": room,
        "seat": seat,
        "rooms": ROOMS,
        "events": deliveries // 2,
        "step": DAYS * 86_400 / (deliveries // 2),
        "open": OPEN,
    }
    with connection.cursor() as cursor:
        for statement in (EVENTS_SQL, DELIVERIES_SQL, OPEN_SQL, DEEP_SQL, POSTS_SQL):
            cursor.execute(statement, values)
        cursor.execute("VACUUM ANALYZE")
    _watches()
    client = Client(SERVER_NAME="localhost")
    client.force_login(operator)
    return client


def _tubes(operator: User) -> tuple[int, int]:
    """Rooms in pairs, each with an account of its own; the first ids of a room and of a Seat."""
    from accounts.models import LinkedAccount
    from sameroom import clock
    from tubes.models import Room, Seat, Tube

    accounts = [_account(operator, number) for number in range(ACCOUNTS)]
    LinkedAccount.objects.bulk_create(accounts)
    due = clock.now()
    rooms = Room.objects.bulk_create(
        Room(kind="stub", space="bench", remote_id=f"r{n}", name=f"Room {n}", next_poll_at=due)
        for n in range(ROOMS)
    )
    seats = Seat.objects.bulk_create(
        Seat(owner=operator, account=accounts[n], room=room) for n, room in enumerate(rooms)
    )
    for room, seat in zip(rooms, seats, strict=True):
        room.reader = seat
    Room.objects.bulk_update(rooms, ["reader"], batch_size=500)
    Tube.objects.bulk_create(
        Tube(side_a=seats[2 * n], side_b=seats[2 * n + 1], opened_by=operator) for n in range(ROOMS // 2)
    )
    return rooms[0].pk, seats[0].pk


def _account(owner: Any, number: int) -> Any:
    from accounts.models import LinkedAccount

    account = LinkedAccount(
        owner=owner,
        kind="stub",
        server="http://127.0.0.1:9000",
        space="bench",
        team_name="Acme",
        remote_user_id=str(number),
        remote_user_name=f"Relay {number}",
        status="needs_login" if number % 40 == 0 else "connected",
        status_reason="The token was refused." if number % 40 == 0 else "",
    )
    account.credentials = {"token": "unused", "features": "history,ids"}
    return account


def _watches() -> None:
    """A look each minute, for as long as charts reach back."""
    from operating.models import Watch
    from sameroom import clock

    now = clock.now()
    counts = {"events|stub|message": 240, "ended|stub|sent": 470, "ended|stub|failed": 3}
    counts |= {f"lag|stub|{bucket}": 40 + bucket for bucket in range(10)}
    minutes = DAYS * 1440
    Watch.objects.bulk_create(
        [
            Watch(
                since=now - timedelta(minutes=number),
                until=now - timedelta(minutes=number - 1),
                counts=counts,
                totals={} if number == 1 else None,
                is_newest=number == 1,
            )
            for number in range(minutes, 0, -1)
        ],
        batch_size=1000,
    )


def pages(client: Client) -> dict[str, Callable[[], Any]]:
    """What is measured, by name."""
    from django.urls import reverse

    from operating import finding
    from operating.overview import SPANS
    from sameroom import clock
    from tubes.models import Delivery, Seat

    home, deliveries, events = (
        reverse(f"admin:operating_{name}") for name in ("watch_changelist", "deliveries", "events")
    )
    day = clock.now() - SPANS["24h"][1]
    reason = finding.reasons(day)[0].digest
    seat = Seat.objects.order_by("pk")[5].pk
    middle = Delivery.objects.order_by("pk")[:1].get().pk + DELIVERIES // 2
    event = Delivery.objects.filter(status="failed").order_by("-pk").values_list("event", flat=True)[0]
    since, until = int(day.timestamp()), int(day.timestamp()) + 60

    def get(path: str, **query: Any) -> Callable[[], Any]:
        return lambda: client.get(path, query)

    return {
        **{f"first page, {name}": get(home, span=name) for name in SPANS},
        "deliveries, newest": get(deliveries),
        "deliveries, from the middle": get(deliveries, before=middle),
        "deliveries of one minute (a chart's column)": get(
            deliveries, since=since, until=until, state="sent"
        ),
        "deliveries, open": get(deliveries, state="open"),
        "deliveries, lost": get(deliveries, state="lost"),
        "deliveries, lost for one reason": get(deliveries, state="lost", reason=reason, since=since),
        "deliveries, removed (there are none)": get(deliveries, state="removed"),
        "deliveries, of a service that has none": get(deliveries, service="echo"),
        "deliveries of a lane": get(deliveries, seat=seat),
        "deliveries of a lane, open": get(deliveries, seat=seat, state="open"),
        "deliveries of a lane, lost": get(deliveries, seat=seat, state="lost"),
        "events, newest": get(events),
        "events of one minute (a chart's column)": get(events, since=since, until=until),
        "events, reactions (there are none)": get(events, kind="reaction"),
        "one message": get(reverse("admin:operating_event", args=[event])),
        "a lane": get(reverse("admin:operating_lane", args=[seat])),
        "an account": get(reverse("admin:operating_account", args=[Seat.objects.get(pk=seat).account_id])),
        "found by a delivery's id": get(reverse("admin:operating_find"), id=str(middle)),
        "found by the service's id of what was said": get(reverse("admin:operating_find"), id="m1234567"),
        "found by no id": get(reverse("admin:operating_find"), id="nowhere"),
        "admin: Deliveries": get(reverse("admin:tubes_delivery_changelist")),
        "admin: Events": get(reverse("admin:tubes_event_changelist")),
        "admin: Posts": get(reverse("admin:tubes_post_changelist")),
    }


def main(deliveries: int) -> None:
    """Print a table."""
    with database("postgresql"):
        begun = time.monotonic()
        client = populate(deliveries)
        print(
            f"{deliveries:,} deliveries made in {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True
        )
        print("| page | least ms | median | most |\n|---|---:|---:|---:|")
        for name, call in pages(client).items():
            print(f"| {name} | {' | '.join(f'{it:.0f}' for it in measure(call))} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else DELIVERIES)
