"""Which services there are: one package per entry of `settings.CONNECTOR_APPS`."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType

from django.conf import settings

from connectors.base import Connector


@cache
def connectors() -> Mapping[str, type[Connector]]:
    """Every connector class by its kind, in the order of the setting. No I/O."""
    classes = [import_module(f"{app}.connector").CONNECTOR for app in settings.CONNECTOR_APPS]
    return MappingProxyType({cls.kind: cls for cls in classes})


def connector_class(kind: str) -> type[Connector] | None:
    """The connector of this kind, or None where this installation has none."""
    return connectors().get(kind)
