"""A warning for operators: the sandbox calls whatever address somebody enters there."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning


def not_in_service(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Warns where the sandbox is on and this is no try-out. No I/O."""
    if not settings.SANDBOX or settings.LOCAL:
        return []
    return [
        Warning(
            "The sandbox is open to all who reach this Sameroom, and its webhooks call any address, also of "
            "your own network.",
            hint="Set SANDBOX=0, or let only those reach it who may call anything from this machine.",
            id="sandbox.W001",
        )
    ]
