"""Forms of people: signing up, and logging in to a service again."""

from collections.abc import Mapping
from typing import Any, ClassVar

from allauth.account import forms as allauth
from allauth.core import context
from django import forms
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts import limits
from accounts.invitations import InvitationTaken, invitation_of, invitation_use
from accounts.models import LinkedAccount, User
from accounts.secrets import SecretsUnreadable
from connectors.authorizing import Proof
from connectors.forms import CredentialsForm


class OwnWords:
    """Our words for allauth's fields, without the placeholders that only repeat a label."""

    WORDS: ClassVar[dict[str, str]] = {
        "login": "E-mail address",
        "email": "E-mail address",
        "remember": "Stay signed in on this device",
        "password": "Password",
        "oldpassword": "Password so far",
        "password1": "Password",
        "password2": "Password, once more",
        "code": "Code",
    }
    HELP: ClassVar[dict[str, str]] = {"password1": "At least 8 characters, and none of the very common ones."}
    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.label = self.WORDS.get(name, field.label)
            field.help_text = self.HELP.get(name, field.help_text)
            field.widget.attrs.pop("placeholder", None)


class LoginForm(OwnWords, allauth.LoginForm):  # type: ignore[misc]
    """Sign in with a password."""


class RequestLoginCodeForm(OwnWords, allauth.RequestLoginCodeForm):  # type: ignore[misc]
    """Ask for a code by e-mail."""

    def clean_email(self) -> str:
        limits.mail_uses(context.request, str(self.cleaned_data["email"]))
        return str(super().clean_email())


class ConfirmLoginCodeForm(OwnWords, allauth.ConfirmLoginCodeForm):  # type: ignore[misc]
    """Sign in with that code."""


class ReauthenticateForm(OwnWords, allauth.ReauthenticateForm):  # type: ignore[misc]
    """Type the password once more."""


class ResetPasswordForm(OwnWords, allauth.ResetPasswordForm):  # type: ignore[misc]
    """Ask for a link to a new password."""

    def clean_email(self) -> str:
        limits.mail_uses(context.request, str(self.cleaned_data["email"]))
        return str(super().clean_email())


class ResetPasswordKeyForm(OwnWords, allauth.ResetPasswordKeyForm):  # type: ignore[misc]
    """Choose it."""


class ChangePasswordForm(OwnWords, allauth.ChangePasswordForm):  # type: ignore[misc]
    """Change the password."""

    WORDS: ClassVar[dict[str, str]] = {
        **OwnWords.WORDS,
        "password1": "New password",
        "password2": "New password, once more",
    }

    def clean_oldpassword(self) -> str:
        """Counted like signing in: whoever found a browser open must not guess the password here."""
        uses = limits.password_uses(context.request, self.user.email)
        password = str(super().clean_oldpassword())
        for use in uses:
            use.give_back()
        return password


class SetPasswordForm(OwnWords, allauth.SetPasswordForm):  # type: ignore[misc]
    """Set a first password."""


class AddEmailForm(OwnWords, allauth.AddEmailForm):  # type: ignore[misc]
    """Change the e-mail address."""

    WORDS: ClassVar[dict[str, str]] = {**OwnWords.WORDS, "email": "New e-mail address"}

    def clean_email(self) -> str:
        limits.mail_uses(context.request, str(self.cleaned_data["email"]))
        return str(super().clean_email())


class SignupForm(OwnWords, allauth.SignupForm):  # type: ignore[misc]
    """allauth's form, which also spends the invitation where one is needed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.invitation = invitation_of(context.request)
        if self.invitation and self.invitation.email:
            self.fields["email"].initial = self.invitation.email

    def clean_email(self) -> str:
        email = str(super().clean_email())
        if self.invitation and self.invitation.email and email != self.invitation.email.lower():
            raise forms.ValidationError(
                f"This invitation is for {self.invitation.email}. "
                "Use that address, or ask for another invitation."
            )
        return email

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        limits.mail_uses(request, self.cleaned_data["email"])  # also where there is such a user already
        try:
            with transaction.atomic():
                user, response = super().try_save(request)
                if user and settings.SIGNUP == "invite":
                    invitation_use(request=request, invitation=self.invitation, user=user)
                return user, response
        except InvitationTaken:
            return None, redirect("account_signup")


class LeaveForm(forms.Form):
    """One's own e-mail address, typed: nobody deletes their user by a slip."""

    email = forms.EmailField(
        label="Your e-mail address",
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Type your e-mail address to confirm."},
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._own = email

    def clean_email(self) -> str:
        typed = str(self.cleaned_data["email"])
        if typed.lower() != self._own.lower():
            raise forms.ValidationError(f"This is not the address you sign in with, which is {self._own}.")
        return typed


class RoomNameForm(forms.Form):
    """The name of a room that a shared account was invited to."""

    room_name = forms.CharField(
        label="The room’s name",
        max_length=64,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="As its service shows it. Only rooms of this name are looked at.",
        error_messages={"required": "Type the room’s name first."},
    )


def ask_secrets_only(form: CredentialsForm, known: Mapping[str, str]) -> None:
    """Fill in and hide what is known of a login, but for its secrets, and what may have to be renewed."""
    form.known = frozenset(known)
    for name, field in form.fields.items():
        if name in known and not isinstance(field.widget, forms.PasswordInput):
            field.initial = known[name]
            if name not in form.renewed:
                field.widget = field.hidden_widget()


def known_of(account: LinkedAccount) -> dict[str, str]:
    """What can be filled in for an account: where it logs in, and with what, as far as it is readable."""
    try:
        return {**account.credentials, "server": account.server}
    except SecretsUnreadable:
        return {"server": account.server}


def is_login_of(proof: Proof, account: LinkedAccount) -> bool:
    """Whether what has just logged in is the same remote user as `account`."""
    return (proof.identity.server, proof.identity.user_id) == (account.server, account.remote_user_id)
