"""The sandbox as a WSGI application of its own, beside or without Sameroom."""

from typing import Any

from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.module_loading import import_string

from .world import World

# None of these looks for a session, a person or a database.
MIDDLEWARE = (
    "csp.middleware.CSPMiddleware",
    "sandbox.wsgi.PlainCsrfMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
)


class PlainCsrfMiddleware(CsrfViewMiddleware):
    """Refuses in plain text: the page of Sameroom for this shows its own links."""

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        return HttpResponse("Go back, reload the page and try again.", content_type="text/plain", status=403)


class SandboxRequest(WSGIRequest):
    """A request to whatever name the sandbox was called by: ALLOWED_HOSTS is Sameroom's."""

    world: World
    urlconf: str

    def get_host(self) -> str:
        return self._get_raw_host()  # type: ignore[attr-defined,no-any-return]


class SandboxHandler(WSGIHandler):
    """Serves one world below "/", with just the middleware the sandbox needs."""

    request_class = SandboxRequest

    def __init__(self, world: World) -> None:
        self.world = world
        super().__init__()

    def load_middleware(self, is_async: bool = False) -> None:
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        handler = convert_exception_to_response(self._get_response)  # type: ignore[attr-defined]
        for name in reversed(MIDDLEWARE):
            middleware = import_string(name)(handler)
            if hasattr(middleware, "process_view"):
                self._view_middleware.insert(0, middleware.process_view)
            handler = convert_exception_to_response(middleware)
        self._middleware_chain = handler

    def get_response(self, request: Any) -> HttpResponseBase:
        request.world = self.world
        request.urlconf = "sandbox.root_urls"
        response: HttpResponseBase = super().get_response(request)
        if not response.streaming:
            response["Content-Length"] = str(len(response.content))  # type: ignore[attr-defined]
        return response


def make_application(world: World) -> SandboxHandler:
    """A WSGI application for that world."""
    return SandboxHandler(world)
