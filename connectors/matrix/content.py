"""What we post, as the content of an event. No I/O.

Matrix specification v1.16, Client-Server API: "Instant messaging", "Event replacements", "Rich replies",
"User and room mentions", "Event annotations and reactions".
"""

from __future__ import annotations

import json
from typing import Final

from connectors.base import MessageId, OutgoingFile, OutgoingMessage
from connectors.errors import MessageRejected
from connectors.markup.split import split_text
from connectors.matrix.shapes import Json
from connectors.matrix.text import FORMAT, calls_everybody, formatted, mentioned

MAX_TEXT_LENGTH: Final = 10_000  # code points; whatever they are, the text alone fits an event
# An event is 65 536 bytes of canonical JSON at the most, with what the server adds.
_MOST_BYTES: Final = 60_000
_FALLBACK: Final = 200  # code points of an edit that clients without edits show


def message(outgoing: OutgoingMessage, thread: str = "", **more: object) -> Json:
    """A post. Raises MessageRejected for a text over the limit.

    `thread` is the root of the thread in which stands what it answers: so it is shown there, and as an
    answer to that very message ("Threading", "Replies via threads").
    """
    content = {"msgtype": "m.text", **_said(outgoing), **more}
    if outgoing.reply_to:
        answer: Json = {"m.in_reply_to": {"event_id": outgoing.reply_to}}
        if thread:
            answer |= {"rel_type": "m.thread", "event_id": thread, "is_falling_back": False}
        content["m.relates_to"] = answer
    return _fitting(content)


def edit(outgoing: OutgoingMessage, target: MessageId) -> Json:
    """A post that replaces `target`; nobody is rung a second time."""
    new = {"msgtype": "m.text", **_said(outgoing)}
    begun = next(iter(split_text(outgoing.text, _FALLBACK)), "")
    return _fitting(
        {
            "msgtype": "m.text",
            "body": f"* {begun}",
            "m.mentions": {},
            "m.new_content": new,
            "m.relates_to": {"rel_type": "m.replace", "event_id": target},
        }
    )


def file(posted: OutgoingFile, address: str, thread: str = "") -> Json:
    """A file that was uploaded to `address`, with its caption (v1.10). `thread` as for `message`."""
    family = posted.content_type.partition("/")[0]
    content = message(
        posted.message,
        thread,
        msgtype=f"m.{family}" if family in ("image", "video", "audio") else "m.file",
        filename=posted.name,
        url=address,
        info={"mimetype": posted.content_type, "size": posted.size},
    )
    return content if content["body"] else content | {"body": posted.name}


def reaction(target: MessageId, emoji: str) -> Json:
    """A reaction to `target`."""
    return {"m.relates_to": {"rel_type": "m.annotation", "event_id": target, "key": emoji}}


def _said(outgoing: OutgoingMessage) -> Json:
    """The text both ways. Without `m.mentions`, be it empty, servers would guess from the words."""
    if len(outgoing.text) > MAX_TEXT_LENGTH:
        raise MessageRejected(f"A message to Matrix has {MAX_TEXT_LENGTH} characters at the most.")
    everybody = outgoing.rings_everybody and calls_everybody(outgoing.body)
    people = mentioned(outgoing.body)
    mentions: Json = {"user_ids": people} if people else {}
    said: Json = {
        "body": outgoing.text if everybody else quiet(outgoing.text),
        "m.mentions": mentions | ({"room": True} if everybody else {}),
    }
    if html := formatted(outgoing):
        said |= {"format": FORMAT, "formatted_body": html}
    return said


def quiet(text: str) -> str:
    """`text` without the word that rings everybody at servers from before v1.7, without `m.mentions`."""
    return text.replace("@room", "@\u200broom")


def _fitting(content: Json) -> Json:
    """`content`, without its HTML where the two together are too much for an event."""
    if len(json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")) > _MOST_BYTES:
        for part in (content, content.get("m.new_content", {})):
            part.pop("format", None)
            part.pop("formatted_body", None)
    return content
