"""What people type into the sandbox's pages."""

from typing import Any

from django import forms

from .messages import TYPED_LENGTH, check_text
from .records import SCOPES, SandboxError

# Importing is for chosen add-ons.
PERSONAL_SCOPES = [(scope, label) for scope, label in SCOPES.items() if scope != "import_data"]


class MessageForm(forms.Form):
    text = forms.CharField(
        label="Message",
        max_length=TYPED_LENGTH,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "Write a message", "autofocus": True}),
    )

    def clean_text(self) -> str:
        # Browsers send CRLF; a chat client would not.
        text = self.cleaned_data["text"].replace("\r\n", "\n")
        try:
            return check_text(text)
        except SandboxError as error:
            raise forms.ValidationError("Write something first.") from error


class TokenForm(forms.Form):
    label = forms.CharField(
        label="Label", max_length=100, error_messages={"required": "Give the token a name, such as Sameroom."}
    )
    scopes = forms.MultipleChoiceField(
        label="Scopes",
        choices=PERSONAL_SCOPES,
        widget=forms.SelectMultiple(attrs={"size": len(PERSONAL_SCOPES)}),
        error_messages={"required": "Pick at least one scope."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            if self.is_bound and name in self.errors:
                field.widget.attrs["aria-invalid"] = "true"
