"""Links to the map of a Tube Network: whoever holds one may look at it, for a day."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Final

from sameroom import clock
from tubes.models import MapLink, Seat

HOURS: Final = 24
KEY_BYTES: Final = 16


def map_link_make(*, seat: Seat) -> MapLink:
    """A new address of the map around a Seat's room."""
    expires_at = clock.now() + timedelta(hours=HOURS)
    return MapLink.objects.create(key=secrets.token_urlsafe(KEY_BYTES), seat=seat, expires_at=expires_at)


def map_link_find(key: str) -> MapLink | None:
    """The link with this key, while it lives and the Seat it was made for is in use. One query."""
    links = MapLink.objects.filter(key=key, expires_at__gt=clock.now(), seat__in=Seat.objects.in_use())
    return links.select_related("seat__room").first()
