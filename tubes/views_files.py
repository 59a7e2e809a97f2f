"""The address of a file that a service would not take: whoever holds it may open it, for a day."""

from __future__ import annotations

from typing import BinaryIO, Final

import puremagic
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from connectors.base import Attachment
from connectors.errors import ConnectorError, RetryLater
from sameroom import clock
from tubes.links import is_live, linked
from tubes.models import Event
from tubes.relay import shelf

SNIFFED: Final = 4096  # bytes
AGAIN: Final = 30  # seconds
# What is opened here runs nothing and loads nothing, whatever it is.
SANDBOX: Final = "default-src 'none'; sandbox"


@never_cache
@require_GET
def linked_file(request: HttpRequest, key: str, name: str) -> HttpResponse | FileResponse:
    """The file, to be saved. Its name is the sender's, its type what its bytes say."""
    found = _find(key)
    if found is None:
        return render(request, "tubes/file_gone.html", status=404)
    event, number, file = found
    assert event.room is not None
    assert event.room.reader is not None
    reader = event.room.reader
    try:
        content = shelf.open_file(reader.owner_id, event.pk, number, file, reader.account.connector())
    except RetryLater:
        answer = render(request, "tubes/file_later.html", status=503)
        answer["Retry-After"] = str(AGAIN)
        return answer
    except ConnectorError:
        return render(request, "tubes/file_gone.html", status=404)
    response = FileResponse(content, as_attachment=True, filename=file.name, content_type=_type_of(content))
    response["Content-Security-Policy"] = SANDBOX
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _find(key: str) -> tuple[Event, int, Attachment] | None:
    """The file that a key leads to, while its author has not taken it back. One query."""
    place = linked(key)
    if place is None:
        return None
    events = Event.objects.select_related("room__reader__account").filter(room__reader__isnull=False)
    event = events.filter(pk=place[0]).first()
    if event is None or not is_live(event.accepted_at, clock.now()) or place[1] >= len(event.attachments):
        return None
    return event, place[1], Attachment.from_json(event.attachments[place[1]])


def _type_of(content: BinaryIO) -> str:
    start = content.read(SNIFFED)
    content.seek(0)
    try:
        return puremagic.from_string(start, mime=True) or "application/octet-stream"
    except (puremagic.PureError, ValueError):
        return "application/octet-stream"
