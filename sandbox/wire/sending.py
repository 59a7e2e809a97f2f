"""Posting into rooms: messages, replies, links, files, notifications."""

import random
from typing import Any

from django.http import HttpResponse

from ..clock import iso
from ..messages import check_text
from ..uploads import LARGEST
from .answers import ApiError, answer, done
from .calls import Call, endpoint
from .multipart import read_share
from .rooms import text_field

LONGEST = 1000
LONGEST_NOTIFICATION = 10_000
LONGEST_LABEL = 64
COLORS = ("yellow", "green", "red", "purple", "gray")
CARD_STYLES = ("file", "image", "application", "link", "media")


@endpoint("send_message", user_only=True, sends=True)
def message(call: Call, room: str) -> HttpResponse:
    found = call.room(room, to_send=True)
    text = check_text(text_field(call.json(), "message"), longest=LONGEST)
    call.count_send(found.chat)
    stored = call.world.post_message(found.id, call.user.id, text)
    return answer({"id": stored.id, "timestamp": iso(stored.stamp)}, 201)


@endpoint("send_message", user_only=True, sends=True)
def reply(call: Call, room: str) -> HttpResponse:
    found, body = call.room(room, to_send=True), call.json()
    if call.world.messages.find(found.chat, text_field(body, "parentMessageId")) is None:
        raise ApiError(400, "parentMessageId has to be a message of the room")
    text = check_text(text_field(body, "message"), longest=LONGEST)
    call.count_send(found.chat)
    call.world.post_message(found.id, call.user.id, text)
    return done()


@endpoint("send_message", user_only=True, sends=True)
def share_link(call: Call, room: str) -> HttpResponse:
    found, body = call.room(room, to_send=True), call.json()
    shared = text_field(body, "link")
    if not shared.startswith(("http://", "https://")):
        raise ApiError(400, "link has to start with http:// or https://")
    words = check_text(text_field(body, "message", ""), longest=LONGEST, shortest=0)
    text = check_text(f"{words} {shared}".strip())
    call.count_send(found.chat)
    call.world.post_message(found.id, call.user.id, text)
    return done()


@endpoint("send_message", user_only=True, sends=True)
def share_file(call: Call, room: str) -> HttpResponse:
    found = call.room(room, to_send=True)
    call.check_type("multipart/related")
    # In base64 a file is a third larger.
    shared = read_share(call.request.headers["Content-Type"], call.body(largest=LARGEST * 3 // 2))
    check_text(shared.text, longest=LONGEST, shortest=0)
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
        raise ApiError(400, "attach_to has to be a message of the room")
    message_format, color = _looks(body)
    card = _card(body)
    call.count_send(found.chat)
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
    if message_format not in ("html", "text"):
        raise ApiError(400, "message_format is html or text")
    if color == "random":
        color = random.choice(COLORS)  # noqa: S311 - a colour is no secret
    if color not in COLORS:
        raise ApiError(400, f"color is one of: {', '.join(COLORS)}, random")
    return message_format, color


def _card(body: dict[str, Any]) -> dict[str, Any] | None:
    card = body.get("card")
    if card is None:
        return None
    if not isinstance(card, dict) or card.get("style") not in CARD_STYLES:
        raise ApiError(400, f"card.style is one of: {', '.join(CARD_STYLES)}")
    for field in ("id", "title"):
        text_field(card, field)
    return card
