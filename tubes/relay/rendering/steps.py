"""What a rendering is made of: steps to be carried out in order, and the Copy they may act on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, TypeAlias

from connectors.base import Attachment, MessageId, OutgoingMessage
from connectors.markup.tree import from_json, to_json


@dataclass(frozen=True, slots=True)
class Send:
    """Post one part. Not repeatable: what became of it has to be known before the next step."""

    message: OutgoingMessage


@dataclass(frozen=True, slots=True)
class SendFile:
    """Post one file, with a message beside it. As Send in everything else.

    The file is one that came with the event, or holds `text`.
    """

    message: OutgoingMessage
    file: Attachment
    text: str = ""
    link: str = ""  # where it can be had from us instead
    bare: OutgoingMessage | None = None  # what the message is where no file comes with it, if another one


@dataclass(frozen=True, slots=True)
class Edit:
    """Give a post of ours another text. May be repeated."""

    target: MessageId
    message: OutgoingMessage


@dataclass(frozen=True, slots=True)
class Delete:
    """Take a post of ours back. May be repeated."""

    target: MessageId


@dataclass(frozen=True, slots=True)
class React:
    """Set a reaction, or take it away. May be repeated."""

    target: MessageId
    emoji: str
    add: bool


Posting: TypeAlias = Send | SendFile
Step: TypeAlias = Send | SendFile | Edit | Delete | React


@dataclass(frozen=True, slots=True)
class Copy:
    """What stands of an original message in the room that is posted to."""

    ids: Sequence[MessageId]  # our posts, part by part; in the original's own room its one id
    is_ours: bool  # False for the original itself: we can answer it, not change it
    is_shared: bool  # other messages stand in the same post, which must not change with this one
    posted_at: datetime
    author_name: str  # of the original, raw
    text: str  # of the original, plain; "" once it is erased
    said_at: datetime
    files: int = 0  # how many of the posts are files that came with it


_STORED = ("text", "sender_name", "sender_avatar_url", "reply_to")
_ALL = {*_STORED, "body", "rings", "file", "content", "link", "bare"}


def parts_to_json(parts: Sequence[Posting]) -> list[dict[str, Any]]:
    """The stored form of parts, so that what has begun is finished as it was cut. Empty fields are left out.

    What is made anew for every attempt (deadline, idempotency key) is not kept.
    """
    return [_part_to_json(part) for part in parts]


def _part_to_json(part: Posting) -> dict[str, Any]:
    stored = _message_to_json(part.message)
    if isinstance(part, SendFile):
        stored |= {"file": asdict(part.file), "content": part.text, "link": part.link}
        if part.bare:
            stored["bare"] = _message_to_json(part.bare)
    return stored


def _message_to_json(message: OutgoingMessage) -> dict[str, Any]:
    stored: dict[str, Any] = {
        name: value for name in _STORED if (value := getattr(message, name)) or name == "text"
    }
    if message.body is not None:
        stored["body"] = to_json(message.body)
    if message.rings_everybody:
        stored["rings"] = True
    return stored


def parts_from_json(stored: object) -> list[Posting]:
    """The parts that `parts_to_json` stored. ValueError for anything it cannot have written."""
    if not isinstance(stored, list):
        raise ValueError("Stored parts are a list.")
    return [_part_from_json(part) for part in stored]


def _part_from_json(told: object) -> Posting:
    stored = _known(told)
    message = _message_from_json(stored)
    if "file" not in stored:
        return Send(message)
    if not isinstance(stored["file"], dict):
        raise ValueError("A stored file has fields.")
    file = Attachment.from_json(stored["file"])
    bare = _message_from_json(_known(stored["bare"])) if "bare" in stored else None
    return SendFile(message, file, str(stored.get("content") or ""), str(stored.get("link") or ""), bare)


def _known(stored: object) -> dict[str, Any]:
    if not isinstance(stored, dict) or not {"text"} <= set(stored) <= _ALL:
        raise ValueError(f"A stored part has a text and may have {', '.join(sorted(_ALL - {'text'}))}.")
    return stored


def _message_from_json(stored: dict[str, Any]) -> OutgoingMessage:
    fields = {name: value for name, value in stored.items() if name in _STORED}
    if not all(type(value) is str for value in fields.values()):
        raise ValueError("The fields of a stored part are strings.")
    body = from_json(stored["body"]) if "body" in stored else None
    return OutgoingMessage(**fields, body=body, rings_everybody=bool(stored.get("rings")))
