"""The end of a room's history, for opening a Tube and for settling a cut-off send. Blocking."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

from connectors.base import Cursor, IncomingEvent, Kind, MessageId, Recent, RoomId
from connectors.matrix.client import MatrixClient
from connectors.matrix.events import MESSAGE, STICKER, Malformed, Room, event_of
from connectors.matrix.shapes import Json, moment, rows, text

log = logging.getLogger(__name__)

MOST: Final = 500  # events of one look
_SAID: Final[Json] = {"types": [MESSAGE, STICKER], "lazy_load_members": True}


def newest(client: MatrixClient, room: RoomId, count: int) -> Sequence[Cursor]:
    """As `Connector.newest`."""
    told = client.messages(room, _SAID, count)
    found = []
    for raw in reversed(rows(told.get("chunk"))):
        try:
            found.append(Cursor(MessageId(text(raw.get("event_id"))), moment(raw.get("origin_server_ts"))))
        except ValueError:
            continue  # read by nobody, so it marks nothing
    return found


def recent(client: MatrixClient, room: RoomId, known_as: Callable[[str], str]) -> Recent:
    """As `Connector.recent`: messages as they were sent first, since what is looked up is what was sent."""
    told = client.messages(room, _SAID, MOST)
    here = Room(client.server, room, known_as)
    here.meet(rows(told.get("state")))
    chunk = rows(told.get("chunk"))
    events = [event for raw in reversed(chunk) if (event := _readable(here, raw))]
    return Recent(events, whole=len(chunk) < MOST and _is_whole(client, room, text(told.get("end"))))


def _is_whole(client: MatrixClient, room: RoomId, end: str) -> bool:
    """Whether nothing was said before a page's end: servers name one wherever the page has something."""
    return not end or not rows(client.messages(room, _SAID, 1, end).get("chunk"))


def _readable(room: Room, raw: Json) -> IncomingEvent | None:
    try:
        event = event_of(room, raw)
    except Malformed:
        return None
    return event if event and event.kind in (Kind.MESSAGE, Kind.NOTICE) else None
