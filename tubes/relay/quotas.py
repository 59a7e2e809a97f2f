"""Daily limits: how many messages a day are queued into the rooms of one user.

The operator sets DAILY_MESSAGES, and another number for a user in admin. A day is a UTC day. The
counter lives in Django's cache; where it is gone it is counted anew from the database. So the limit is
kept but not to the last message: what one call asks for passes or is refused as a whole.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

from django.conf import settings
from django.core.cache import cache
from django.db.models import Q

from accounts.models import User
from connectors.base import Kind
from sameroom import clock
from tubes.models import Delivery, Notice, Seat
from tubes.relay import notices

log = logging.getLogger(__name__)

REACHED = "The daily limit of messages is reached."
MESSAGES = (Kind.MESSAGE.value, Kind.NOTICE.value)
LIMITS_LAST = 15.0  # seconds for which a process remembers who has a limit of their own
COUNTER_LASTS = 26 * 3600  # seconds

_limits: tuple[float, dict[int, int]] | None = None  # until when (monotonic), user → limit


def spend(counts: Mapping[int, int]) -> set[int]:
    """Count messages about to be queued, by the owner of their Seats; whose limit had been reached.

    Those owners' messages are not counted. Costs nothing while nobody has a limit. One cache call
    per owner; one query more where the counter is new, or the cache fails.
    """
    limits = _own_limits()
    if not limits and not settings.DAILY_MESSAGES:
        return set()
    reached = set()
    for owner, count in counts.items():
        limit = limits.get(owner, settings.DAILY_MESSAGES)
        if limit and count and not _take(owner, count, limit):
            reached.add(owner)
    return reached


def announce(seat: Seat) -> None:
    """Tell the owner and the room, once per Seat and UTC day, that the limit is reached. Two queries."""
    today = Notice.objects.filter(seat=seat, kind=Notice.Kind.QUOTA, created_at__gte=_midnight())
    limit = _own_limits().get(seat.owner_id, settings.DAILY_MESSAGES)
    if limit and not today.exists():
        text = (
            f"The daily limit of {limit} messages is reached; "
            "messages from other rooms are left out until 00:00 UTC."
        )
        notices.tell(seat, Notice.Kind.QUOTA, text, in_room=True)


def announce_at(seat_id: int) -> None:
    """`announce` for the Seat with this id, if it is still there."""
    for seat in Seat.objects.filter(pk=seat_id):
        announce(seat)


def forget_limits() -> None:
    """Look anew who has a limit of their own, at the next call in this process."""
    global _limits
    _limits = None


def _own_limits() -> dict[int, int]:
    """The users with a limit of their own (0: none), as known a few seconds ago."""
    global _limits
    known = _limits
    if known is None or clock.monotonic() > known[0]:
        users = User.objects.filter(daily_messages__isnull=False)
        own = {pk: limit or 0 for pk, limit in users.values_list("pk", "daily_messages")}
        known = _limits = (clock.monotonic() + LIMITS_LAST, own)
    return known[1]


def _take(owner: int, count: int, limit: int) -> bool:
    """Count, then look: of two who look first, both would see the last free place."""
    key = f"quota:{owner}:{_midnight():%Y%m%d}"
    try:
        used = _add(key, count)
    except ValueError:  # the first of the day, or the cache was emptied
        used = _add(key, count, start=_queued_today(owner))
    if used is None:
        used = _queued_today(owner) + count
    if used - count < limit:
        return True
    with suppress(ValueError):
        _add(key, -count)
    return False


def _add(key: str, count: int, start: int | None = None) -> int | None:
    """Add to a counter; None where the cache fails. ValueError where there is no such counter."""
    try:
        if start is not None:
            cache.add(key, start, COUNTER_LASTS)  # of two who come here, one adds
        return int(cache.incr(key, count))
    except ValueError:
        if start is None:
            raise
        return None  # gone again: the cache is full, or was emptied this instant
    except Exception as error:  # noqa: BLE001 - whatever a client library raises
        log.warning("The cache fails (%s); messages are counted in the database", type(error).__name__)
        return None


def _queued_today(owner: int) -> int:
    """Messages queued for this owner today, without those left out. Our own notices have no origin."""
    today = Delivery.objects.filter(seat__owner=owner, created_at__gte=_midnight(), origin__isnull=False)
    left_out = Q(status=Delivery.Status.SKIPPED) & Q(error=REACHED)
    return today.filter(event__kind__in=MESSAGES, event__is_presence=False).exclude(left_out).count()


def _midnight() -> datetime:
    return clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
