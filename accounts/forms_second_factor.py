"""Forms of the second step. Codes are limited by person, in every process, and each is good once."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Final

from allauth.account.internal.flows.login import record_authentication
from allauth.core import context
from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa.base import forms as base
from allauth.mfa.models import Authenticator
from allauth.mfa.totp import forms as totp

from accounts import limits
from accounts.forms import OwnWords
from accounts.limits import SECOND_FACTOR, Limit

# An app's code is good for a minute and a half (MFA_TOTP_TOLERANCE); who has looked on cannot use it again.
ONE_CODE: Final = Limit("second factor's code", 1, timedelta(minutes=3))


class LimitedCode(OwnWords):
    """A code that is counted before it is looked at."""

    WORDS: ClassVar[dict[str, str]] = {"code": "Code"}

    def clean_code(self) -> str:
        use = limits.take(SECOND_FACTOR, str(self.user.pk))  # type: ignore[attr-defined]
        code = str(super().clean_code())  # type: ignore[misc]
        limits.take(ONE_CODE, str(self.user.pk), normalize_user_code(code))  # type: ignore[attr-defined]
        use.give_back()
        return code


class AuthenticateForm(LimitedCode, base.AuthenticateForm):  # type: ignore[misc]
    """The second step of signing in."""

    HELP: ClassVar[dict[str, str]] = {"code": "Six digits from the app, or one of your recovery codes."}


class ReauthenticateForm(LimitedCode, base.ReauthenticateForm):  # type: ignore[misc]
    """The code once more, before something that matters."""

    HELP = AuthenticateForm.HELP


class ActivateTOTPForm(LimitedCode, totp.ActivateTOTPForm):  # type: ignore[misc]
    """The first code of an app, which shows that it works."""

    HELP: ClassVar[dict[str, str]] = {"code": "The six digits that the app shows now."}

    def clean_code(self) -> str:
        code = super().clean_code()
        # It was typed just now: whoever came from the administration need not type the next one there.
        record_authentication(context.request, self.user, "mfa", type=Authenticator.Type.TOTP)
        return code
