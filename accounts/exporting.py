"""What Sameroom knows of one user, for them to take along: JSON, piece by piece, without secrets.

Of other people it holds what the user's own pages show: the name of a room at the other end of a Tube, who is
muted. It holds no message.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Count

from accounts.models import Invitation, LinkedAccount, User
from sameroom import clock
from tubes.models import Delivery, MapLink, Notice, Portal, PortalRequest, RoomClaim, RoomListing, Seat, Tube
from tubes.services import COMMANDING, OPTIONS

AT_ONCE = 500  # rows in memory
ACCOUNT = (
    *("kind", "server", "team_id", "team_name", "remote_user_id", "remote_user_name", "remote_username"),
    *("scopes", "expires_at", "status", "status_reason", "status_since", "rooms_refreshed_at", "created_at"),
)


def pieces(user: User) -> Iterator[str]:
    """The whole document, in pieces of a row each. Queries as it goes on, AT_ONCE rows in memory."""
    yield '{\n"profile": ' + _text(_profile(user))
    for name, rows in _sections(user).items():
        yield f',\n"{name}": ['
        for number, row in enumerate(rows):
            yield ("," if number else "") + "\n  " + _text(row)
        yield "]"
    yield "\n}\n"


def _text(row: Mapping[str, Any]) -> str:
    return json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False)


def _profile(user: User) -> dict[str, Any]:
    limit = settings.DAILY_MESSAGES if user.daily_messages is None else user.daily_messages
    return {
        "exported_at": clock.now(),
        "from": settings.PUBLIC_URL,
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "joined_at": user.date_joined,
        "last_login": user.last_login,
        "first_steps_done_at": user.onboarded_at,
        "daily_messages": limit or None,
        "deliveries_of_the_last_days": _counts(user),
    }


def _counts(user: User) -> dict[str, int]:
    """How many messages are known to have gone into the user's rooms, by how they ended."""
    found = Delivery.objects.filter(seat__owner=user, origin__isnull=False).values_list("status")
    return dict(found.annotate(number=Count("pk")).order_by("status"))


def _sections(user: User) -> dict[str, Iterable[Mapping[str, Any]]]:
    emails = EmailAddress.objects.filter(user=user).order_by("pk").values("email", "verified", "primary")
    invitations = Invitation.objects.filter(invited_by=user).order_by("pk").values("email", "created_at")
    return {
        "email_addresses": emails.iterator(),
        "second_steps": _second_steps(user),
        "invitations": invitations.iterator(),
        "accounts": _accounts(user),
        "rooms": _rooms(user),
        "tubes": _tubes(user),
        "portals": _portals(user),
        "portal_requests": _portal_requests(user),
        "map_links": _map_links(user),
        "notices": _notices(user),
        "rooms_your_accounts_may_enter": _listings(user),
        "rooms_asked_for_by_code": _claims(user),
    }


def _second_steps(user: User) -> Iterator[dict[str, Any]]:
    """What the user shows besides the password, without its secret."""
    for one in Authenticator.objects.filter(user=user).order_by("pk"):
        yield {"kind": one.get_type_display(), "since": one.created_at, "last_used_at": one.last_used_at}


def _accounts(user: User) -> Iterator[dict[str, Any]]:
    accounts = LinkedAccount.objects.owned_by(user).order_by("pk").values("code", *ACCOUNT)
    yield from accounts.iterator(AT_ONCE)


def _rooms(user: User) -> Iterator[dict[str, Any]]:
    seats = Seat.objects.owned_by(user).select_related("room", "account").order_by("pk")
    seats = seats.prefetch_related("mutes")
    for seat in seats.iterator(AT_ONCE):
        yield {
            "room": seat.room.name,
            "room_id": seat.room.remote_id,
            "account": seat.account.code,
            "options": {name: getattr(seat, name) for name in (*OPTIONS, *COMMANDING)},
            "muted": [mute.author_name or mute.author_id for mute in seat.mutes.all()],
            "failure": seat.failure,
            "since": seat.created_at,
        }


def _tubes(user: User) -> Iterator[dict[str, Any]]:
    for tube in Tube.objects.owned_by(user).with_sides().order_by("pk").iterator(AT_ONCE):
        sides = (tube.side_a, tube.side_b)
        yield {
            "rooms": [seat.room.name for seat in sides],
            "yours": [seat.owner_id == user.pk for seat in sides],
            "status": tube.status,
            "since": tube.status_since,
            "opened_at": tube.created_at,
            "opened_by_you": tube.opened_by_id == user.pk,
            "opened_by_command_of": tube.typed_by,
        }


def _portals(user: User) -> Iterator[dict[str, Any]]:
    portals = Portal.objects.owned_by(user).with_seat().counted().order_by("pk")
    for portal in portals.iterator(AT_ONCE):
        yield {
            "room": portal.seat.room.name,
            "account": portal.seat.account.code,
            "address": settings.PUBLIC_URL + portal.path,
            "options": portal.options,
            "needs_approval": portal.needs_approval,
            "expires_at": portal.expires_at,
            "most_tubes": portal.most_tubes,
            "open_tubes": portal.open_tubes,  # type: ignore[attr-defined]  # annotated
            "created_at": portal.created_at,
            "deleted_at": portal.deleted_at,
        }


def _portal_requests(user: User) -> Iterator[dict[str, Any]]:
    """Those that the user has made; of those made to them, the room's name and service."""
    requests = PortalRequest.objects.with_rooms().order_by("pk")
    for yours in (True, False):
        mine = requests.owned_by(user) if yours else requests.addressed_to(user)
        for request in mine.iterator(AT_ONCE):
            yield {
                "yours": yours,
                "room": request.room_name,
                "service": request.account.label,
                "portal_to": request.portal.seat.room.name,
                "status": request.status,
                "since": request.status_since,
                "created_at": request.created_at,
            }


def _notices(user: User) -> Iterator[Mapping[str, Any]]:
    notices = Notice.objects.owned_by(user).order_by("pk")
    yield from notices.values("kind", "text", "count", "created_at", "dismissed_at").iterator(AT_ONCE)


def _listings(user: User) -> Iterator[dict[str, Any]]:
    listings = RoomListing.objects.owned_by(user).select_related("account").order_by("pk")
    for listing in listings.iterator(AT_ONCE):
        yield {"name": listing.name, "room_id": listing.remote_id, "account": listing.account.code}


def _map_links(user: User) -> Iterator[Mapping[str, Any]]:
    """Those that live: whoever has the address of one may look, so it is not told again."""
    links = MapLink.objects.filter(seat__owner=user, expires_at__gt=clock.now()).order_by("pk")
    for link in links.select_related("seat__room").iterator(AT_ONCE):
        yield {"room": link.seat.room.name, "expires_at": link.expires_at}


def _claims(user: User) -> Iterator[dict[str, Any]]:
    """Rooms of shared accounts that a code was asked for, without the code."""
    claims = RoomClaim.objects.owned_by(user).select_related("account").order_by("pk")
    for claim in claims.iterator(AT_ONCE):
        yield {
            "service": claim.account.label,
            "room": claim.room_name,
            "created_at": claim.created_at,
            "found_at": claim.found_at,
        }
