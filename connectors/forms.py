"""Forms by which a user hands over credentials; their `clean` logs in before anything is saved."""

from collections.abc import Collection
from typing import Any, ClassVar

from django import forms

from connectors import net
from connectors.base import Connector, Identity, Login
from connectors.errors import ConnectorError


class CertificateField(forms.CharField):
    """A CA certificate in PEM form, for servers whose own is not signed by a public one. May be left out."""

    def __init__(self) -> None:
        super().__init__(
            label="CA certificate",
            max_length=65_536,
            required=False,
            widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off", "spellcheck": "false"}),
            help_text="Only where the server has a certificate of its own making: the text from the line "
            "BEGIN CERTIFICATE to the line END CERTIFICATE. Whoever runs the server has it.",
        )

    def clean(self, value: Any) -> str:
        pem = str(super().clean(value)).strip()
        if "PRIVATE KEY" in pem:
            raise forms.ValidationError(
                "This holds a private key, which nobody else should have. Enter the certificate alone."
            )
        try:
            if pem:
                net.check_certificate(pem)
        except net.CertificateUnreadable as error:
            raise forms.ValidationError(
                "This is no certificate. Enter the whole text, from the line BEGIN CERTIFICATE to the line "
                "END CERTIFICATE."
            ) from error
        return pem


class CredentialsForm(forms.Form):
    """The base of every connector's form: fields in, a verified `identity` out.

    A subclass adds fields and, where it has to, `login()`. Network I/O happens in `clean`, once,
    and only when the fields themselves are fine.
    """

    identity: Identity
    # What may have changed, besides the secrets, when a login is renewed: asked for again.
    renewed: ClassVar[tuple[str, ...]] = ()
    # Fields for another way to log in, which most people do not go: folded away until one of them is in use.
    folded: ClassVar[tuple[str, ...]] = ()
    # What is known of the login that is renewed.
    known: Collection[str] = ()

    def __init__(self, *args: Any, connector_class: type[Connector], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connector_class = connector_class

    def is_unfolded(self) -> bool:
        """Whether one of the folded fields has a value or an error."""
        return any(self[name].value() or self[name].errors for name in self.folded)

    def login(self, cleaned: dict[str, Any]) -> Login:
        """The login to try with these fields."""
        return Login(server="", credentials={name: str(value) for name, value in cleaned.items()})

    def verify(self, login: Login) -> Identity:
        """Try the login. Network I/O; ConnectorError, which the form then shows."""
        return self.connector_class(login).verify()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                self.identity = self.verify(self.login(cleaned))
            except ConnectorError as error:
                raise forms.ValidationError(str(error)) from error
        return cleaned

    def secrets(self) -> dict[str, str]:
        """What has to be kept, encrypted, to log in again."""
        return dict(self.login(self.cleaned_data).credentials)
