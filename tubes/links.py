"""Signed addresses of files that could not be posted as files. Pure: no I/O but for settings."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from django.conf import settings
from django.core.signing import BadSignature, Signer

LIFE: Final = timedelta(hours=24)
_SIGNER_SALT: Final = "tubes.links"


def link_to(event_id: int, number: int, name: str) -> str:
    """The address of the event's file of this number, for whoever holds it.

    The same file always has the same one. It says nothing of what it leads to but the file's name.
    """
    key = _signer().sign(f"{_in_36(event_id)}-{_in_36(number)}")
    return f"{settings.PUBLIC_URL}/files/{key}/{quote(name, safe='')}"


def linked(key: str) -> tuple[int, int] | None:
    """The event and the number of its file that a key leads to; None where it was not made here."""
    try:
        event, number = _signer().unsign(key).split("-")
        return int(event, 36), int(number, 36)
    except (BadSignature, ValueError):
        return None


def is_live(accepted_at: datetime, now: datetime) -> bool:
    """Whether the address of a file still leads somewhere, that came with an event accepted then."""
    return now - accepted_at < LIFE


def _signer() -> Signer:
    return Signer(salt=_SIGNER_SALT, sep="~")


def _in_36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits or "0"
