"""The server itself, sessions, users and emoticons."""

from django.http import HttpRequest, HttpResponse

from ..access import base_of
from ..clock import MICRO
from ..emoticons import KINDS
from ..records import SCOPES, SCOPES_MEAN, Invalid
from ..shapes import emoticon_detail, emoticon_stub, session_info, user_detail, user_stub
from ..world import World
from . import asking
from .answers import ApiError, answer, done, refusal
from .calls import Call, endpoint, unmetered
from .expanding import expanded


def capabilities(request: HttpRequest, world: World) -> HttpResponse:
    """HipChat API v2, capabilities: tells without a token that this is a HipChat."""
    base = base_of(request)
    scopes = {
        key: {"description": SCOPES_MEAN[key], "id": key, "name": label} for key, label in SCOPES.items()
    }
    links = {"api": f"{base}/v2", "homepage": base, "self": f"{base}/v2/capabilities", "subdomain": base}
    data = {
        "capabilities": {
            "hipchatApiProvider": {"availableScopes": scopes, "url": f"{base}/v2/"},
            "oauth2Provider": {
                "authorizationUrl": f"{base}/users/authorize",
                "tokenUrl": f"{base}/v2/oauth/token",
            },
        },
        "connect_server_api_version": 1,
        "description": "A sandbox that speaks HipChat API v2",
        "key": "hipchat",
        "links": links,
        "name": "HipChat sandbox",
        "vendor": {"name": "Sameroom", "url": base},
    }
    return answer(data)


def health_check(request: HttpRequest, world: World) -> HttpResponse:
    """HipChat API v2, capabilities: this is there too; what it says is not known."""
    return answer({"status": "OK"})


def unknown_path(request: HttpRequest, world: World, **parts: str) -> HttpResponse:
    return unmetered(refusal(ApiError(404, "The requested resource was not found")), world)


def empty_room(request: HttpRequest, world: World) -> HttpResponse:
    """HipChat API v2, errors: a path with an empty room segment answers 405."""
    return unmetered(refusal(ApiError(405, "Method not allowed")), world)


@endpoint()
def session_get(call: Call, token: str) -> HttpResponse:
    _check_own(call, token)
    world, found = call.world, call.token
    owner = world.directory.user(found.user_id) if found.user_id else None
    room = world.rooms.get(found.room_id) if found.room_id else None
    since = world.clock.micros() if world.switches.expires_in == "left" else found.created
    seconds = max(0, found.expires - since) // MICRO
    return answer(expanded(call, session_info(found, owner, room, seconds, call.base)))


@endpoint()
def session_delete(call: Call, token: str) -> HttpResponse:
    _check_own(call, token)
    call.world.revoke_token(call.token.token)
    return done()


@endpoint("view_group")
def user_list(call: Call) -> HttpResponse:
    with_guests = asking.flag(call, "include-guests", False)
    with_deleted = asking.flag(call, "include-deleted", False)
    users = call.world.directory.users(call.group_id, with_deleted=with_deleted)
    users = [user for user in users if with_guests or not user.is_guest]
    shown, page = asking.page_of(call, "user", users)
    return answer(expanded(call, page | {"items": [user_stub(user, call.base) for user in shown]}))


@endpoint("view_group")
def user_get(call: Call, user: str) -> HttpResponse:
    group = call.world.directory.group(call.group_id)
    return answer(user_detail(call.person(user), group, call.base))


@endpoint("view_group")
def emoticon_list(call: Call) -> HttpResponse:
    kind = call.request.GET.get("type", "all")
    if kind not in KINDS:
        raise Invalid("type", f"one of {', '.join(KINDS)}", kind)
    found = call.world.emoticons.of_group(call.group_id, kind)
    shown, page = asking.page_of(call, "emoticon", found)
    return answer(expanded(call, page | {"items": [emoticon_stub(item, call.base) for item in shown]}))


@endpoint("view_group")
def emoticon_get(call: Call, emoticon: str) -> HttpResponse:
    found = call.world.emoticons.find(call.group_id, emoticon)
    creator = call.world.directory.user(found.creator_id) if found.creator_id else None
    return answer(expanded(call, emoticon_detail(found, creator, call.base)))


def _check_own(call: Call, token: str) -> None:
    if token != call.token.token:
        raise ApiError(int(call.world.switches.unknown_session), "Invalid OAuth session")
