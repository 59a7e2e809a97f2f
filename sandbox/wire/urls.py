"""The paths below /v2/. A slash at the end is accepted."""

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern, re_path

from . import files, history, hooks, people, private, rooms, sending
from .calls import public, resource, spoilable

ROOM = r"room/(?P<room>[^/]+)"
USER = r"user/(?P<user>[^/]+)"


def _path(pattern: str, view: Callable[..., Any], name: str) -> URLPattern:
    return re_path(rf"^{pattern}/?\Z", view, name=name)


urlpatterns = [
    _path("capabilities", public(people.capabilities, switch="capabilities"), "capabilities"),
    _path("health-check", public(people.health_check), "health-check"),
    _path(
        r"oauth/token/(?P<token>[^/]+)",
        resource(GET=people.session_get, DELETE=people.session_delete),
        "session",
    ),
    re_path(r"^room//", spoilable(people.empty_room)),
    _path("room", resource(GET=rooms.room_list, POST=rooms.room_create), "room-list"),
    _path(ROOM, resource(GET=rooms.room_get, PUT=rooms.room_update, DELETE=rooms.room_delete), "room"),
    _path(f"{ROOM}/statistics", resource(GET=rooms.room_statistics), "room-statistics"),
    _path(f"{ROOM}/topic", resource(PUT=rooms.topic_update), "topic"),
    _path(f"{ROOM}/participant", resource(GET=rooms.participant_list), "participants"),
    _path(f"{ROOM}/member", resource(GET=rooms.member_list), "members"),
    _path(
        rf"{ROOM}/member/(?P<user>[^/]+)",
        resource(PUT=rooms.member_add, DELETE=rooms.member_remove),
        "member",
    ),
    _path(rf"{ROOM}/invite/(?P<user>[^/]+)", resource(POST=rooms.member_add), "invite"),
    _path(f"{ROOM}/history", resource(GET=history.room_history), "history"),
    _path(f"{ROOM}/history/latest", resource(GET=history.room_latest), "history-latest"),
    _path(rf"{ROOM}/history/(?P<message>[^/]+)", resource(GET=history.room_message), "history-item"),
    _path(f"{ROOM}/message", resource(POST=sending.message), "message"),
    _path(f"{ROOM}/reply", resource(POST=sending.reply), "reply"),
    _path(f"{ROOM}/notification", resource(POST=sending.notification), "notification"),
    _path(f"{ROOM}/share/link", resource(POST=sending.share_link), "share-link"),
    _path(f"{ROOM}/share/file", resource(POST=sending.share_file), "share-file"),
    _path(f"{ROOM}/webhook", resource(GET=hooks.webhook_list, POST=hooks.webhook_create), "webhook-list"),
    _path(
        rf"{ROOM}/webhook/(?P<hook>[^/]+)",
        resource(GET=hooks.webhook_get, DELETE=hooks.webhook_delete),
        "webhook",
    ),
    _path(rf"{ROOM}/extension/webhook/(?P<key>[^/]+)", resource(PUT=hooks.webhook_put), "webhook-put"),
    _path(r"file/(?P<file>[^/]+)", resource(GET=files.file_get), "file"),
    _path("user", resource(GET=people.user_list), "user-list"),
    _path(USER, resource(GET=people.user_get), "user"),
    _path(f"{USER}/message", resource(POST=private.message), "user-message"),
    _path(f"{USER}/share/link", resource(POST=private.share_link), "user-share-link"),
    _path(f"{USER}/share/file", resource(POST=private.share_file), "user-share-file"),
    _path(f"{USER}/history", resource(GET=history.user_history), "user-history"),
    _path(f"{USER}/history/latest", resource(GET=history.user_latest), "user-history-latest"),
    _path("emoticon", resource(GET=people.emoticon_list), "emoticon-list"),
    _path(r"emoticon/(?P<emoticon>[^/]+)", resource(GET=people.emoticon_get), "emoticon"),
    re_path(r"^", spoilable(people.unknown_path)),
]
