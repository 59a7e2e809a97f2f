"""The paths of a sandbox that is served alone."""

from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import include, path, re_path
from django.utils._os import safe_join


def static_file(request: HttpRequest, name: str) -> HttpResponseBase:
    """A stylesheet or script, collected or not."""
    found = finders.find(name) or safe_join(str(settings.STATIC_ROOT), name)
    if not Path(found).is_file():
        raise Http404("No such file")
    return FileResponse(Path(found).open("rb"))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return HttpResponse("There is nothing here.", content_type="text/plain", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    return HttpResponse(
        "The sandbox has a bug; its output tells more.", content_type="text/plain", status=500
    )


handler404 = not_found
handler500 = server_error
urlpatterns = [
    re_path(rf"^{settings.STATIC_URL.strip('/')}/(?P<name>.+)\Z", static_file),
    path("", include("sandbox.urls")),
]
