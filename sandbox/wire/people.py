"""The server itself, sessions, users and emoticons."""

from django.http import HttpRequest, HttpResponse

from ..access import base_of
from ..clock import MICRO
from ..messages import check_text
from ..records import SCOPES, direct_chat
from ..shapes import link, session_info, user_detail, user_stub
from ..world import World
from . import asking
from .answers import ApiError, answer, done, refusal
from .calls import Call, endpoint, unmetered
from .rooms import text_field

LONGEST_DIRECT = 10_000
EMOTICONS = {
    1: "allthethings", 2: "beer", 3: "boom", 4: "coffee", 5: "facepalm", 6: "heart", 7: "shrug", 8: "success",
    9: "tableflip", 10: "thumbsup",
}  # fmt: skip


def capabilities(request: HttpRequest, world: World) -> HttpResponse:
    """HipChat API v2, capabilities: tells without a token that this is a HipChat."""
    base = base_of(request)
    scopes = {key: {"description": label, "id": key, "name": label} for key, label in SCOPES.items()}
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
    return unmetered(answer(data), world)


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
    left = max(0, found.expires - world.clock.micros()) // MICRO
    return answer(session_info(found, owner, room, left, call.base))


@endpoint()
def session_delete(call: Call, token: str) -> HttpResponse:
    _check_own(call, token)
    call.world.revoke_token(call.token.token)
    return done()


@endpoint("view_group")
def user_list(call: Call) -> HttpResponse:
    users = call.world.directory.users(call.group_id)
    shown, page = asking.page_of(call, "user", users)
    if "items" in asking.expansions(call):
        group = call.world.directory.group(call.group_id)
        page["items"] = [user_detail(user, group, call.base) for user in shown]
    else:
        page["items"] = [user_stub(user, call.base) for user in shown]
    return answer(page)


@endpoint("view_group")
def user_get(call: Call, user: str) -> HttpResponse:
    group = call.world.directory.group(call.group_id)
    return answer(user_detail(call.person(user), group, call.base))


@endpoint("send_message", user_only=True, sends=True)
def user_message(call: Call, user: str) -> HttpResponse:
    other = call.person(user)
    text = check_text(text_field(call.json(), "message"), longest=LONGEST_DIRECT)
    call.count_send(direct_chat(call.user.id, other.id))
    call.world.post_direct(call.user.id, other.id, text)
    return done()


@endpoint("view_group")
def emoticon_list(call: Call) -> HttpResponse:
    shown, page = asking.page_of(call, "emoticon", list(EMOTICONS))
    return answer(page | {"items": [_emoticon(call, number) for number in shown]})


@endpoint("view_group")
def emoticon_get(call: Call, emoticon: str) -> HttpResponse:
    for number, shortcut in EMOTICONS.items():
        if emoticon in (str(number), shortcut):
            more = {"height": 25, "width": 25, "creator": None, "audio_path": None}
            return answer(_emoticon(call, number) | more)
    raise ApiError(404, f"Emoticon {emoticon} not found")


def _emoticon(call: Call, number: int) -> dict[str, object]:
    shortcut = EMOTICONS[number]
    url = f"{call.base}/img/emoticons/{shortcut}.png"
    return {"id": number, "links": link(call.base, f"emoticon/{number}"), "shortcut": shortcut, "url": url}


def _check_own(call: Call, token: str) -> None:
    if token != call.token.token:
        raise ApiError(401, "Invalid OAuth session")
