"""Posting to one user: messages, links, files."""

from typing import Any

from django.http import HttpResponse

from ..messages import check_text
from ..records import FORMATS, Invalid, User, direct_chat
from .answers import done
from .calls import Call, endpoint
from .rooms import text_field
from .sending import read_file, read_link

LONGEST = 10_000


@endpoint("send_message", kinds=("user",), sends=True)
def message(call: Call, user: str) -> HttpResponse:
    other, body = call.person(user), call.json()
    text = check_text(text_field(body, "message"), longest=LONGEST)
    if text_field(body, "message_format", "text") not in FORMATS:
        raise Invalid("message_format", "html or text", body["message_format"])
    _post(call, other, text)
    return done()


@endpoint("send_message", kinds=("user",), sends=True)
def share_link(call: Call, user: str) -> HttpResponse:
    other = call.person(user)
    text, _ = read_link(call.json())
    _post(call, other, text)
    return done()


@endpoint("send_message", kinds=("user",), sends=True)
def share_file(call: Call, user: str) -> HttpResponse:
    other = call.person(user)
    shared = read_file(call)
    call.count_send(direct_chat(call.user.id, other.id))
    file: dict[str, Any] = {
        "name": shared.name,
        "content_type": shared.content_type,
        "content": shared.content,
    }
    call.world.post_direct_file(call.user.id, other.id, text=shared.text, **file)
    return done()


def _post(call: Call, other: User, text: str) -> None:
    call.count_send(direct_chat(call.user.id, other.id))
    call.world.post_direct(call.user.id, other.id, text)
