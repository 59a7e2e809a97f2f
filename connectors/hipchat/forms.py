"""The form by which a HipChat account is linked."""

import re
from typing import Any

from django import forms
from django.conf import settings

from connectors.base import Login
from connectors.forms import CertificateField, CredentialsForm
from connectors.hipchat.address import AddressUnusable, canonical

V1_TOKEN = re.compile(r"[0-9a-f]{30}")
V2_TOKEN = re.compile(r"[A-Za-z0-9]{20,128}")


class HipChatCredentialsForm(CredentialsForm):
    """A server, a personal token, and the team's name where the token cannot tell it."""

    token = forms.CharField(
        label="Token",
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="From Account → API access, with the scopes Send Messages, View Messages and View Room.",
    )
    team_name = forms.CharField(
        label="Team name",
        max_length=64,
        required=False,
        help_text="Shown beside each name, as in [Ann Lee, Acme]. HipChat does not tell it to this token.",
    )
    server = forms.CharField(
        label="Server",
        max_length=200,
        help_text="The address in the browser when you use HipChat, such as https://hipchat.example.com.",
    )
    ca_certificate = CertificateField()
    notifications = forms.BooleanField(
        label="Post under the authors' names",
        required=False,
        help_text="As notifications. Needs the scope Send Notification as well. Half as much can be posted, "
        "and a message that is cut off may come to stand there twice.",
    )
    renewed = ("ca_certificate", "notifications")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["server"].initial = settings.HIPCHAT_DEFAULT_SERVER

    def clean_token(self) -> str:
        token = str(self.cleaned_data["token"]).strip()
        if V1_TOKEN.fullmatch(token):
            raise forms.ValidationError(
                "This is a token of HipChat's old API v1 (30 hexadecimal digits). "
                "Create one under Account → API access instead; it has about 40 letters and digits."
            )
        if not V2_TOKEN.fullmatch(token):
            raise forms.ValidationError(
                "A HipChat token has about 40 letters and digits and nothing else. Copy it once more, whole."
            )
        return token

    def clean_server(self) -> str:
        try:
            return canonical(str(self.cleaned_data["server"]))
        except AddressUnusable as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not self.errors and cleaned["notifications"] and "send_notification" not in self.identity.scopes:
            self.add_error(
                "notifications",
                "This token lacks Send Notification. Create one with that scope as well, or leave this out.",
            )
        return cleaned

    def login(self, cleaned: dict[str, Any]) -> Login:
        credentials = {"token": cleaned["token"], "team_name": cleaned["team_name"]}
        if cleaned["ca_certificate"]:
            credentials["ca_certificate"] = cleaned["ca_certificate"]
        if cleaned["notifications"]:
            credentials["notifications"] = "on"
        return Login(server=cleaned["server"], credentials=credentials)
