"""How a call of the API is checked before it is answered.

HipChat API v2, order of checks: path and method (404, 405), token (401), rate limit (429),
scope (403), room (404), permission (403), body (400), flood control (429). The order is inferred.
"""

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from ..access import base_of, world_of
from ..faults import Fault
from ..limits import Quota
from ..records import Missing, Room, SandboxError, Token, User
from ..world import World
from .answers import (
    ApiError,
    aged,
    answer,
    refusal,
    replaced,
    set_date,
    set_quota,
    spoiled,
    translated,
)

NO_TOKEN = (
    "Authenticated requests only. "  # noqa: S105 - a sentence
    "See https://www.hipchat.com/docs/apiv2/auth for more information."
)
LARGEST_BODY = 1024 * 1024
# HipChat API v2, scope matrix: whose tokens a call takes. A room's belongs to an add-on there.
KINDS = ("user", "group", "room")


class TestPassed(Exception):
    """Everything about an `auth_test` was right, and this is where something would be stored."""


@dataclass(slots=True)
class Call:
    """One authenticated request."""

    request: HttpRequest
    world: World
    token: Token
    base: str
    flood: Quota | None = None
    is_test: bool = False

    @property
    def group_id(self) -> int:
        return self.token.group_id

    @property
    def user(self) -> User:
        """Who is calling; only an endpoint for tokens of users may ask."""
        assert self.token.user_id is not None
        return self.world.directory.user(self.token.user_id)

    def room(self, key: str, *, to_send: bool = False) -> Room:
        """The room a path names, if the token may use it."""
        key = key.replace("%2F", "/").replace("%2f", "/")  # cheroot leaves an escaped slash as it is
        switches, missing = self.world.switches, Missing(f"Room {key} not found")
        room = self.world.rooms.find(self.group_id, key)
        is_member = self.token.user_id is None or self.world.may_enter(room, self.user)
        if not is_member or self.token.room_id not in (None, room.id):
            if switches.forbidden_room == "404":
                raise missing
            raise ApiError(403, "You do not have access to this room")
        if to_send and room.is_archived and switches.archived_room != "accept":
            if switches.archived_room == "404":
                raise missing
            raise ApiError(403, "Room is archived")
        return room

    def person(self, key: str) -> User:
        return self.world.directory.find(self.group_id, key)

    def json(self) -> dict[str, Any]:
        """The body, an object in JSON."""
        self.check_type("application/json")
        try:
            data = json.loads(self.body())
            json.dumps(data, ensure_ascii=False).encode()  # half a surrogate pair is no text
        except (ValueError, RecursionError) as error:
            raise ApiError(400, "The request body cannot be parsed as valid JSON") from error
        if not isinstance(data, dict):
            raise ApiError(400, "The request body has to be an object")
        return data

    def body(self, largest: int = LARGEST_BODY) -> bytes:
        if int(self.request.META.get("CONTENT_LENGTH") or 0) > largest:
            raise ApiError(400, "The request body is too large")
        return self.request.read()

    def check_type(self, *accepted: str) -> str:
        given = self.request.content_type or None
        if given not in accepted:
            raise ApiError(400, f"Invalid content type: {given}")
        return given

    def count_send(self, chat: str) -> None:
        """Flood control; the last check before something is stored."""
        if self.is_test:
            raise TestPassed
        self.flood = self.world.limits.hit_send(self.token, chat)
        if self.flood.is_exceeded:
            raise ApiError(429, "Rate Limit exceeded")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a method of a path does, which scopes it takes (any one suffices), and whose tokens."""

    function: Callable[..., HttpResponse]
    scopes: tuple[str, ...]
    kinds: tuple[str, ...]
    sends: bool


def endpoint(
    *scopes: str, kinds: tuple[str, ...] = KINDS, sends: bool = False
) -> Callable[[Callable[..., HttpResponse]], Endpoint]:
    """Turn a function of (call, **path parts) into an endpoint."""

    def decorate(function: Callable[..., HttpResponse]) -> Endpoint:
        return Endpoint(function, scopes, kinds, sends)

    return decorate


def resource(**methods: Endpoint) -> Callable[..., HttpResponseBase]:
    """The view of a path, from its endpoints by HTTP method."""

    def work(request: HttpRequest, world: World, **parts: str) -> HttpResponse:
        wanted = methods.get(request.method or "")
        if wanted is None:
            return unmetered(refusal(ApiError(405, "Method not allowed")), world)
        return aged(_metered(request, world, wanted, parts), world)

    return spoilable(work)


def public(work: Callable[..., HttpResponse], *, switch: str = "") -> Callable[..., HttpResponseBase]:
    """The view of a GET that needs no token, unless the switch of that name is `closed`.

    One that comes with a good token counts as its request.
    """
    metered = endpoint()(lambda call: work(call.request, call.world))

    def view(request: HttpRequest, world: World) -> HttpResponse:
        if request.method != "GET":
            return unmetered(refusal(ApiError(405, "Method not allowed")), world)
        is_needed = bool(switch) and getattr(world.switches, switch) == "closed"
        if is_needed or world.tokens.valid(token_in(request, world)):
            return _metered(request, world, metered, {})
        _count(request, world)
        return unmetered(work(request, world), world)

    return spoilable(view)


def spoilable(work: Callable[..., HttpResponse]) -> Callable[..., HttpResponseBase]:
    """A view that does the work unless, or until, a fault gets in its way."""

    @csrf_exempt
    def view(request: HttpRequest, **parts: str) -> HttpResponseBase:
        world = world_of(request)
        fault = world.faults.take(request.method or "", request.get_full_path())
        if fault is None:
            return work(request, world, **parts)
        if fault.latency:
            world.closing.wait(fault.latency)
        anchor = request.GET.get("not-before", "")
        if _prevents_work(fault):
            _count(request, world)
            return spoiled(replaced(fault), fault, world, anchor=anchor)
        response = work(request, world, **parts)
        if fault.delay:
            world.closing.wait(fault.delay)
        return spoiled(response, fault, world, anchor=anchor)

    return view


def unmetered(response: HttpResponse, world: World) -> HttpResponse:
    """An answer to nobody in particular: the limits as they are for a fresh token."""
    set_quota(response, world.limits.requests.peek(""), name="Ratelimit")
    set_date(response, world)
    return response


def token_in(request: HttpRequest, world: World) -> str:
    """The token of a request: its header or its query; a switch tells which of two."""
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    in_header = secret.strip() if kind.lower() == "bearer" else ""
    in_query = request.GET.get("auth_token", "")
    found = (in_header, in_query) if world.switches.header_or_query == "header" else (in_query, in_header)
    return found[0] or found[1]


def _prevents_work(fault: Fault) -> bool:
    return (fault.status is not None or fault.body is not None) and not fault.after


def _metered(request: HttpRequest, world: World, wanted: Endpoint, parts: dict[str, str]) -> HttpResponse:
    _count(request, world)
    secret = token_in(request, world)
    token = world.tokens.valid(secret)
    if token is None:
        return unmetered(refusal(_unknown_token(secret, parts, world)), world)
    call = Call(request, world, token, base_of(request))
    world.base_url = call.base
    quota = world.limits.hit_request(token)
    try:
        response = _checked(call, wanted, quota, parts)
    except ApiError as error:
        response = refusal(error)
    except SandboxError as error:
        response = refusal(translated(error, world))
    if quota.is_exceeded:
        world.limits.count(secret, "over the rate limit")
    if call.flood and call.flood.is_exceeded:
        world.limits.count(secret, "over flood control")
    set_quota(response, quota, name="Ratelimit")
    set_date(response, world)
    if wanted.sends:
        set_quota(response, call.flood or world.limits.sends.peek(""), name="FloodControl")
    return response


def _checked(call: Call, wanted: Endpoint, quota: Quota, parts: dict[str, str]) -> HttpResponse:
    if quota.is_exceeded:
        raise ApiError(429, "Rate Limit exceeded")
    if "room" in parts and call.world.switches.told_first == "room":
        call.room(parts["room"])
    if wanted.scopes and not set(wanted.scopes) & set(call.token.scopes):
        # HipChat's text holds a list as Python 2 printed it.
        listed = ", ".join(f"u'{scope}'" for scope in wanted.scopes)
        raise ApiError(403, f"This action requires one of the following scopes: [{listed}]")
    if _kind(call.token) not in wanted.kinds:
        raise ApiError(403, f"This action requires a token of a {' or '.join(wanted.kinds)}")
    if call.request.GET.get("auth_test") == "true":
        return _tested(call, wanted, parts)
    return wanted.function(call, **parts)


def _tested(call: Call, wanted: Endpoint, parts: dict[str, str]) -> HttpResponse:
    """HipChat API v2, auth_test: nothing is done. Whether the body is looked at, a switch tells."""
    if wanted.sends and call.world.switches.auth_test_body == "checked":
        call.is_test = True
        with contextlib.suppress(TestPassed):
            wanted.function(call, **parts)
    message = "This auth_token has access to use this method."
    return answer({"success": {"code": 202, "message": message, "type": "Accepted"}}, 202)


def _kind(token: Token) -> str:
    if token.user_id is not None:
        return "user"
    return "group" if token.room_id is None else "room"


def _unknown_token(secret: str, parts: dict[str, str], world: World) -> ApiError:
    if not secret:
        return ApiError(401, NO_TOKEN)
    if "token" in parts and world.switches.unknown_session == "404":
        return ApiError(404, "Token not found")
    return ApiError(401, "Invalid OAuth session")


def _count(request: HttpRequest, world: World) -> None:
    match = request.resolver_match
    name = (match.url_name if match else None) or "unknown"
    secret = token_in(request, world)
    world.limits.count(secret, f"{request.method} {name}")
    world.limits.count(secret, "total")
