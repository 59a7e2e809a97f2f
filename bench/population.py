"""The rows of an installation that has been in use: owners, accounts, rooms and Tubes at a stub service."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection

from accounts.models import LinkedAccount, User
from bench.pairs import Pair, names
from connectors.base import Reading
from sameroom import clock
from tubes.models import Room, Seat, Tube

AN_HOUR = 3600.0


def populate(server: str, tubes: int, features: str, per_owner: int) -> list[Pair]:
    """Make the rows; every owner has two accounts and `per_owner` Tubes between them. Database I/O.

    At an IRC server the rooms are channels and the accounts' nicks their names; else `server` is a stub
    service, whose accounts have these `features`.
    """
    pairs, rooms = [], names(tubes, "#" if _is_irc(server) else "")
    for first in range(0, tubes, per_owner):
        pairs += _owner(server, first // per_owner, rooms[first : first + per_owner], features)
    _look_at_them()
    return pairs


def _look_at_them() -> None:
    """Have PostgreSQL know how many rows there are, as after a minute in use.

    Not of tables that are still empty: it would plan for that, and they do not stay so.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE accounts_linkedaccount, tubes_room, tubes_seat, tubes_tube")


def _owner(server: str, number: int, rooms: list[tuple[str, str]], features: str) -> list[Pair]:
    now = clock.now()
    owner = User.objects.create(email=f"owner{number}@example.com", password="!")  # noqa: S106 - nobody signs in
    here, there = (_account(owner, server, f"{side}{number}", features) for side in ("here", "there"))
    seats_here = _seats(here, [origin for origin, _ in rooms], now)
    seats_there = _seats(there, [destination for _, destination in rooms], now)
    Tube.objects.bulk_create(
        Tube(side_a=a, side_b=b, opened_by=owner, status_since=now - timedelta(hours=1))
        for a, b in zip(seats_here, seats_there, strict=True)
    )
    return [
        Pair(a.room_id, a.room.remote_id, b.room.remote_id, here.pk)
        for a, b in zip(seats_here, seats_there, strict=True)
    ]


def _is_irc(server: str) -> bool:
    return server.startswith("irc")


def _account(owner: User, server: str, name: str, features: str) -> LinkedAccount:
    account = LinkedAccount(
        owner=owner,
        kind="irc" if _is_irc(server) else "stub",
        server=server,
        space=server,
        team_id="bench",
        team_name="Bench",
        remote_user_id=name if _is_irc(server) else f"u-{name}",
        remote_user_name=name,
        rooms_refreshed_at=clock.now(),
    )
    at_stub = {"token": f"{name}:pass", "features": features, "hook_secret": f"hook-{name}"}
    at_irc = {"nick": name, "account": "", "password": ""}
    account.credentials = at_irc if _is_irc(server) else at_stub
    account.save()
    return account


def _seats(account: LinkedAccount, remote_ids: list[str], now: datetime) -> list[Seat]:
    """Rooms with a Seat each; polls and hourly looks are spread over their intervals, as they would be."""
    can = account.connector().capabilities
    polled = can.reading is Reading.POLL
    rooms = Room.objects.bulk_create(
        Room(
            kind=account.kind,
            space=account.space,
            remote_id=remote_id,
            name=remote_id,
            next_poll_at=now + timedelta(seconds=can.fastest_poll * _share(number)) if polled else None,
        )
        for number, remote_id in enumerate(remote_ids)
    )
    seats = Seat.objects.bulk_create(
        Seat(
            owner=account.owner,
            account=account,
            room=room,
            checked_at=now - timedelta(seconds=AN_HOUR * _share(room.pk)),
        )
        for room in rooms
    )
    for room, seat in zip(rooms, seats, strict=True):
        room.reader = seat
    Room.objects.bulk_update(rooms, ["reader"])
    return seats


def _share(number: int) -> float:
    """A place between 0 and 1, evenly spread over consecutive numbers."""
    return number * 0.618033988749895 % 1.0
