"""What allauth asks us: who may sign up, and where they go then."""

from typing import Any, ClassVar
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts import limits
from accounts.invitations import invitation_of
from accounts.models import User
from accounts.returning import goal_of


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Sign-up is open, by invitation, or closed: the SIGNUP setting."""

    error_messages: ClassVar[dict[str, Any]] = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": "This e-mail address and this password do not belong together.",
        "incorrect_password": "This is not your password.",
        "incorrect_code": "This is not the code we sent. Look again, or ask for a new one.",
        "too_many_login_attempts": "Too many tries. Wait a few minutes, then try again.",
        "rate_limited": "Too many tries. Wait a few minutes, then try again.",
        "email_taken": "Somebody has signed up with this e-mail address already.",
    }

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Its links lead to PUBLIC_URL, by whatever host it was asked for: that is for the asker to choose.

        A link to a new password that led elsewhere would hand its key over there.
        """
        own = {name: _at_home(str(value)) for name, value in context.items() if name.endswith("_url")}
        super().send_mail(template_prefix, email, {**context, **own})

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return settings.SIGNUP == "open" or invitation_of(request) is not None

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the try before the password is looked at: by our own limits in place of allauth's."""
        self._uses = limits.password_uses(request, str(credentials.get("email") or ""))

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """As allauth's. A right password is no guess, and does not forgive the wrong ones before it."""
        user: User | None = super().authenticate(request, **credentials)
        if user is not None:
            for use in self._uses:
                use.give_back()
        return user

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Who has a second step shows it: a stolen password must not be enough to take it off."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        second = [method for method in methods if method["id"].startswith("mfa_")]
        return second or methods

    def post_login(self, request: HttpRequest, user: User, **told: Any) -> HttpResponse:
        """Where to go on; the browser is known from now on, so that guessers elsewhere do not shut it out."""
        response: HttpResponse = super().post_login(request, user, **told)
        limits.device_remember(request, response, user.email)
        return response

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """To where they were going: also by way of the link in a mail, which carries no `next`."""
        goal = goal_of(request)
        return goal.path if goal else str(super().get_login_redirect_url(request))

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        goal = goal_of(request)
        return goal.path if goal else str(super().get_signup_redirect_url(request))


def _at_home(address: str) -> str:
    return settings.PUBLIC_URL + urlsplit(address)._replace(scheme="", netloc="").geturl()
