"""Whether a live page would look as it did: told by its rows, without rendering them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from hashlib import sha256
from typing import Any, Final

from django.db.models import Model

# What the relay notes in these rows all the time, and no page of rows shows. Whatever else changes counts,
# be it shown or not: a column forgotten here costs a rendering too many, never a page that is out of date.
UNSHOWN: Final = {
    "Room": {
        *("read_id", "read_time", "next_poll_at", "read_failures", "last_error"),
        *("pushes", "pushes_read", "read_no_sooner", "next_event_number"),
    },
    "Seat": {
        *("checked_at", "hook_due_at", "unheard_since", "throttled_since"),
        *("lane_fence", "lane_lease_until", "lane_not_before"),
    },
    "LinkedAccount": {
        *("sealed", "stream_token", "checked_at", "told_since", "warned_days", "rooms_refreshed_at"),
        *("listing_since", "listing_count"),
        *("poll_fence", "poll_lease_until", "stream_fence", "stream_lease_until"),
    },
    "Delivery": {
        *("attempts", "failing_since", "next_attempt_at", "sending_since", "fingerprint", "part", "parts"),
    },
    "User": {"password", "last_login", "first_name", "last_name", "date_joined", "onboarded_at"},
}


def print_of(*shown: Any) -> str:
    """A fingerprint of what is shown: rows loaded with everything they show, sentences, numbers. No I/O.

    Equal ones are of pages that look alike.
    """
    told: set[tuple[type[Model], Any]] = set()
    return sha256(repr([_values(it, told) for it in shown]).encode()).hexdigest()[:16]


def _values(it: Any, told: set[tuple[type[Model], Any]]) -> Any:
    """What is shown of it, each row once: an account stands in a hundred others."""
    if isinstance(it, Model):
        row = (type(it), it.pk)
        if row in told:
            return it.pk
        told.add(row)
        known = vars(it)
        own = [known[name] for name in _shown(type(it)) if name in known]
        return [own, *(_values(related, told) for related in it._state.fields_cache.values())]
    if isinstance(it, str):
        return it
    if is_dataclass(it):
        return [_values(getattr(it, name), told) for name in _names(it.__class__)]
    if isinstance(it, Sequence):
        return [_values(part, told) for part in it]
    return it


@cache
def _names(shown: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(shown))


@cache
def _shown(model: type[Model]) -> tuple[str, ...]:
    unshown = UNSHOWN.get(model.__name__, set())
    names = (field.attname for field in model._meta.concrete_fields)
    return tuple(name for name in names if name not in unshown)
