"""A database in which every text from outside is an attack, and a reader that sees what got through."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.db.models import CharField, EmailField, Field, JSONField, Model, TextField
from django.http import HttpResponse

from accounts.models import User
from tubes.models import Event

ELEMENT = "xss-probe"
# Ends an attribute, a text area, a title, a script and a comment, and begins an element of its own.
BREAKOUT = "\"'></textarea></title></script>--><xss-probe f={field} xss-attribute onload=x()>"
SCRIPT_ADDRESS = "javascript:alert(document.domain)//"
SEEN = re.compile(r"xss-probe f=([\w.]+)")

# What we make ourselves, or what a row is found by.
OURS = {
    "code",
    "key",
    "digest",
    "kind",
    "password",
    "dedupe_key",
    "fingerprint",
    "status",
    "held",
    "stream_token",
}
# What says by being empty that all is well: attacked where something stands there.
WHERE_SET = {"failure", "hook_id"}
SHORTEST = 200  # characters: what is shorter is an enumeration of ours
_INLINE_DATA = ("application/json", "importmap")
_ADDRESSES = ("href", "src", "action", "formaction", "xlink:href", "poster", "data")


def poison() -> None:
    """Replace every free text of every row by an attack that names its field."""
    for model in (*apps.get_app_config("accounts").get_models(), *apps.get_app_config("tubes").get_models()):
        fields = [field for field in model._meta.get_fields() if _is_free_text(field)]
        for row in model._default_manager.all():
            hit = [field for field in fields if field.name not in WHERE_SET or getattr(row, field.name)]
            values, pk = {field.name: f"{_attack(model, field)}{row.pk}" for field in hit}, row.pk
            model._default_manager.filter(pk=pk).update(**values)
    _poison_documents()
    LogEntry.objects.update(object_repr=BREAKOUT.format(field="admin.logentry"))
    for user in User.objects.all():
        # Such an address is allowed: the part before the @ is in quotes.
        name = f'"<{ELEMENT}/f=accounts.user.email/{user.pk}>"'
        User.objects.filter(pk=user.pk).update(
            email=f"{name}@example.com", first_name=BREAKOUT.format(field="user.name")
        )


def _poison_documents() -> None:
    said = BREAKOUT.format(field="tubes.event.body")
    Event.objects.update(
        body={"v": 1, "blocks": [{"type": "paragraph", "inlines": [said]}]},
        attachments=[{"name": BREAKOUT.format(field="tubes.event.attachments"), "url": SCRIPT_ADDRESS}],
        author_avatar_url=SCRIPT_ADDRESS,
    )


def _is_free_text(field: object) -> bool:
    if not isinstance(field, CharField | TextField) or isinstance(field, EmailField | JSONField):
        return False
    is_long = field.max_length is None or field.max_length >= SHORTEST
    return is_long and not field.choices and not field.unique and field.name not in OURS


def _attack(model: type[Model], field: Field) -> str:  # type: ignore[type-arg]
    return BREAKOUT.format(field=f"{model._meta.label_lower}.{field.name}")


class Reader(HTMLParser):
    """Reads a page as a browser does, and keeps what an attack would have put there."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == ELEMENT:
            self.found.append(f"an element of {given.get('f', 'an attack')}")
        if tag == "script" and "src" not in given and given.get("type") not in _INLINE_DATA:
            self.found.append("an inline script")
        self.found += [f"the attribute {name} of {tag}" for name in given if name.startswith(("xss", "on"))]
        for name in _ADDRESSES:
            address = re.sub(r"[\s\x00-\x1f]", "", given.get(name) or "").lower()
            if address.startswith(("javascript:", "vbscript:", "data:text")):
                self.found.append(f"{name}={address[:40]} of {tag}")

    handle_startendtag = handle_starttag


def through(response: HttpResponse) -> list[str]:
    """What of the attacks is more than text in this page; empty where it is no HTML."""
    if not response.get("Content-Type", "").startswith("text/html"):
        return []
    reader = Reader()
    reader.feed(response.content.decode())
    reader.close()
    return reader.found


def shown(response: HttpResponse) -> Iterator[str]:
    """The fields whose attack stands in this page, as text."""
    if not response.streaming:
        yield from SEEN.findall(response.content.decode("utf-8", "replace"))
