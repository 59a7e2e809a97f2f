"""Chats' messages, and the two ways HipChat lets one read them."""

import json
import uuid
from dataclasses import dataclass
from typing import Any

from .clock import Clock
from .records import Invalid, Message, Missing
from .store import Store

TYPED_LENGTH = 32_768  # what HipChat's own clients may send; the API takes 1000


@dataclass(frozen=True, slots=True)
class Window:
    """A page of a date query: both bounds are inclusive stamps."""

    until: int
    since: int
    start: int
    size: int
    include_deleted: bool


def check_text(
    text: str,
    *,
    longest: int = TYPED_LENGTH,
    shortest: int = 1,
    field: str = "message",
    blank_ok: bool = False,
) -> str:
    """The text, if HipChat would store it."""
    if not shortest <= len(text) <= longest:
        raise Invalid(field, f"{shortest} to {longest} characters", f"{len(text)} characters")
    if shortest and not (blank_ok or text.strip()):
        raise Invalid(field, "more than spaces", "spaces")
    if "\0" in text:
        raise Invalid(field, "text", "a NUL character")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise Invalid(field, "text", "half of a surrogate pair")
    return text


class Messages:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def add(
        self,
        chat: str,
        text: str | None,
        *,
        kind: str = "message",
        user_id: int | None = None,
        sender: str | None = None,
        mentions: list[int] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> Message:
        """Append to a chat; no two of its messages share a timestamp."""
        message_id = str(uuid.uuid4())
        with self._store.transaction():
            newest = self._store.value("SELECT max(stamp) FROM messages WHERE chat = ?", chat) or 0
            self._store.insert(
                "messages",
                id=message_id,
                chat=chat,
                stamp=max(self._clock.micros(), newest + 1),
                type=kind,
                user_id=user_id,
                sender=sender,
                text=text,
                mentions=mentions or [],
                extra=extra or {},
            )
            return self.get(message_id)

    def get(self, message_id: str) -> Message:
        row = self._store.row("SELECT * FROM messages WHERE id = ?", message_id)
        if row is None:
            raise Missing(f"Message {message_id} not found")
        return Message(**row)

    def find(self, chat: str, message_id: str) -> Message | None:
        row = self._store.row("SELECT * FROM messages WHERE id = ? AND chat = ?", message_id, chat)
        return Message(**row) if row else None

    def set_text(self, message_id: str, text: str | None) -> Message:
        """Edit a message in place, or delete its text with None."""
        if not self._store.write("UPDATE messages SET text = ? WHERE id = ?", text, message_id):
            raise Missing(f"Message {message_id} not found")
        return self.get(message_id)

    def add_extra(self, message_id: str, extra: dict[str, Any]) -> None:
        """Let the message's item have these fields as well."""
        with self._store.transaction():
            known = self.get(message_id).extra
            self._store.write(
                "UPDATE messages SET extra = ? WHERE id = ?", json.dumps(known | extra), message_id
            )

    def latest(
        self, chat: str, size: int, *, not_before: Message | None = None, include_deleted: bool = True
    ) -> list[Message]:
        """The newest messages, oldest first; `not_before` is part of the answer if it fits."""
        rows = self._store.rows(
            "SELECT * FROM messages WHERE chat = ? AND stamp >= ? AND (? OR text IS NOT NULL)"
            " ORDER BY stamp DESC LIMIT ?",
            chat,
            not_before.stamp if not_before else 0,
            include_deleted,
            size,
        )
        return [Message(**row) for row in reversed(rows)]

    def window(self, chat: str, window: Window) -> list[Message]:
        """A page of the messages between two dates, newest first."""
        rows = self._store.rows(
            "SELECT * FROM messages WHERE chat = ? AND stamp BETWEEN ? AND ? AND (? OR text IS NOT NULL)"
            " ORDER BY stamp DESC LIMIT ? OFFSET ?",
            chat,
            window.since,
            window.until,
            window.include_deleted,
            window.size,
            window.start,
        )
        return [Message(**row) for row in rows]

    def all(self, chat: str) -> list[Message]:
        return [
            Message(**row)
            for row in self._store.rows("SELECT * FROM messages WHERE chat = ? ORDER BY stamp", chat)
        ]

    def statistics(self, chat: str) -> tuple[int, int | None]:
        """How many messages a chat has, and the stamp of the newest."""
        row = self._store.row("SELECT count(*), max(stamp) FROM messages WHERE chat = ?", chat)
        assert row is not None
        return row[0], row[1]

    def last_active(self, chat: str) -> int | None:
        stamp: int | None = self._store.value("SELECT max(stamp) FROM messages WHERE chat = ?", chat)
        return stamp
