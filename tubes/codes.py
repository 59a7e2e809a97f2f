"""Public codes for rows that store none: pages name no database ids.

Made of the id with the installation's key, so nobody can guess one or count by it. They are for
things that are looked at, acted on, and forgotten: with a new SECRET_KEY they are others.
"""

from __future__ import annotations

from collections.abc import Iterable

from cryptography.fernet import InvalidToken
from django.db.models import Model
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.secrets import fernet


def code_of(row: Model) -> str:
    """The row's code. No I/O."""
    return _code(type(row), row.pk)


def find_id(model: type[Model], ids: Iterable[int], code: str) -> int | None:
    """Which of these ids of a model has the code; None where none has. Takes 10 µs per id, no I/O."""
    return next((pk for pk in ids if constant_time_compare(_code(model, pk), code)), None)


def place_of(row: Model) -> str:
    """Where a list goes on after this row, for an address; another one each time. No I/O."""
    return fernet().encrypt(f"{type(row).__name__} {row.pk}".encode()).decode().rstrip("=")


def find_place(model: type[Model], place: str) -> int | None:
    """The id of the row that a list is to go on after; None where the place was not made here. No I/O."""
    try:
        name, pk = fernet().decrypt(place + "=" * (-len(place) % 4)).decode().split()
    except (InvalidToken, ValueError):
        return None
    return int(pk) if name == model.__name__ else None


def _code(model: type[Model], pk: int) -> str:
    return salted_hmac(f"tubes.codes.{model.__name__}", str(pk), algorithm="sha256").hexdigest()[:20]
