"""What every page may ask about the relay and its viewer."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.html import format_html

from tubes.models import Notice
from tubes.onboarding import Steps, steps_on_page
from tubes.relay import guard

COMMAND = re.compile(r"(manage\.py relay_resume --from \w+)")


def relay(request: HttpRequest) -> dict[str, Any]:
    """Whether the relay is stopped and why, how many notices wait, how far a newcomer is.

    No query until a page asks.
    """
    user = getattr(request, "user", None)  # absent where a request never reached the sessions
    return {
        "relay_is_stopped": SimpleLazyObject(guard.is_stopped),
        "stopped_because": SimpleLazyObject(_stopped_because),
        "notice_count": SimpleLazyObject(partial(_notice_count, user)),
        "first_steps": SimpleLazyObject(partial(_first_steps, user)),
    }


def _stopped_because() -> str:
    """The reason, with the command in it marked as one."""
    before, *rest = COMMAND.split(guard.stopped_because() if guard.is_stopped() else "", maxsplit=1)
    return format_html("{}<code>{}</code>{}", before, *rest) if rest else before


def _notice_count(user: Any) -> int:
    return Notice.objects.owned_by(user).standing().count() if user and user.is_authenticated else 0


def _first_steps(user: Any) -> Steps | None:
    return steps_on_page(user) if user and user.is_authenticated else None
