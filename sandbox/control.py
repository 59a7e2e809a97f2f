"""The control plane: what tests and demos do to a sandbox that HipChat would not let them.

Only for callers on this machine. Every call is `POST {base}/_sandbox/ACTION` with
`Content-Type: application/json` and an object of arguments; answers are JSON. The reading
actions, marked *, also take GET. An action is the `World` method of the same name, so its
arguments, and its defaults, are written there. A refusal is `{"error": "..."}` with 400 or 404.

| action | arguments | answer |
|---|---|---|
| reset | seeded=true | `{}` |
| dump * | | groups, users, tokens, rooms with their messages in order, switches, limits, now |
| request_counts * | | `{token: {"total": 3, "GET history-latest": 2, ...}}` by URL name |
| clear_counts | | `{}` |
| create_group | name, group_id | the group |
| create_user | group_id, name, mention_name, email, title, is_group_admin, is_online | the user |
| create_token | user_id, scopes, label, expires_in (seconds) | the token |
| create_addon_token | group_id, scopes, label, room_id | the token |
| revoke_token, expire_token | token | `{}` |
| create_room | owner_id, name, privacy, topic, members (user ids) | the room |
| rename_room | room_id, name | the room |
| archive_room | room_id, archived=true | the room |
| delete_room | room_id | `{}` |
| set_topic | room_id, user_id, topic | the room |
| add_member, remove_member | room_id, user_id | `{}` |
| post_message | room_id, user_id, text | the message |
| post_notification | room_id, sender, text, message_format, color, label, sender_id, sender_type, client_id, attach_to, card | the message |
| post_direct | sender_id, user_id, text | the message |
| edit_message | message_id, text | the message |
| delete_message | message_id | the message |
| set_limits | requests (per 5 minutes), sends (per minute) | `{}` |
| exhaust_limit | token | `{}` |
| set_switches | those of `sandbox.switches.Switches` | `{}` |
| add_fault | those of `sandbox.faults.Fault` | `{}` |
| clear_faults | | `{}` |
| advance_clock | seconds | `{}` |
"""  # noqa: E501 - a table

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
    "reset", "clear_counts", "create_group", "create_user", "create_token", "create_addon_token",
    "revoke_token", "expire_token", "create_room", "rename_room", "archive_room", "delete_room", "set_topic",
    "add_member", "remove_member", "post_message", "post_notification", "post_direct", "edit_message",
    "delete_message", "set_limits", "exhaust_limit", "set_switches", "add_fault", "clear_faults",
    "advance_clock",
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
    body = request.body if request.method == "POST" else b""
    arguments = json.loads(body) if body else {}
    if not isinstance(arguments, dict):
        raise SandboxError("The body has to be an object.")
    method = getattr(world_of(request), action)
    inspect.signature(method).bind(**arguments)
    result = method(**arguments)
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        return dataclasses.asdict(result)
    return result or {}


def _is_local(request: HttpRequest) -> bool:
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def _refused(status: int, sentence: str) -> JsonResponse:
    return JsonResponse({"error": sentence}, status=status)
