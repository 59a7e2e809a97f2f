"""`expand`: what an answer only links to, put in whole.

HipChat API v2, title expansion: comma-separated paths through the answer, dots between the steps; an
entity with links gives way to its full representation.
"""

import contextlib
import re
from collections.abc import Callable
from typing import Any

from ..records import Room, SandboxError
from ..shapes import emoticon_detail, room_detail, statistics_of_room, user_detail
from .answers import ApiError
from .calls import Call

Json = dict[str, Any]
Tree = dict[str, "Tree"]


def expanded(call: Call, data: Json) -> Json:
    """The answer with what the caller wants to see whole."""
    wanted: Tree = {}
    for path in call.request.GET.get("expand", "").split(","):
        branch = wanted
        for step in path.strip().split("."):
            branch = branch.setdefault(step, {})
    return _inside(call, data, wanted)


def detail_of_room(call: Call, room: Room) -> Json:
    world = call.world
    last_active = world.messages.last_active(room.chat)
    owner, people = world.directory.user(room.owner_id), world.rooms.participants(room)
    return room_detail(room, owner, people, last_active, call.base)


def _inside(call: Call, data: Json, wanted: Tree) -> Json:
    changed = {step: _whole(call, data[step], further) for step, further in wanted.items() if step in data}
    return data | changed


def _whole(call: Call, entity: Any, further: Tree) -> Any:
    """The entity in full, or each of a list; what leads nowhere the token may look stays as it is."""
    if isinstance(entity, list):
        return [_whole(call, item, further) for item in entity]
    if not isinstance(entity, dict):
        return entity
    address = str(entity.get("links", {}).get("self", "")).removeprefix(f"{call.base}/v2/")
    for pattern, full in FULL.items():
        match = re.fullmatch(pattern, address)
        if match:
            with contextlib.suppress(SandboxError, ApiError):
                entity = entity | full(call, match[1])
    return _inside(call, entity, further)


def _room(call: Call, key: str) -> Json:
    return detail_of_room(call, call.room(key))


def _statistics(call: Call, key: str) -> Json:
    room = call.room(key)
    return statistics_of_room(room, *call.world.messages.statistics(room.chat), call.base)


def _user(call: Call, key: str) -> Json:
    user = call.person(key)
    return user_detail(user, call.world.directory.group(user.group_id), call.base)


def _emoticon(call: Call, key: str) -> Json:
    found = call.world.emoticons.find(call.group_id, key)
    creator = call.world.directory.user(found.creator_id) if found.creator_id else None
    return emoticon_detail(found, creator, call.base)


FULL: dict[str, Callable[[Call, str], Json]] = {
    r"room/(\d+)": _room,
    r"room/(\d+)/statistics": _statistics,
    r"user/(\d+)": _user,
    r"emoticon/(\d+)": _emoticon,
}
