"""Rows for tests, made with as little said as possible."""

from datetime import timedelta
from itertools import count
from typing import Any

from accounts.models import LinkedAccount, User
from connectors.base import Author, Cursor, IncomingEvent, Kind, MessageId, UserId
from connectors.markup import plain
from sameroom import clock
from tubes.models import (
    Delivery,
    Event,
    Notice,
    Portal,
    PortalRequest,
    Room,
    RoomListing,
    Seat,
    Tube,
)

PASSWORD = "a long enough password"
_numbers = count(1)


def user(email: str | None = None, **extra: Any) -> User:
    """Somebody who knows their way; with `onboarded_at=None` a newcomer."""
    values = {"onboarded_at": clock.now()} | extra
    return User.objects.create_user(email or f"user{next(_numbers)}@example.com", PASSWORD, **values)


def account(owner: User | None = None, *, team: str = "acme", **extra: Any) -> LinkedAccount:
    """An echo account, whose rooms live in this process."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "kind": "echo",
        "server": "",
        "space": f"echo#{team}",
        "team_id": team,
        "team_name": team.capitalize(),
        "remote_user_id": f"{team}/bot{number}",
        "remote_user_name": f"Bot {number}",
        "credentials": {"team": team, "name": f"bot{number}", "token": "open-sesame"},
    }
    return LinkedAccount.objects.create(owner=owner or user(), **(values | extra))


def listing(account_: LinkedAccount, name: str = "Lobby", remote_id: str | None = None) -> RoomListing:
    return RoomListing.objects.create(
        account=account_, owner=account_.owner, name=name, remote_id=remote_id or name.lower()
    )


def room(remote_id: str | None = None, *, team: str = "acme", **extra: Any) -> Room:
    remote_id = remote_id or f"room-{next(_numbers)}"
    values = {"kind": "echo", "space": f"echo#{team}", "remote_id": remote_id, "name": remote_id.capitalize()}
    return Room.objects.create(**(values | extra))


def seat(account_: LinkedAccount | None = None, room_: Room | None = None, **extra: Any) -> Seat:
    account_ = account_ or account()
    room_ = room_ or room(team=account_.team_id)
    made = Seat.objects.create(owner=account_.owner, account=account_, room=room_, **extra)
    if room_.reader_id is None:
        room_.reader = made
        room_.next_poll_at = clock.now()
        room_.save(update_fields=["reader", "next_poll_at"])
    return made


def tube(side_a: Seat | None = None, side_b: Seat | None = None, **extra: Any) -> Tube:
    side_a = side_a or seat()
    side_b = side_b or seat(account(side_a.owner))
    values = {
        "opened_by": side_a.owner,
        "status_by": side_a.owner,
        "status_since": clock.now() - timedelta(hours=1),
    }
    return Tube.objects.create(side_a=side_a, side_b=side_b, **(values | extra))


def said(
    text: str = "hello", *, name: str = "Ann", id: str | None = None, user_id: str | None = None
) -> IncomingEvent:
    """Something a person said just now, as a connector would report it."""
    remote_id = MessageId(id or f"m-{next(_numbers)}")
    return IncomingEvent(
        kind=Kind.MESSAGE,
        dedupe_key=remote_id,
        id=remote_id,
        author=Author(id=UserId(user_id or f"person-{name}"), name=name, username=name.lower()),
        said_at=clock.now(),
        body=plain.parse(text),
    )


def cursor_after(event: IncomingEvent) -> Cursor:
    return Cursor(id=event.id, time=event.said_at)


def event(room_: Room | None = None, **extra: Any) -> Event:
    room_ = room_ or room()
    number = next(_numbers)
    values = {
        "kind": "message",
        "number": number,
        "dedupe_key": f"key-{number}",
        "remote_id": f"m-{number}",
        "author_id": "person-Ann",
        "author_name": "Ann",
        "author_team": "Acme",
        "body": {"v": 1, "blocks": []},
        "said_at": clock.now(),
    }
    return Event.objects.create(room=room_, **(values | extra))


def delivery(event_: Event | None = None, seat_: Seat | None = None, **extra: Any) -> Delivery:
    seat_, event_ = seat_ or seat(), event_ or event()
    values = {"event": event_, "seat": seat_, "room": seat_.room, "origin": event_.room}
    if extra.get("status") == "sending":  # then something is on the wire
        values |= {"fingerprint": "f" * 32, "sending_since": clock.now()}
    return Delivery.objects.create(**(values | extra))


def notice(seat_: Seat, text: str = "Something happened.", **extra: Any) -> Notice:
    return Notice.objects.create(
        **({"owner": seat_.owner, "seat": seat_, "kind": "loss", "text": text} | extra)
    )


def portal(seat_: Seat | None = None, **extra: Any) -> Portal:
    return Portal.objects.create(seat=seat_ or seat(), **extra)


def portal_request(
    portal_: Portal | None = None, account_: LinkedAccount | None = None, **extra: Any
) -> PortalRequest:
    """Somebody's wish to come through a Portal, waiting for its owner."""
    account_ = account_ or account(team="globex")
    values = {"visitor": account_.owner, "account": account_, "remote_id": "garden", "room_name": "Garden"}
    return PortalRequest.objects.create(portal=portal_ or portal(), **(values | extra))
