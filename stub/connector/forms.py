"""The form by which an account at a stub is linked."""

from typing import Any

from django import forms

from connectors.base import Login
from connectors.forms import CredentialsForm
from stub.connector.features import ALL, parse


class StubCredentialsForm(CredentialsForm):
    """An address, a token, and what this account shall be able to do."""

    server = forms.CharField(max_length=200, help_text="As `python -m stub` prints it.")
    token = forms.CharField(max_length=64, widget=forms.PasswordInput, help_text="Any “name:secret”.")
    features = forms.CharField(max_length=200, required=False, initial=ALL)
    hook_secret = forms.CharField(max_length=64, required=False, widget=forms.PasswordInput)

    def clean_server(self) -> str:
        return str(self.cleaned_data["server"]).strip().rstrip("/")

    def clean_features(self) -> str:
        text = str(self.cleaned_data["features"])
        try:
            parse(text)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error
        return text

    def login(self, cleaned: dict[str, Any]) -> Login:
        credentials = {name: str(cleaned[name]) for name in ("token", "features", "hook_secret")}
        return Login(server=cleaned["server"], credentials=credentials)
