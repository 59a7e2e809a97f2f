"""Forms by which a user hands over credentials; their `clean` logs in before anything is saved."""

from typing import Any, ClassVar

from django import forms

from connectors.base import Connector, Identity, Login
from connectors.errors import ConnectorError


class CredentialsForm(forms.Form):
    """The base of every connector's form: fields in, a verified `identity` out.

    A subclass adds fields and, where it has to, `login()`. Network I/O happens in `clean`, once,
    and only when the fields themselves are fine.
    """

    identity: Identity
    # What may have changed, besides the secrets, when a login is renewed: asked for again.
    renewed: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *args: Any, connector_class: type[Connector], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connector_class = connector_class

    def login(self, cleaned: dict[str, Any]) -> Login:
        """The login to try with these fields."""
        return Login(server="", credentials={name: str(value) for name, value in cleaned.items()})

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                self.identity = self.connector_class(self.login(cleaned)).verify()
            except ConnectorError as error:
                raise forms.ValidationError(str(error)) from error
        return cleaned

    def secrets(self) -> dict[str, str]:
        """What has to be kept, encrypted, to log in again."""
        return dict(self.login(self.cleaned_data).credentials)
