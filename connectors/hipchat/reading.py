"""A room's history: what is new after a position, read backwards where one page does not hold it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from connectors.base import Cursor, Page, Recent, RoomId
from connectors.budget import Use
from connectors.errors import RetryLater, RoomGone
from connectors.hipchat.client import HipChatClient
from connectors.hipchat.corrections import LOOK_BACK, events_of, lack_items
from connectors.hipchat.history import Item, event_of, in_order
from sameroom import clock

log = logging.getLogger(__name__)

# As many items as `client.HISTORY_BYTES` has room for, whatever they hold.
PAGE: Final = 250
SETTLE_ITEMS: Final = 1000
# 50 × 250 = 12 500 messages: a bound on memory, far past a day's talk. Within the polls' share of a window.
BACKFILL_PAGES: Final = 50
# Queries by date run behind; nobody wrote down how far.
LAG: Final = timedelta(minutes=5)
LAG_PAUSE: Final = 5.0  # seconds


def newest(client: HipChatClient, room: RoomId, count: int) -> Sequence[Cursor]:
    """As `Connector.newest`."""
    items = in_order(client.latest(room, count=count, not_before=None, use=Use.OTHER))
    return [item.cursor for item in items]


def recent(client: HipChatClient, room: RoomId) -> Recent:
    """As `Connector.recent`. Corrections stand here as typed: what is looked up is what was sent."""
    told = client.latest(room, count=SETTLE_ITEMS, not_before=None, use=Use.SETTLE)
    events = [event for event in map(event_of, in_order(told)) if event]
    return Recent(events, whole=len(told) < SETTLE_ITEMS)


def read_after(client: HipChatClient, room: RoomId, cursor: Cursor | None) -> Page:
    """As `Connector.read_after`. One request, as a rule."""
    items = _latest(client, room, cursor)
    if len(items) >= PAGE and _place(items, cursor) is None:
        items = _back_fill(client, room, items, cursor)
    anchor = _place(items, cursor)
    if anchor is None:  # it was purged, or there was none: the time decides
        items = [item for item in items if _is_after(item, cursor)]
    start = 0 if anchor is None else anchor + 1
    last = items[-1].cursor if items else cursor
    if cursor is not None and lack_items(items, start):
        before = _before(client, room, items)
        items, start = [*before, *items], len(before) + start
    return Page(events_of(items, start), last, gap=cursor is not None and anchor is None)


def _latest(client: HipChatClient, room: RoomId, cursor: Cursor | None) -> list[Item]:
    """The newest items, from the anchor (inclusive) on.

    What a server does with an anchor that is gone is not known: ignore it, 404, or nothing. Then all
    newest items are asked for.
    """
    if cursor is None:
        return in_order(client.latest(room, count=PAGE, not_before=None, use=Use.POLL))
    try:
        items = in_order(client.latest(room, count=PAGE, not_before=cursor.id, use=Use.POLL))
    except RoomGone:
        items = []
    if len(items) >= PAGE or _place(items, cursor) is not None:
        return items
    return _latest(client, room, None)


def _back_fill(client: HipChatClient, room: RoomId, items: list[Item], cursor: Cursor | None) -> list[Item]:
    """Walk back through history until `cursor` is passed; each page begins with items known already."""
    for _ in range(BACKFILL_PAGES):
        if _place(items, cursor) is not None or not _is_after(items[0], cursor):
            return items
        page = in_order(client.history(room, until=items[0].until, count=PAGE))
        known = {item.id for item in items}
        fresh = [item for item in page if item.id not in known]
        if len(fresh) == len(page) and clock.now() - items[0].said_at < LAG:
            # What joins the two is missing, and with it perhaps what was said between them.
            raise RetryLater("HipChat's history runs behind for a moment.", seconds=LAG_PAUSE)
        if not fresh:
            return items
        items = sorted([*fresh, *items], key=lambda item: item.said_at)
    log.warning("HipChat room %s: %d unread items read, older ones are left out", room, len(items))
    return items


def _before(client: HipChatClient, room: RoomId, items: Sequence[Item]) -> list[Item]:
    """What stands right before `items`: LOOK_BACK of it at least, if there is so much. One request."""
    if len(items) <= PAGE - LOOK_BACK:  # queries by date run behind
        told = client.latest(room, count=PAGE, not_before=None, use=Use.POLL)
    else:
        told = client.history(room, until=items[0].until, count=PAGE)
    found, first = in_order(told), items[0]
    place = next((place for place, item in enumerate(found) if item.id == first.id), len(found))
    return [item for item in found[:place] if item.said_at <= first.said_at]


def _place(items: Sequence[Item], cursor: Cursor | None) -> int | None:
    """Where the anchor stands; None where it does not."""
    if cursor is None:
        return None
    return next((place for place, item in enumerate(items) if item.id == cursor.id), None)


def _is_after(item: Item, cursor: Cursor | None) -> bool:
    return cursor is None or (item.said_at >= cursor.time and item.id != cursor.id)
