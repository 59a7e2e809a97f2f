"""Posting into rooms: messages, replies, links, files, notifications."""

import random
from typing import Any

from django.http import HttpResponse

from .. import markup, previews
from ..clock import exported, iso
from ..messages import check_text
from ..records import COLORS, FORMATS, Invalid
from .answers import answer, done
from .calls import Call, endpoint
from .multipart import Share, read_share
from .rooms import text_field

LONGEST = 1000
LONGEST_NOTIFICATION = 10_000
LONGEST_LABEL = 64
LARGEST_METADATA = 64 * 1024
CARD_STYLES = ("file", "image", "application", "link", "media")


@endpoint("send_message", kinds=("user",), sends=True)
def message(call: Call, room: str) -> HttpResponse:
    found = call.room(room, to_send=True)
    text = _said(call, call.json())
    call.count_send(found.chat)
    stored = call.world.post_message(found.id, call.user.id, text)
    written = iso if call.world.switches.timestamp == "iso" else exported
    return answer({"id": stored.id, "timestamp": written(stored.stamp)}, 201)


@endpoint("send_message", kinds=("user",), sends=True)
def reply(call: Call, room: str) -> HttpResponse:
    found, body = call.room(room, to_send=True), call.json()
    parent = call.world.messages.find(found.chat, text_field(body, "parentMessageId"))
    if parent is None:
        raise Invalid("parentMessageId", "a message of the room", "another")
    text = _said(call, body)
    call.count_send(found.chat)
    if call.world.switches.reply_text == "quoted":
        text = f"> {parent.text or ''}\n{text}"
    call.world.post_message(found.id, call.user.id, text)
    return done()


@endpoint("send_message", kinds=("user",), sends=True)
def share_link(call: Call, room: str) -> HttpResponse:
    found, body = call.room(room, to_send=True), call.json()
    text, shared = read_link(body)
    call.count_send(found.chat)
    with_preview = call.world.switches.shared_link == "preview"
    extra = {"message_links": previews.page_links(shared)} if with_preview else None
    call.world.post_message(found.id, call.user.id, text, extra=extra)
    return done()


@endpoint("send_message", kinds=("user",), sends=True)
def share_file(call: Call, room: str) -> HttpResponse:
    found = call.room(room, to_send=True)
    shared = read_file(call)
    call.count_send(found.chat)
    call.world.post_file(
        found.id,
        call.user.id,
        name=shared.name,
        content_type=shared.content_type,
        content=shared.content,
        text=shared.text,
    )
    return done()


@endpoint("send_notification", sends=True)
def notification(call: Call, room: str) -> HttpResponse:
    found = call.room(room, to_send=True)
    body = _notification_body(call)
    text = check_text(text_field(body, "message"), longest=LONGEST_NOTIFICATION)
    label = check_text(text_field(body, "from", ""), longest=LONGEST_LABEL, shortest=0, field="from")
    attach_to = text_field(body, "attach_to", "")
    if attach_to and call.world.messages.find(found.chat, attach_to) is None:
        raise Invalid("attach_to", "a message of the room", "another")
    message_format, color = _looks(body)
    card = _card(body)
    call.count_send(found.chat)
    text = markup.allowed(text) if message_format == "html" else text
    user = call.user if call.token.user_id else None
    call.world.post_notification(
        found.id,
        user.name if user else call.token.label,
        text,
        message_format=message_format,
        color=color,
        label=label,
        sender_type="user" if user else "addon",
        sender_id=str(user.id) if user else call.token.client_id,
        client_id=call.token.client_id,
        attach_to=attach_to,
        card=card,
    )
    return done()


def _notification_body(call: Call) -> dict[str, Any]:
    """HipChat API v2, notifications: JSON, a form with the same names, or just the text."""
    kind = call.request.content_type
    if kind == "application/x-www-form-urlencoded":
        return dict(call.request.POST.items())
    if kind in ("text/plain", "text/html"):
        text = call.body().decode("utf-8", "replace")
        return {"message": text, "message_format": kind.removeprefix("text/").replace("plain", "text")}
    return call.json()


def _looks(body: dict[str, Any]) -> tuple[str, str]:
    message_format = body.get("message_format") or "html"
    color = body.get("color") or "yellow"
    if message_format not in FORMATS:
        raise Invalid("message_format", "html or text", str(message_format))
    # HipChat API v2, notifications: true and false may be strings.
    if str(body.get("notify", False)).lower() not in ("true", "false", "none"):
        raise Invalid("notify", "true or false", str(body["notify"]))
    if color == "random":
        color = random.choice(COLORS)  # noqa: S311 - a colour is no secret
    if color not in COLORS:
        raise Invalid("color", f"one of {', '.join(COLORS)}, random", str(color))
    return message_format, color


def _card(body: dict[str, Any]) -> dict[str, Any] | None:
    card = body.get("card")
    if card is None:
        return None
    if not isinstance(card, dict):
        raise Invalid("card", "an object", type(card).__name__)
    if card.get("style") not in CARD_STYLES:
        raise Invalid("card.style", f"one of {', '.join(CARD_STYLES)}", str(card.get("style")))
    for field in ("id", "title"):
        text_field(card, field)
    if card.get("format") not in (None, "compact", "medium"):
        raise Invalid("card.format", "compact or medium", str(card["format"]))
    return markup.allowed_in_card(card)


def read_link(body: dict[str, Any]) -> tuple[str, str]:
    """The text of the message that shares a link, and the link."""
    shared = text_field(body, "link")
    if not shared.startswith(("http://", "https://")):
        raise Invalid("link", "an address with http:// or https://", "another")
    words = check_text(text_field(body, "message", ""), longest=LONGEST, shortest=0)
    return check_text(f"{words} {shared}".strip()), shared


def read_file(call: Call) -> Share:
    """The file in the body, and its description."""
    call.check_type("multipart/related")
    # In base64 a file is a third larger.
    largest = call.world.switches.file_bytes * 3 // 2 + LARGEST_METADATA
    shared = read_share(call.request.headers["Content-Type"], call.body(largest=largest))
    check_text(shared.text, longest=LONGEST, shortest=0)
    return shared


def _said(call: Call, body: dict[str, Any]) -> str:
    blank_ok = call.world.switches.blank_message == "accept"
    return check_text(text_field(body, "message"), longest=LONGEST, blank_ok=blank_ok)
