"""HipChat's history items in the project's own words. No I/O."""

from __future__ import annotations

import html
import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import nh3

from connectors.base import Attachment, Author, Cursor, IncomingEvent, Kind, MessageId, UserId
from connectors.markup import plain
from connectors.markup.sanitize import clean_text

log = logging.getLogger(__name__)

Json = Mapping[str, Any]

# HipChat's own unfurler answers most links with a notification attached to the message.
UNFURLER = "hipchat-clinky"
TALK = ("message", "notification")
QUIET = ("topic", "guest_access")  # seen in history, never relayed


def date_of(item: Json) -> datetime | None:
    """When an item was said; None where the date cannot be read. Old servers leave out the offset."""
    try:
        said = datetime.fromisoformat(str(item.get("date")))
    except ValueError:
        return None
    return said if said.tzinfo else said.replace(tzinfo=UTC)


def in_order(items: Iterable[Json]) -> list[Json]:
    """Items that have an id and a date, oldest first; two of one microsecond stay as they came."""
    items = list(items)
    usable = [item for item in items if item.get("id") and date_of(item)]
    if len(usable) < len(items):
        log.warning("HipChat history holds %d items without id or date; left out", len(items) - len(usable))
    return sorted(usable, key=lambda item: date_of(item) or datetime.min.replace(tzinfo=UTC))


def cursor_at(item: Json) -> Cursor:
    """The place in history right after this item."""
    said = date_of(item)
    assert said is not None, "in_order() lets no undated item through"
    return Cursor(id=MessageId(str(item["id"])), time=said)


def author_of(item: Json) -> Author:
    """Who said it: `from` is an object for people, a string for integrations, or null."""
    sender = item.get("from")
    if isinstance(sender, Mapping):
        return Author(
            id=UserId(str(sender.get("id") or "")),
            name=str(sender.get("name") or sender.get("mention_name") or ""),
            username=str(sender.get("mention_name") or ""),
        )
    return Author(id=UserId(""), name="HipChat" if sender is None else str(sender))


def event_of(item: Json) -> IncomingEvent | None:
    """The event an item is, or None for what is not relayed: deleted, topic, unfurled, unknown."""
    kind = item.get("type", "message")
    if kind not in TALK:
        if kind not in QUIET:
            log.info("HipChat history holds an item of the unknown type %r; it is left out", kind)
        return None
    if _is_unfurled(item) or not isinstance(item.get("message"), str):  # a deleted message is null
        return None
    text, files = _text_of(item), list(_files(item))
    if not text.strip() and not files:
        return None
    cursor = cursor_at(item)
    return IncomingEvent(
        kind=Kind.MESSAGE,
        dedupe_key=cursor.id,
        id=cursor.id,
        author=author_of(item),
        said_at=cursor.time,
        body=plain.parse(clean_text(text)),
        attachments=files,
    )


def _is_unfurled(item: Json) -> bool:
    sender = item.get("notification_sender")
    return bool(item.get("attach_to")) and isinstance(sender, Mapping) and sender.get("id") == UNFURLER


def _text_of(item: Json) -> str:
    text = str(item["message"])
    if item.get("message_format") == "html":
        text = html.unescape(nh3.clean(text, tags=set()))
    return text


def _files(item: Json) -> Iterable[Attachment]:
    """A shared file: at a public address, or behind a login."""
    file = item.get("file")
    if isinstance(file, Mapping) and file.get("url"):
        yield Attachment(_name(file), _size(file), url=str(file["url"]))
    locked = item.get("authenticated_file")
    if isinstance(locked, Mapping) and locked.get("id"):
        yield Attachment(_name(locked), _size(locked), reference=str(locked["id"]))


def _name(file: Json) -> str:
    return str(file.get("name") or "file").strip()


def _size(file: Json) -> int | None:
    size = file.get("size")
    return size if isinstance(size, int) else None
