"""The form by which a Slack account is linked by a bot token."""

from __future__ import annotations

import re
from typing import Any, Final

from django import forms
from django.conf import settings

from connectors.base import Login
from connectors.forms import CredentialsForm
from connectors.slack import manifests

BOT_TOKEN: Final = re.compile(r"xoxb-[A-Za-z0-9-]{8,500}")
APP_TOKEN: Final = re.compile(r"xapp-[A-Za-z0-9-]{8,500}")
SIGNING_SECRET: Final = re.compile(r"[0-9a-f]{32}")
OTHER_TOKENS: Final = {
    "xoxe": "This token ends within twelve hours, as token rotation is switched on for its app. "
    "Make an app from the manifest here: its token stays.",
    "xoxp-": "This is a user token. Copy the Bot User OAuth Token instead; it begins with xoxb-.",
    "xapp-": "This is an app-level token, for the field below. Here belongs the one that begins with xoxb-.",
    "xoxc-": "This is a token of the browser. Create an app, and copy its Bot User OAuth Token (xoxb-).",
}
# How Slack tells an account what is said, and what is asked for where that was not pasted at its renewal.
TOLD_BY: Final = {
    "app_token": "Messages reach this account by Socket Mode: paste its app-level token (xapp-) once more, "
    "too. It stands under Basic Information → App-Level Tokens.",
    "signing_secret": "Slack calls this server for this account: paste the app's signing secret once more, "
    "too. It stands under Basic Information → App Credentials.",
}


class SlackCredentialsForm(CredentialsForm):
    """A bot token, and how Slack tells what is said: an app-level token, or the app's signing secret."""

    token = forms.CharField(
        label="Bot User OAuth Token",
        max_length=600,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Begins with xoxb-. In the app's settings at Slack: OAuth & Permissions.",
    )
    app_token = forms.CharField(
        label="App-level token",
        max_length=600,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Begins with xapp-; with the scope connections:write. For Socket Mode: messages arrive at "
        "once, and Slack needs no way to this server.",
    )
    signing_secret = forms.CharField(
        label="Signing secret",
        max_length=100,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Instead of Socket Mode, where Slack can reach this server. In the app's settings: Basic "
        "Information. Without either, channels are asked for news every few seconds.",
    )
    quiet_replies = forms.BooleanField(
        label="Keep answers in their threads",
        required=False,
        help_text="Else an answer from elsewhere stands in its thread and in the channel.",
    )
    renewed = ("app_token", "signing_secret", "quiet_replies")

    # For the steps beside the form.
    creating = staticmethod(manifests.creating)
    manifest = staticmethod(manifests.manifest)
    is_reached = staticmethod(manifests.is_reached)

    def clean_token(self) -> str:
        token = str(self.cleaned_data["token"]).strip()
        for prefix, sentence in OTHER_TOKENS.items():
            if token.startswith(prefix):
                raise forms.ValidationError(sentence)
        if not BOT_TOKEN.fullmatch(token):
            raise forms.ValidationError(
                "This is no bot token: one begins with xoxb-. Copy it once more, whole."
            )
        return token

    def clean_app_token(self) -> str:
        token = str(self.cleaned_data["app_token"]).strip()
        if token and not APP_TOKEN.fullmatch(token):
            raise forms.ValidationError(
                "This is no app-level token: one begins with xapp-. Copy it once more."
            )
        return token

    def clean_signing_secret(self) -> str:
        secret = str(self.cleaned_data["signing_secret"]).strip()
        if secret and not SIGNING_SECRET.fullmatch(secret):
            raise forms.ValidationError(
                "This is no signing secret: it has 32 digits and letters from a to f. Copy it once more."
            )
        return secret

    def clean(self) -> dict[str, Any]:
        # Before the base tries the login. Else the account would be asked for news from then on, slower.
        for name, sentence in TOLD_BY.items():
            if name in self.known and not self.errors and not self._tells():
                self.add_error(name, sentence)
        return super().clean()

    def _tells(self) -> bool:
        """Whether Slack tells what is said, by the one way or the other."""
        return any(self.cleaned_data.get(name) for name in TOLD_BY)

    def login(self, cleaned: dict[str, Any]) -> Login:
        credentials = {"token": cleaned["token"]}
        for name in ("app_token", "signing_secret"):
            if cleaned[name]:
                credentials[name] = cleaned[name]
        if cleaned["quiet_replies"]:
            credentials["quiet_replies"] = "on"
        return Login(server=settings.SLACK_API_URL, credentials=credentials)
