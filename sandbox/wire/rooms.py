"""Rooms: listing, looking at, making and changing them."""

from typing import Any

from django.http import HttpResponse

from ..records import Invalid, User
from ..shapes import link, room_stub, statistics_of_room, user_stub
from . import asking
from .answers import ApiError, answer, done
from .calls import Call, endpoint
from .expanding import detail_of_room, expanded

VIEW = ("view_group", "view_room")


@endpoint(*VIEW, kinds=("user", "group"))
def room_list(call: Call) -> HttpResponse:
    if call.token.user_id is None:
        rooms = call.world.rooms.of_group(call.group_id)
    else:
        rooms = call.world.rooms.open_to(call.user)
    with_private = asking.flag(call, "include-private", True)
    with_archived = asking.flag(call, "include-archived", False)
    rooms = [
        room
        for room in rooms
        if (with_private or not room.is_private) and (with_archived or not room.is_archived)
    ]
    shown, page = asking.page_of(call, "room", rooms)
    return answer(expanded(call, page | {"items": [room_stub(room, call.base) for room in shown]}))


@endpoint("manage_rooms")
def room_create(call: Call) -> HttpResponse:
    body = call.json()
    owner_id = body.get("owner_user_id") or call.token.user_id
    if owner_id is None:
        raise ApiError(400, "owner_user_id is required")
    room = call.world.create_room(
        call.person(str(owner_id)).id,
        text_field(body, "name"),
        privacy=text_field(body, "privacy", "public"),
        topic=text_field(body, "topic", ""),
    )
    if body.get("guest_access"):
        call.world.rooms.update(room, is_guest_accessible=True)
    return answer({"id": room.id, "links": link(call.base, f"room/{room.id}")}, 201)


@endpoint(*VIEW)
def room_get(call: Call, room: str) -> HttpResponse:
    return answer(expanded(call, detail_of_room(call, call.room(room))))


@endpoint("admin_room")
def room_update(call: Call, room: str) -> HttpResponse:
    """HipChat API v2, update room: every field has to be there."""
    found, body = call.room(room), call.json()
    missing = {"name", "privacy", "is_archived", "is_guest_accessible", "topic", "owner"} - set(body)
    if missing:
        raise ApiError(400, f"missing fields: {', '.join(sorted(missing))}")
    owner = body["owner"].get("id") if isinstance(body["owner"], dict) else body["owner"]
    call.world.rooms.update(
        found,
        name=text_field(body, "name"),
        privacy=text_field(body, "privacy"),
        topic=text_field(body, "topic"),
        owner_id=call.person(str(owner)).id,
    )
    if found.is_guest_accessible != bool(body["is_guest_accessible"]):
        actor = call.token.user_id or found.owner_id
        call.world.set_guest_access(found.id, actor, bool(body["is_guest_accessible"]))
    if found.is_archived != bool(body["is_archived"]):
        call.world.archive_room(found.id, archived=bool(body["is_archived"]))
    return done()


@endpoint("manage_rooms")
def room_delete(call: Call, room: str) -> HttpResponse:
    call.world.delete_room(call.room(room).id)
    return done()


@endpoint(*VIEW)
def room_statistics(call: Call, room: str) -> HttpResponse:
    found = call.room(room)
    return answer(statistics_of_room(found, *call.world.messages.statistics(found.chat), call.base))


@endpoint("admin_room")
def topic_update(call: Call, room: str) -> HttpResponse:
    found = call.room(room)
    actor = call.token.user_id or found.owner_id
    call.world.set_topic(found.id, actor, text_field(call.json(), "topic"))
    return done()


@endpoint(*VIEW)
def participant_list(call: Call, room: str) -> HttpResponse:
    found = call.room(room)
    with_offline = found.is_private and asking.flag(call, "include-offline", False)
    people = call.world.rooms.members(found) if with_offline else call.world.rooms.participants(found)
    return _people(call, f"room/{found.id}/participant", people)


@endpoint(*VIEW)
def member_list(call: Call, room: str) -> HttpResponse:
    found = call.room(room)
    if not found.is_private and call.world.switches.public_members == "404":
        raise ApiError(404, "Only private rooms have members")
    return _people(call, f"room/{found.id}/member", call.world.rooms.members(found))


@endpoint("admin_room")
def member_add(call: Call, room: str, user: str) -> HttpResponse:
    call.world.add_member(call.room(room).id, call.person(user).id)
    return done()


@endpoint("admin_room")
def member_remove(call: Call, room: str, user: str) -> HttpResponse:
    call.world.remove_member(call.room(room).id, call.person(user).id)
    return done()


def text_field(body: dict[str, Any], name: str, default: str | None = None) -> str:
    """A string of the body; without a default it has to be there. Null is as good as nothing."""
    value = body.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise Invalid(name, "a string", "nothing" if value is None else type(value).__name__)
    return value


def _people(call: Call, path: str, people: list[User]) -> HttpResponse:
    shown, page = asking.page_of(call, path, people)
    return answer(expanded(call, page | {"items": [user_stub(user, call.base) for user in shown]}))
