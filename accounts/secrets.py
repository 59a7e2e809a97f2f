"""Secrets at rest: sealed with the newest key, opened with any; rotated with `manage.py rotate_keys`."""

import json
from collections.abc import Mapping
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from connectors.errors import LoginRejected


class SecretsUnreadable(LoginRejected):
    """No key of ENCRYPTION_KEYS opens a stored secret: its owner has to log in again."""


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def fernet() -> MultiFernet:
    """The installation's cipher: the first key encrypts, all decrypt."""
    return _fernet(tuple(settings.ENCRYPTION_KEYS))


def seal(secrets: Mapping[str, str]) -> bytes:
    """What is stored of these secrets. No I/O."""
    return fernet().encrypt(json.dumps(dict(secrets)).encode())


def key_of(sealed: bytes) -> int | None:
    """Which of ENCRYPTION_KEYS opens this, the first being 0; None where none does. No I/O."""
    for number, key in enumerate(settings.ENCRYPTION_KEYS):
        try:
            Fernet(key).decrypt(sealed)
        except InvalidToken:
            continue
        return number
    return None


def unseal(sealed: bytes) -> dict[str, str]:
    """The secrets that were sealed. No I/O. SecretsUnreadable where no key fits."""
    try:
        plain = fernet().decrypt(bytes(sealed))
    except InvalidToken:
        # No cause: a cipher's exception has nothing to say that helps.
        raise SecretsUnreadable("The stored login cannot be read any more. Renew the account.") from None
    secrets: dict[str, str] = json.loads(plain)
    return secrets
