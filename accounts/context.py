"""What every page may ask about this installation."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, Any]:
    """The switches that templates show or hide things by. No query."""
    return {"sandbox_on": settings.SANDBOX, "signup": settings.SIGNUP, "public_url": settings.PUBLIC_URL}
