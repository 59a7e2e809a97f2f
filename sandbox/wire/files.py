"""Handing out shared files."""

from django.http import HttpRequest, HttpResponse
from django.utils.http import content_disposition_header

from ..pictures import tile
from ..records import Missing
from ..shapes import file_url, thumbnail_name
from ..world import World
from . import asking
from .answers import answer
from .calls import Call, endpoint

# Shown in the page they are linked from; anything else, SVG and HTML above all, is a download.
SHOWN_TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp")


@endpoint("view_messages")
def file_get(call: Call, file: str) -> HttpResponse:
    """HipChat API v2, authenticated files: where to fetch one without a token."""
    upload = call.world.uploads.get(file)
    name = upload.name
    if asking.flag(call, "thumbnail", False):
        name = thumbnail_name(name)
    url = file_url(upload.id, name, call.base)
    return answer({"temp_url": url, "temp_download_url": url})


def picture(request: HttpRequest, world: World, name: str) -> HttpResponse:
    """The picture of a person or an emoticon. It has the colour of its name; nobody drew one."""
    return HttpResponse(tile(name), content_type="image/png")


def download(request: HttpRequest, world: World, file: str, name: str) -> HttpResponse:
    """A shared file. Its thumbnail, which has another name, is the same picture: clients scale it."""
    try:
        upload = world.uploads.get(file)
    except Missing:
        return HttpResponse("No such file", content_type="text/plain", status=404)
    response = HttpResponse(upload.content, content_type=upload.content_type)
    disposition = content_disposition_header(upload.content_type not in SHOWN_TYPES, upload.name)
    if disposition:
        response["Content-Disposition"] = disposition
    response["X-Content-Type-Options"] = "nosniff"
    return response
