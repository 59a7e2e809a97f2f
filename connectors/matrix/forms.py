"""The form by which a Matrix account is linked."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any, Final

from django import forms

from connectors.addresses import AddressUnusable, base_address
from connectors.base import Login
from connectors.errors import ConnectorError
from connectors.forms import CertificateField, CredentialsForm
from connectors.matrix.client import MatrixClient, log_in
from connectors.matrix.discovery import EXAMPLE, homeserver

PREFIX: Final = re.compile(r"[a-z0-9._=-]{2,40}")
TOKEN: Final = re.compile(r"[!-~]{8,2000}")  # what a header may hold


class MatrixCredentialsForm(CredentialsForm):
    """A homeserver, and either a user name with its password or an access token."""

    server = forms.CharField(
        label="Homeserver",
        max_length=200,
        help_text="What stands behind the colon of the user's id (example.org for @ann:example.org), "
        "or the homeserver's address.",
    )
    user = forms.CharField(
        label="User name",
        max_length=255,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="Such as @ann:example.org. Leave it out with an access token.",
    )
    password = forms.CharField(
        label="Password",
        max_length=512,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Used once, to log in as a device called Sameroom; it is not kept.",
    )
    token = forms.CharField(
        label="Access token",
        max_length=2000,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Instead of the password. In Element: Settings → Help & About → Advanced.",
    )
    service_token = forms.CharField(
        label="Token of an application service",
        max_length=2000,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Only for who runs the homeserver: with it each author posts under a user of their own.",
    )
    ghosts = forms.CharField(
        label="Prefix of ghosts",
        max_length=40,
        required=False,
        help_text="What the names of the application service's users begin with, such as sameroom_.",
    )
    ca_certificate = CertificateField()
    renewed = ("user", "ghosts", "ca_certificate")
    folded = ("token", "service_token", "ghosts", "ca_certificate")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._login: Login | None = None

    def is_unfolded(self) -> bool:
        """Also where a login by a token is renewed."""
        return super().is_unfolded() or ("token" in self.known and "user" not in self.known)

    def clean_server(self) -> str:
        typed = str(self.cleaned_data["server"])
        try:
            base_address(typed, example=EXAMPLE)
        except AddressUnusable as error:
            raise forms.ValidationError(str(error)) from error
        return typed.strip()

    def clean_token(self) -> str:
        return self._token("token")

    def clean_service_token(self) -> str:
        return self._token("service_token")

    def _token(self, name: str) -> str:
        token = str(self.cleaned_data[name]).strip()
        if token and not TOKEN.fullmatch(token):
            raise forms.ValidationError("This is no access token. Copy it once more, whole.")
        return token

    def clean_ghosts(self) -> str:
        prefix = str(self.cleaned_data["ghosts"]).strip().removeprefix("@")
        if prefix and not PREFIX.fullmatch(prefix):
            raise forms.ValidationError("A prefix has small letters, digits and the signs . _ = - only.")
        return prefix

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if not self.errors and not given["token"] and not (given["user"] and given["password"]):
            raise forms.ValidationError(
                "Enter a user name with its password, or an access token: one of the two is needed to log in."
            )
        if not self.errors and bool(given["service_token"]) != bool(given["ghosts"]):
            raise forms.ValidationError(
                "An application service needs both: its token, and the prefix of its users' names."
            )
        try:
            return super().clean()
        except forms.ValidationError:
            self._sign_out()
            raise

    def login(self, cleaned: dict[str, Any]) -> Login:
        """Find the homeserver, and log in there where a password was given: once, whoever asks again."""
        if self._login is None:
            pem = cleaned["ca_certificate"]
            server = homeserver(cleaned["server"], pem or None)
            credentials = {"token": cleaned["token"]}
            if not cleaned["token"]:
                told = log_in(server, cleaned["user"].strip(), cleaned["password"], pem or None)
                credentials = {"token": str(told.get("access_token") or "")}
                credentials |= {"device": str(told.get("device_id") or ""), "user": cleaned["user"].strip()}
            for name in ("service_token", "ghosts", "ca_certificate"):
                if cleaned[name]:
                    credentials[name] = cleaned[name]
            self._login = Login(server=server, credentials=credentials)
        return self._login

    def _sign_out(self) -> None:
        """Leave no device behind where nothing is saved."""
        if self._login and self._login.credentials.get("device"):
            given = self._login.credentials
            with suppress(ConnectorError):
                MatrixClient(self._login.server, given["token"], given.get("ca_certificate")).log_out()
