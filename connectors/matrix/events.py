"""What happened in a room, from Matrix's words to ours. No I/O.

Matrix specification v1.16, Client-Server API: "Instant messaging", "Forming relationships between events",
"Event replacements", "Threading", "Redactions". The content of an event is whatever its sender wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from connectors.base import Attachment, Author, IncomingEvent, Kind, MessageId, UserId
from connectors.markup.tree import Document, Italic, Paragraph
from connectors.matrix import memory
from connectors.matrix.shapes import Json, event_id, moment, size, table, text
from connectors.matrix.text import parse

MESSAGE, STICKER, REACTION, REDACTION = "m.room.message", "m.sticker", "m.reaction", "m.room.redaction"
READ: Final = (MESSAGE, STICKER, REACTION, REDACTION)
_MEDIA: Final = ("m.image", "m.file", "m.video", "m.audio", STICKER)
_UNSAID: Final = ("m.key.verification.request",)


class Malformed(ValueError):
    """An event that cannot be what its type says."""


@dataclass(slots=True)
class Room:
    """What reading a room's events needs to know beside them."""

    server: str
    id: str
    known_as: Callable[[str], str] = str  # who a user is to the relay
    people: dict[str, str] = field(default_factory=dict)  # display names by user id

    def meet(self, state: list[Json]) -> None:
        """Learn the names that these member events tell."""
        for event in state:
            if event.get("type") == "m.room.member" and (user := text(event.get("state_key"))):
                self.people[user] = text(table(event.get("content")).get("displayname"))

    def author(self, user: str) -> Author:
        """A person. There is no picture: since v1.11 media are given to who is logged in only."""
        local = user[1:].partition(":")[0]
        return Author(
            id=UserId(self.known_as(user)), name=self.people.get(user) or local or user, username=user
        )


def note(room: Room, raw: Json) -> None:
    """Remember an event for those that will be about it."""
    if event := text(raw.get("event_id")):
        memory.keep(room.server, room.id, event, memory.known_of(raw))


def asks_about(raw: Json) -> str:
    """The event that must be known before this one is read: the one it edits; "" if none."""
    known = memory.known_of(raw)
    return known.target if known.is_edit else ""


def redacted_by(raw: Json) -> str:
    """Which event a redaction takes back: since room version 11 it stands in the content."""
    return event_id(table(raw.get("content")).get("redacts")) or event_id(raw.get("redacts"))


def event_of(room: Room, raw: Json) -> IncomingEvent | None:
    """An event in the project's own words; None where it says nothing to people. Raises Malformed."""
    if "redacted_because" in table(raw.get("unsigned")):
        return None  # emptied by now; the redaction itself comes too
    try:
        match raw.get("type"):
            case "m.room.message" | "m.sticker":
                return _message(room, raw)
            case "m.reaction":
                return _reaction(room, raw)
            case "m.room.redaction":
                return _redaction(room, raw)
            case _:
                return None
    except Malformed:
        raise
    except (ValueError, TypeError, AttributeError) as error:
        raise Malformed(str(error)) from error


def _base(room: Room, raw: Json, kind: Kind, *, key: str = "", **more: object) -> IncomingEvent:
    event, sender = text(raw.get("event_id")), text(raw.get("sender"))
    if not event or not sender:
        raise Malformed("An event has to have an id and a sender.")
    values: dict[str, object] = {"author": room.author(sender), **more}
    return IncomingEvent(
        kind=kind,
        dedupe_key=key or event,
        id=MessageId(event),
        said_at=moment(raw.get("origin_server_ts")),
        **values,  # type: ignore[arg-type]
    )


def _message(room: Room, raw: Json) -> IncomingEvent | None:
    content = table(raw.get("content"))
    relation = table(content.get("m.relates_to"))
    if relation.get("rel_type") == "m.replace":
        return _edit(room, raw, content, event_id(relation.get("event_id")))
    if content.get("msgtype") in _UNSAID:
        return None
    reply_to = _answered(relation)
    kind = Kind.NOTICE if content.get("msgtype") == "m.notice" else Kind.MESSAGE
    body, files = _said(raw, content, is_reply=bool(reply_to))
    return _base(room, raw, kind, body=body, attachments=files, reply_to=reply_to)


def _edit(room: Room, raw: Json, content: Json, target: str) -> IncomingEvent | None:
    """Only the author's own edits count: servers take those of others too, and clients pass them over."""
    original = memory.recall(room.server, room.id, target)
    if original is None or original.sender != raw.get("sender") or original.is_edit:
        return None
    body, _ = _said(raw, table(content.get("m.new_content")), is_reply=False)
    return _base(room, raw, Kind.EDIT, target=MessageId(target), body=body)


def _reaction(room: Room, raw: Json) -> IncomingEvent:
    known = memory.known_of(raw)
    if not known.target or not known.emoji:
        raise Malformed("A reaction has to have a target and a key.")
    return _base(room, raw, Kind.REACTION, target=MessageId(known.target), emoji=known.emoji)


def _redaction(room: Room, raw: Json) -> IncomingEvent | None:
    target = redacted_by(raw)
    if not target:
        raise Malformed("A redaction has to say of what.")
    known = memory.recall(room.server, room.id, target)
    if known is not None and known.is_edit:
        return None  # the message stays as it is shown elsewhere: clients take back the message itself
    if known is None or not known.emoji:  # the relay knows what it was, if it ever took it in
        return _base(room, raw, Kind.DELETE, key=target, target=MessageId(target))
    # Moderators may take back what others said: the reaction is its author's all the same.
    return _base(
        room,
        raw,
        Kind.UNREACTION,
        key=target,
        target=MessageId(known.target),
        emoji=known.emoji,
        author=room.author(known.sender),
    )


def _answered(relation: Mapping[str, object]) -> MessageId | None:
    """What a message answers. In a thread the fallback names its last message: then its root counts."""
    answered = event_id(table(relation.get("m.in_reply_to")).get("event_id"))
    if relation.get("rel_type") == "m.thread" and relation.get("is_falling_back") is True:
        answered = event_id(relation.get("event_id")) or answered
    elif relation.get("rel_type") == "m.thread" and not answered:
        answered = event_id(relation.get("event_id"))
    return MessageId(answered) if answered else None


def _said(raw: Json, content: Json, *, is_reply: bool) -> tuple[Document | None, list[Attachment]]:
    """The words of a message and its file. Any other type of message is its text, as clients show it."""
    kind = STICKER if raw.get("type") == STICKER else content.get("msgtype")
    if kind in _MEDIA:
        return _file(content)
    if not isinstance(content.get("body"), str):
        raise Malformed("A message has to have a body.")
    body = parse(content, is_reply=is_reply)
    return (_emoted(body) if kind == "m.emote" else body), []


def _file(content: Json) -> tuple[Document | None, list[Attachment]]:
    """With a `filename` the body is a caption (v1.10), unless it is the same name once more."""
    body, name = text(content.get("body")), text(content.get("filename"))
    address = text(content.get("url"))
    if not address.startswith("mxc://"):
        raise Malformed("A file has to have an address.")
    caption = parse(content, is_reply=False) if name and body != name else None
    told = table(content.get("info"))
    return caption, [Attachment(name=name or body or "file", size=size(told.get("size")), reference=address)]


def _emoted(document: Document) -> Document:
    """What is done, not said: in italics, as clients show it."""
    return Document(
        tuple(
            Paragraph((Italic(block.inlines),)) if isinstance(block, Paragraph) else block
            for block in document.blocks
        )
    )
