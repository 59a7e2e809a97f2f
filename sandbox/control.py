"""The control plane: what tests and demos do to a sandbox that HipChat would not let them.

Only for callers on this machine. Every call is `POST {base}/_sandbox/ACTION` with
`Content-Type: application/json` and an object of arguments; answers are JSON. The reading
actions, marked *, also take GET. An action is the `World` method of the same name, so its
arguments, and its defaults, are written there. A refusal is `{"error": "..."}` with 400 or 404.

| action | arguments | answer |
|---|---|---|
| reset | seeded=true | `{}` |
| dump * | | groups, users, tokens, rooms with their messages in order, webhooks, switches, limits, now |
| request_counts * | | `{token: {"total": 3, "GET history-latest": 2, "over the rate limit": 1, ...}}` by URL name |
| clear_counts | | `{}` |
| create_group | name, group_id | the group |
| create_user | group_id, name, mention_name, email, title, is_group_admin, is_online, is_guest | the user |
| set_online | user_id, online=true | the user |
| delete_user | user_id | `{}` |
| create_emoticon | user_id, shortcut | the emoticon |
| create_token | user_id, scopes, label, expires_in (seconds) | the token |
| create_addon_token | group_id, scopes, label, room_id | the token |
| revoke_token, expire_token | token | `{}` |
| create_room | owner_id, name, privacy, topic, members (user ids) | the room |
| rename_room | room_id, name | the room |
| archive_room | room_id, archived=true | the room |
| delete_room | room_id | `{}` |
| set_topic | room_id, user_id, topic | the room |
| set_guest_access | room_id, user_id, open_to_guests=true | the room |
| add_member, remove_member | room_id, user_id | `{}` |
| enter_room, leave_room | room_id, user_id | `{}` |
| post_message | room_id, user_id, text, extra (more fields for the item) | the message |
| post_file | room_id, user_id, name, content (base64), content_type, text | the message |
| post_notification | room_id, sender, text, message_format, color, label, sender_id, sender_type, client_id, attach_to, card | the message |
| post_item | room_id, user_id, text (may be null), kind, extra, missing (names of fields) | the message |
| post_direct | sender_id, user_id, text | the message |
| post_direct_file | sender_id, user_id, name, content (base64), content_type, text | the message |
| edit_message | message_id, text | the message |
| delete_message | message_id | the message |
| set_limits | requests (per 5 minutes; with token: for that one), sends (per minute), token | `{}` |
| exhaust_limit | token | `{}` |
| exhaust_flood | token, room_id | `{}` |
| set_switches | those of `sandbox.switches.Switches` | `{}` |
| add_fault | those of `sandbox.faults.Fault` | `{}` |
| clear_faults | | `{}` |
| advance_clock | seconds | `{}` |
"""  # noqa: E501 - a table

import base64
import dataclasses
import inspect
import ipaddress
import json
import sqlite3
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from .access import world_of
from .records import Missing, SandboxError

READING = frozenset({"dump", "request_counts"})
ACTIONS = READING | {
    "reset", "clear_counts", "create_group", "create_user", "set_online", "delete_user", "create_emoticon",
    "create_token", "create_addon_token", "revoke_token", "expire_token", "create_room", "rename_room",
    "archive_room", "delete_room", "set_topic", "set_guest_access", "add_member", "remove_member",
    "enter_room", "leave_room", "post_message", "post_file", "post_notification", "post_item", "post_direct",
    "post_direct_file", "edit_message", "delete_message", "set_limits", "exhaust_limit", "exhaust_flood",
    "set_switches", "add_fault", "clear_faults", "advance_clock",
}  # fmt: skip
# A proxy on this machine would make everybody local; what it forwards carries one of these.
FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP")


@csrf_exempt
def act(request: HttpRequest, action: str) -> JsonResponse:
    """Run one action of the table above."""
    if not _is_local(request):
        return _refused(403, "The control plane answers this machine only.")
    if action not in ACTIONS:
        return _refused(404, f"There is no action {action}.")
    if request.method != "POST" and not (request.method == "GET" and action in READING):
        return _refused(405, f"{action} takes a POST.")
    # JSON only: a form on a web page somewhere could not send it.
    if request.method == "POST" and request.content_type != "application/json":
        return _refused(400, "Send Content-Type: application/json.")
    try:
        return JsonResponse(_run(request, action))
    except Missing as error:
        return _refused(404, str(error))
    except (SandboxError, TypeError, ValueError, sqlite3.Error) as error:
        return _refused(400, str(error))


def _run(request: HttpRequest, action: str) -> dict[str, Any]:
    body = request.read() if request.method == "POST" else b""
    arguments = json.loads(body) if body else {}
    if not isinstance(arguments, dict):
        raise SandboxError("The body has to be an object.")
    if action.endswith("_file"):
        arguments["content"] = _content(arguments.get("content"))
    method = getattr(world_of(request), action)
    inspect.signature(method).bind(**arguments)
    result = method(**arguments)
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        return dataclasses.asdict(result)
    return result or {}


def _content(given: object) -> bytes:
    try:
        return base64.b64decode(given if isinstance(given, str) else "?", validate=True)
    except ValueError as error:
        raise SandboxError("content has to be the file in base64.") from error


def _is_local(request: HttpRequest) -> bool:
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def _refused(status: int, sentence: str) -> JsonResponse:
    return JsonResponse({"error": sentence}, status=status)
