"""Around every view: what pages may do, which addresses there are, and when who tries too much may go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
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


class OddAddressMiddleware:
    """An address that can name no row is not there: PostgreSQL takes no text with a NUL in it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_view(
        self, request: HttpRequest, view: object, args: Sequence[object], named: Mapping[str, object]
    ) -> None:
        if any("\0" in value for value in named.values() if isinstance(value, str)):
            raise Http404("There is a NUL in this address.")


class TooManyTriesMiddleware:
    """Turns TooManyTries into its page, wherever in a view or a form it was raised."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return too_many(request, exception.seconds) if isinstance(exception, TooManyTries) else None
