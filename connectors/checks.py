"""System checks: what a connector claims and what it does must agree."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.checks import CheckMessage, Error
from django.template import TemplateDoesNotExist
from django.template.loader import get_template

from connectors.base import Connector, Reading, Support
from connectors.registry import connectors

OBLIGATORY = ("verify", "list_rooms", "room", "send")


def overrides(cls: type[Connector], method: str) -> bool:
    """Whether `cls` brings its own `method`."""
    return _own(getattr(cls, method)) is not _own(getattr(Connector, method))


def _own(method: Any) -> Any:
    """The function behind a class method, which each class binds anew."""
    return getattr(method, "__func__", method)


def _claims(cls: type[Connector]) -> Iterator[tuple[str, bool]]:
    """Every method beside whether the class says that it has it."""
    can = cls.capabilities
    yield from ((name, True) for name in OBLIGATORY)
    if can.reading is Reading.POLL or not can.history:  # who pushes may be read as well
        yield "read_after", can.reading is Reading.POLL
    if can.reading is not Reading.WEBHOOK:  # and who pushes may, for some accounts, stream
        yield "stream", can.reading is Reading.STREAM
    yield "receive", can.reading is Reading.WEBHOOK or can.hooks
    yield "addressed", can.one_address
    yield "subscribe", can.hooks
    yield "unsubscribe", can.hooks
    yield "enter", can.addresses
    yield "create_room", can.creates_rooms
    yield "newest", can.history
    yield "recent", can.history
    yield "edit", can.edits is Support.NATIVE
    yield "delete", can.deletes is Support.NATIVE
    yield "react", can.reactions is Support.NATIVE
    yield "send_file", can.files is Support.NATIVE


def connector_errors(cls: type[Connector]) -> list[CheckMessage]:
    """What is wrong with one connector class. Reads templates, nothing else."""
    found: list[CheckMessage] = []
    for method, claimed in _claims(cls):
        if overrides(cls, method) != claimed:
            verb = "claims but lacks" if claimed else "has but does not claim"
            found.append(Error(f"{cls.label} {verb} {method}().", obj=cls, id="connectors.E001"))
    for name in ("setup.html", *(["authorize.html"] if cls.authorization else [])):
        try:
            get_template(f"connectors/{cls.kind}/{name}")
        except TemplateDoesNotExist:
            found.append(Error(f"{cls.label} has no {name}.", obj=cls, id="connectors.E002"))
    return found


def check_connectors(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Every registered connector (Django calls this with `manage.py check`)."""
    return [error for cls in connectors().values() for error in connector_errors(cls)]
