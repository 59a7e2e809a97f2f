"""`python -m bench.pages [postgresql|sqlite]`: how long the server takes for the pages of a large owner.

One process, no network: Django's test client calls the views, so the figures are of our code and the
database. The database is made for it and thrown away.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING, Any

from tests import servers

if TYPE_CHECKING:
    from django.test import Client

ROOMS = 10_000
TUBES = 1_000
CROSSED = 20_000  # deliveries of the one Tube whose log is read
CALLS = 30
WORDS = ("alpha", "bridge", "carrier", "delta", "echo", "front desk", "garden", "help")


@contextmanager
def database(engine: str) -> Iterator[None]:
    """Django set up on an empty database of this engine."""
    with tempfile.TemporaryDirectory(prefix="sameroom-pages-") as folder:
        os.environ |= {"LOCAL": "1", "VAR_DIR": folder, "CONNECTORS": "echo,stub.connector"}
        if engine == "postgresql":
            with servers.postgres() as server:
                os.environ["DATABASE_URL"] = server.url
                _prepare()
                yield
                _let_go()
        else:
            _prepare()
            yield
            _let_go()


def _prepare() -> None:
    import django
    from django.core.management import call_command

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sameroom.settings")
    django.setup()
    call_command("migrate", verbosity=0)


def _let_go() -> None:
    from django.db import connections

    connections.close_all()


def populate() -> Client:
    """One owner with everything there is, and a browser in which they are signed in."""
    from django.db import connection
    from django.test import Client

    from accounts.models import User
    from sameroom import clock
    from tubes.models import Room, Seat, Tube

    # Who knows their way: the first look of a newcomer changes what is noted of them.
    owner = User.objects.create(email="owner@example.com", password="!", onboarded_at=clock.now())  # noqa: S106 - nobody signs in
    accounts = [_account(owner, number) for number in range(4)]
    _listings(accounts)
    rooms = Room.objects.bulk_create(
        Room(kind="stub", space=f"space{n % 2}", remote_id=f"r{n}", name=f"Room {WORDS[n % 8]} {n}")
        for n in range(2 * TUBES)
    )
    seats = Seat.objects.bulk_create(
        Seat(owner=owner, account=accounts[n % 2], room=room) for n, room in enumerate(rooms)
    )
    tubes = Tube.objects.bulk_create(
        Tube(side_a=seats[2 * n], side_b=seats[2 * n + 1], opened_by=owner, status_by=owner)
        for n in range(TUBES)
    )
    _crossings(tubes[-1])
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    client = Client(SERVER_NAME="localhost")
    client.force_login(owner)
    return client


def _account(owner: Any, number: int) -> Any:
    from accounts.models import LinkedAccount

    account = LinkedAccount(
        owner=owner,
        kind="stub",
        server=f"http://127.0.0.1:{9000 + number}",
        space=f"space{number}",
        team_name=("Acme", "Globex", "Initech", "Umbrella")[number],
        remote_user_id=str(number),
        remote_user_name="Relay",
    )
    account.credentials = {"token": "unused"}
    account.save()
    return account


def _listings(accounts: list[Any]) -> None:
    from tubes.models import RoomListing

    RoomListing.objects.bulk_create(
        [
            RoomListing(
                account=accounts[n % len(accounts)],
                owner=accounts[0].owner,
                remote_id=f"l{n}",
                name=f"{WORDS[n % 8].title()} {WORDS[n // 8 % 8]} {n}",
            )
            for n in range(ROOMS)
        ],
        batch_size=500,
    )


def _crossings(tube: Any) -> None:
    """What crossed one Tube in a month: every hundredth failed."""
    from sameroom import clock
    from tubes.models import Delivery, Event

    now = clock.now()
    events = Event.objects.bulk_create(
        [
            Event(
                room=(tube.side_a if n % 2 else tube.side_b).room,
                number=n + 1,
                kind="message",
                dedupe_key=str(n),
                author_name="Dana Fox",
                said_at=now,
            )
            for n in range(CROSSED)
        ],
        batch_size=500,
    )
    Delivery.objects.bulk_create(
        [
            Delivery(
                event=event,
                seat=tube.side_b if n % 2 else tube.side_a,
                room=(tube.side_b if n % 2 else tube.side_a).room,
                origin_id=event.room_id,
                status="failed" if n % 100 == 0 else "sent",
                finished_at=now,
            )
            for n, event in enumerate(events)
        ],
        batch_size=500,
    )


def pages(client: Client) -> dict[str, Callable[[], Any]]:
    """What is measured, by name."""
    from tubes.models import RoomListing, Tube

    log = f"/tubes/{Tube.objects.latest('pk').code}/log/"
    [older] = re.findall('before=([^"]+)', client.get(log).content.decode())
    side_a = RoomListing.objects.get(remote_id="l1").code
    htmx = {"HX-Request": "true"}

    def get(path: str, **query: str) -> Callable[[], Any]:
        return lambda: client.get(path, query)

    def search(words: str) -> Callable[[], Any]:
        return lambda: client.get("/open-a-tube/", {"q": words}, headers=htmx)

    [seen] = re.findall("seen=(\\w+)", client.get("/manage/").content.decode())
    return {
        "Manage, first page": get("/manage/"),
        "Manage, last page": get("/manage/", page="20"),
        "Manage, asked anew, unchanged": lambda: client.get("/manage/", {"seen": seen}, headers=htmx),
        "Manage, narrowed by state": get("/manage/", state="active"),
        "Manage, narrowed by room": get("/manage/", q="alpha"),
        "relay log, newest": get(log),
        "relay log, older": get(log, before=older),
        "relay log, failed": get(log, state="failed"),
        "Open a Tube": get("/open-a-tube/"),
        "search, one letter": search("a"),
        "search, two words": search("alpha del"),
        "search, one room": search("9999"),
        "search, nothing": search("zzz"),
        "search for Side B": lambda: client.get(f"/open-a-tube/{side_a}/", {"q": "del"}, headers=htmx),
    }


def measure(call: Callable[[], Any]) -> tuple[float, float, float]:
    """The shortest, the median and the longest time of a call, in milliseconds, once warm."""
    taken = []
    for number in range(CALLS + 3):
        begun = time.perf_counter()
        answer = call()
        if answer.status_code not in (200, 204, 302):
            raise SystemExit(f"answered {answer.status_code}")
        if number >= 3:
            taken.append((time.perf_counter() - begun) * 1000)
    return min(taken), median(taken), max(taken)


def main(engine: str) -> None:
    """Print a table."""
    with database(engine):
        client = populate()
        print(f"| {engine}, {ROOMS} rooms, {TUBES} Tubes | least ms | median | most |\n|---|---:|---:|---:|")
        for name, call in pages(client).items():
            print(f"| {name} | {' | '.join(f'{it:.1f}' for it in measure(call))} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "postgresql")
