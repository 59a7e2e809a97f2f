"""HipChat's history items in the project's own words. No I/O."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from connectors.base import Attachment, Author, Cursor, IncomingEvent, Kind, MessageId, UserId
from connectors.hipchat import cards, mentions, text
from connectors.markup import html
from connectors.markup.tree import Document, plain_text

log = logging.getLogger(__name__)

Json = Mapping[str, Any]

# HipChat's own unfurler answers most links with a notification attached to the message.
UNFURLER: Final = "hipchat-clinky"
TALK: Final = ("message", "notification")
QUIET: Final = ("topic", "guest_access")  # seen in history, never relayed
_FRACTION: Final = re.compile(r"\.(\d{1,6})")


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a history, with what places it there."""

    id: MessageId
    said_at: datetime
    told: Json

    @property
    def cursor(self) -> Cursor:
        """The place right after this item."""
        return Cursor(id=self.id, time=self.said_at)

    @property
    def until(self) -> str:
        """The latest moment that its date can mean (ISO 8601): old servers leave out the fraction."""
        fraction = _FRACTION.search(str(self.told.get("date")))
        digits = len(fraction[1]) if fraction else 0
        return (self.said_at + timedelta(microseconds=10 ** (6 - digits) - 1)).isoformat()

    @property
    def type(self) -> str:
        """What kind of item; the oldest servers do not tell it of messages."""
        return str(self.told.get("type") or "message")

    @property
    def text(self) -> str | None:
        """What was typed; None where it was deleted."""
        typed = self.told.get("message")
        return typed if isinstance(typed, str) else None

    @property
    def author(self) -> Author:
        """Who said it: `from` is an object for people, a string for integrations, or null."""
        sender = self.told.get("from")
        if isinstance(sender, Mapping):
            return Author(
                id=UserId(str(sender.get("id") or "")),
                name=str(sender.get("name") or sender.get("mention_name") or ""),
                username=str(sender.get("mention_name") or ""),
            )
        poster = self.told.get("notification_sender")  # a notification by somebody's own token is theirs
        is_user = isinstance(poster, Mapping) and poster.get("type") == "user"
        user = str(poster.get("id") or "") if is_user else ""  # type: ignore[union-attr]
        return Author(id=UserId(user), name="HipChat" if sender is None else str(sender))

    @property
    def has_file(self) -> bool:
        return bool(self.told.get("file") or self.told.get("authenticated_file"))


def in_order(told: Iterable[Json]) -> list[Item]:
    """The items that have an id and a date, oldest first; two of one microsecond stay as they came."""
    told = list(told)
    items = [item for item in map(_item, told) if item]
    if len(items) < len(told):
        log.warning("HipChat history holds %d items without id or date; left out", len(told) - len(items))
    return sorted(items, key=lambda item: item.said_at)


def _item(told: Json) -> Item | None:
    said_at = _moment(told.get("date"))
    return Item(MessageId(str(told["id"])), said_at, told) if told.get("id") and said_at else None


def _moment(date: object) -> datetime | None:
    """The moment a date means; None where it cannot be read. Old servers leave out the offset."""
    try:
        said = datetime.fromisoformat(str(date))
    except ValueError:
        return None
    return said if said.tzinfo else said.replace(tzinfo=UTC)


def event_of(item: Item) -> IncomingEvent | None:
    """The message an item is, or None for what is not relayed: deleted, topic, unfurled, unknown, blank."""
    if item.type not in TALK:
        if item.type not in QUIET:
            _note_unknown(item.type)
        return None
    if item.text is None or _is_unfurled(item):
        return None
    body, files = body_of(item.told), list(_files(item.told))
    if not plain_text(body).strip() and not files:
        return None
    return IncomingEvent(
        kind=Kind.MESSAGE,
        dedupe_key=item.id,
        id=item.id,
        author=item.author,
        said_at=item.said_at,
        body=body,
        attachments=files,
    )


@lru_cache(maxsize=100)
def _note_unknown(kind: str) -> None:
    log.info("HipChat history holds items of the unknown type %.50r; they are left out", kind)


def _is_unfurled(item: Item) -> bool:
    sender = item.told.get("notification_sender")
    return bool(item.told.get("attach_to")) and isinstance(sender, Mapping) and sender.get("id") == UNFURLER


def body_of(told: Json) -> Document:
    """What an item with a text says: its text and its card."""
    typed = str(told["message"])
    if told.get("message_format") == "html":
        said = html.parse(typed)
    else:
        said = text.parse(typed, mentions.ids_of(told.get("mentions")))
    return cards.with_card(said, told.get("card"))


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
