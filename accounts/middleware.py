"""What happens around every view: whoever has tried too much reads when to try again."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from accounts.limits import TooManyTries
from accounts.views_limits import too_many


class TooManyTriesMiddleware:
    """Turns TooManyTries into its page, wherever in a view or a form it was raised."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return too_many(request, exception.seconds) if isinstance(exception, TooManyTries) else None
