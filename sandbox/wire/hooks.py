"""Webhooks of a room."""

from django.http import HttpResponse

from ..records import Invalid
from ..shapes import link, webhook_item
from . import asking
from .answers import ApiError, answer, done
from .calls import Call, endpoint
from .rooms import text_field

# Accepted, but no call is signed: the key for it comes from installing an add-on, which there is not here.
AUTHENTICATION = ("none", "jwt")


@endpoint("admin_room")
def webhook_list(call: Call, room: str) -> HttpResponse:
    found = call.room(room)
    shown, page = asking.page_of(call, f"room/{found.id}/webhook", call.world.webhooks.of_room(found.id))
    return answer(page | {"items": [webhook_item(hook, call.base) for hook in shown]})


@endpoint("admin_room")
def webhook_create(call: Call, room: str) -> HttpResponse:
    """The older form, in which the caller may name a key or leave it out."""
    return _create(call, room, key=None)


@endpoint("admin_room")
def webhook_put(call: Call, room: str, key: str) -> HttpResponse:
    """The newer form: the caller picks the key, and replaces what had it."""
    found = call.room(room)
    with call.world.store.transaction():
        for hook in call.world.webhooks.of_room(found.id):
            if hook.key == key:
                call.world.webhooks.delete(found.id, hook.id)
        return _create(call, room, key=key)


@endpoint("admin_room")
def webhook_get(call: Call, room: str, hook: str) -> HttpResponse:
    return answer(webhook_item(call.world.webhooks.get(call.room(room).id, _id(hook)), call.base))


@endpoint("admin_room")
def webhook_delete(call: Call, room: str, hook: str) -> HttpResponse:
    call.world.webhooks.delete(call.room(room).id, _id(hook))
    return done()


def _create(call: Call, room: str, *, key: str | None) -> HttpResponse:
    found, body = call.room(room), call.json()
    if text_field(body, "authentication", "none") not in AUTHENTICATION:
        raise Invalid("authentication", f"one of {', '.join(AUTHENTICATION)}", body["authentication"])
    hook = call.world.webhooks.create(
        found.id,
        client_id="" if call.token.user_id else call.token.client_id,
        url=text_field(body, "url"),
        event=text_field(body, "event"),
        pattern=text_field(body, "pattern", ""),
        name=text_field(body, "name", ""),
        key=text_field(body, "key", "") if key is None else key,
    )
    return answer({"id": hook.id, "links": link(call.base, f"room/{found.id}/webhook/{hook.id}")}, 201)


def _id(hook: str) -> int:
    if not (hook.isascii() and hook.isdigit()):
        raise ApiError(404, f"Webhook {hook} not found")
    return int(hook)
