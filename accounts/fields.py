"""A model field for secrets: encrypted at rest, rotated with `manage.py rotate_keys`."""

import json
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        raise ImproperlyConfigured("ENCRYPTION_KEYS holds something that is no Fernet key.") from error


def fernet() -> MultiFernet:
    """The installation's cipher: the first key encrypts, all decrypt."""
    return _fernet(tuple(settings.ENCRYPTION_KEYS))


class SecretsUnreadable(Exception):
    """No key of ENCRYPTION_KEYS opens a stored secret."""


class EncryptedJSONField(models.BinaryField):
    """A dict of strings that is a Fernet token in the database and a dict in Python."""

    # What the type checker takes an attribute of this field for.
    _pyi_private_set_type: dict[str, str]
    _pyi_private_get_type: dict[str, str]  # type: ignore[assignment]

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> dict[str, str] | None:
        if value is None:
            return None
        try:
            plain = fernet().decrypt(bytes(value))
        except InvalidToken:
            # No cause: a cipher's exception has nothing to say that helps.
            raise SecretsUnreadable("No key in ENCRYPTION_KEYS opens this secret.") from None
        secrets: dict[str, str] = json.loads(plain)
        return secrets

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if isinstance(value, dict):
            value = fernet().encrypt(json.dumps(value).encode())
        return super().get_db_prep_value(value, connection, prepared)
