"""The second step of signing in: what allauth asks us about it, and who has taken it.

Secrets of authenticator apps and recovery codes are encrypted like those of linked accounts.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any, ClassVar, Final

from allauth.account.authentication import get_authentication_records
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from cryptography.fernet import InvalidToken
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

from accounts.models import User
from accounts.secrets import fernet

SECRETS: Final = ("secret", "seed")  # of an Authenticator's `data`, by its type
APPS: Final = [Authenticator.Type.TOTP]


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Our words, our name in the app, and nothing readable in the database."""

    error_messages: ClassVar[dict[str, Any]] = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "This is not the code the app shows now. Wait for the next one, then type that.",
        "cannot_generate_recovery_codes": "Recovery codes are for when the app is lost: set up an app first.",
    }

    def get_totp_issuer(self) -> str:
        return "Sameroom"

    def encrypt(self, text: str) -> str:
        return fernet().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        try:
            return fernet().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            # No cause: a cipher's exception has nothing to say that helps.
            raise ImproperlyConfigured(
                "No key of ENCRYPTION_KEYS opens a second factor. Put the key back that it was encrypted "
                "with, or take the second step off with manage.py second_factor_reset."
            ) from None


def has_second_factor(user: User) -> bool:
    """Whether this user is asked for a code when signing in. One query."""
    return bool(is_mfa_enabled(user, APPS))


def took_second_step(request: HttpRequest, *, within: timedelta) -> bool:
    """Whether a code was typed in this session, not longer ago than that. No I/O beyond the session."""
    since = time.time() - within.total_seconds()
    records = get_authentication_records(request, request.user)
    return any(record.get("method") == "mfa" and record.get("at", 0) > since for record in records)


def second_factor_remove(*, user: User) -> bool:
    """Take the second step off, for somebody who has lost app and codes. False where there was none."""
    return int(Authenticator.objects.filter(user=user).delete()[0]) > 0


def secrets_encrypt_anew(authenticator: Authenticator) -> None:
    """Encrypt what it keeps with the first of ENCRYPTION_KEYS. One statement; may be repeated."""
    adapter = SecondFactorAdapter()
    for name in SECRETS:
        if name in authenticator.data:
            authenticator.data[name] = adapter.encrypt(adapter.decrypt(authenticator.data[name]))
    authenticator.save(update_fields=["data"])
