"""Around every view: whoever tries too much reads when to go on, and browsers read what pages may do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers

from accounts.limits import TooManyTries
from accounts.views_limits import too_many

# What no page of ours uses, nor anything that got into one: the features of W3C's Permissions Policy that
# browsers know; Chromium writes each other one (bluetooth) to its console, on every page.
CLOSED: Final = (
    *(
        "accelerometer",
        "autoplay",
        "browsing-topics",
        "camera",
        "display-capture",
        "geolocation",
    ),
    *(
        "gyroscope",
        "hid",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "serial",
        "usb",
        "xr-spatial-tracking",
    ),
)
PERMISSIONS: Final = ", ".join(f"{feature}=()" for feature in CLOSED)


class HeadersMiddleware:
    """Pages use no camera; what a session shows is kept by no cache, nor shown again after signing out."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        response.setdefault("Permissions-Policy", PERMISSIONS)
        is_of_session = settings.SESSION_COOKIE_NAME in request.COOKIES or response.cookies
        if is_of_session and "Cache-Control" not in response:
            add_never_cache_headers(response)
        return response


class TooManyTriesMiddleware:
    """Turns TooManyTries into its page, wherever in a view or a form it was raised."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return too_many(request, exception.seconds) if isinstance(exception, TooManyTries) else None
