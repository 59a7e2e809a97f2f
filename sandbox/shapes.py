"""The JSON objects of HipChat API v2, built from records.

`base` is the address below which the sandbox answers, without a slash at its end.
"""

import json
from collections.abc import Iterable
from datetime import UTC, tzinfo
from typing import Any
from urllib.parse import quote

from .clock import MICRO, iso, iso_seconds
from .pictures import SIDE
from .records import Emoticon, Group, Message, Room, Token, Upload, User, Webhook

Json = dict[str, Any]


def link(base: str, path: str) -> Json:
    return {"self": f"{base}/v2/{path}"}


def user_stub(user: User, base: str) -> Json:
    return {
        "id": user.id,
        "links": link(base, f"user/{user.id}"),
        "mention_name": user.mention_name,
        "name": user.name,
        "version": user.version,
    }


def user_detail(user: User, group: Group, base: str) -> Json:
    """HipChat API v2, users: `last_active` is a Unix time in a string here, unlike at rooms."""
    presence = {
        "client": {"type": "sandbox", "version": "1"},
        "idle": 0,
        "is_online": True,
        "show": None,
        "status": None,
    }
    return user_stub(user, base) | {
        "atlassian_id": None,
        "created": iso_seconds(user.created),
        "email": user.email,
        "group": {"id": group.id, "links": link(base, f"group/{group.id}"), "name": group.name},
        "is_deleted": user.is_deleted,
        "is_group_admin": user.is_group_admin,
        "is_guest": user.is_guest,
        "last_active": str(user.created // MICRO),
        "photo_url": f"{base}/avatars/{user.id}.png",
        "presence": presence if user.is_online else None,
        "roles": ["user", "admin"] if user.is_group_admin else ["user"],
        "timezone": "UTC",
        "title": user.title,
        "xmpp_jid": f"{user.group_id}_{user.id}@chat.hipchat.com",
    }


def room_stub(room: Room, base: str) -> Json:
    """HipChat API v2, room list: only private rooms link to their members."""
    links = {
        "participants": f"{base}/v2/room/{room.id}/participant",
        "self": f"{base}/v2/room/{room.id}",
        "webhooks": f"{base}/v2/room/{room.id}/webhook",
    }
    if room.is_private:
        links["members"] = f"{base}/v2/room/{room.id}/member"
    return {
        "id": room.id,
        "is_archived": room.is_archived,
        "links": links,
        "name": room.name,
        "privacy": room.privacy,
        "version": room.version,
    }


def room_detail(
    room: Room, owner: User, participants: Iterable[User], last_active: int | None, base: str
) -> Json:
    return room_stub(room, base) | {
        "avatar_url": None,
        "created": iso_seconds(room.created),
        "delegate_admin_visibility": None,
        "guest_access_url": guest_url(room, base) if room.is_guest_accessible else None,
        "is_guest_accessible": room.is_guest_accessible,
        "last_active": iso_seconds(last_active) if last_active else None,
        "owner": user_stub(owner, base),
        "participants": [user_stub(user, base) for user in participants],
        "statistics": {"links": link(base, f"room/{room.id}/statistics")},
        "topic": room.topic,
        "xmpp_jid": room.xmpp_jid,
    }


def statistics_of_room(room: Room, sent: int, last_active: int | None, base: str) -> Json:
    return {
        "last_active": iso_seconds(last_active) if last_active else None,
        "links": link(base, f"room/{room.id}/statistics"),
        "messages_sent": sent,
    }


def guest_url(room: Room, base: str) -> str:
    return f"{base}/guest/{room.id}-{room.slug}"


def message_item(message: Message, people: dict[int, User], base: str, zone: tzinfo = UTC) -> Json:
    """One item of a history.

    HipChat API v2, item shapes: `from` is an object for people and a string for notifications, a
    card is JSON inside a string, and what is deleted stays with a null text. What else a message
    has stands in its `extra`, under the names of the item.
    """
    author = people.get(message.user_id) if message.user_id else None
    item: Json = {
        "date": iso(message.stamp, zone),
        "from": user_stub(author, base) if author and message.sender is None else message.sender,
        "id": message.id,
        "mentions": [user_stub(people[user_id], base) for user_id in message.mentions if user_id in people],
        "message": message.text,
        "type": message.type,
    }
    extra = dict(message.extra)
    missing = extra.pop("missing", ())
    upload = extra.pop("upload", None)
    if upload:
        item |= _file(upload, base)
    if isinstance(extra.get("card"), dict):
        extra["card"] = json.dumps(extra["card"])
    return {key: value for key, value in (item | extra).items() if key not in missing}


def people_in(messages: Iterable[Message]) -> set[int]:
    """Ids of the users whose names `message_item` needs."""
    found: set[int] = set()
    for message in messages:
        found.update(message.mentions)
        if message.user_id:
            found.add(message.user_id)
    return found


def upload_extra(upload: Upload, *, authenticated: bool) -> Json:
    """What a message remembers of the file it carries."""
    return {
        "id": upload.id,
        "name": upload.name,
        "size": len(upload.content),
        "is_image": upload.is_image,
        "authenticated": authenticated,
    }


def file_url(upload_id: str, name: str, base: str) -> str:
    return f"{base}/files/{upload_id}/{quote(name)}"


def thumbnail_name(name: str) -> str:
    stem, dot, ending = name.rpartition(".")
    return f"{stem}_thumb.{ending}" if dot else f"{ending}_thumb"


def _file(upload: Json, base: str) -> Json:
    known = {"name": upload["name"], "size": upload["size"]}
    if upload["authenticated"]:
        return {"authenticated_file": known | {"id": upload["id"]}}
    known["url"] = file_url(upload["id"], upload["name"], base)
    if upload["is_image"]:
        known["thumb_url"] = file_url(upload["id"], thumbnail_name(upload["name"]), base)
    return {"file": known}


def session_info(token: Token, owner: User | None, room: Room | None, seconds_left: int, base: str) -> Json:
    """HipChat API v2, session info: who a token is, and what it may do."""
    return {
        "access_token": token.token,
        "client": {
            "allowed_scopes": token.scopes,
            "id": token.client_id,
            "links": link(base, f"oauth/client/{token.client_id}"),
            "name": token.label,
            "room": room_stub(room, base) if room else None,
        },
        "expires_in": seconds_left,
        "owner": user_stub(owner, base) if owner else None,
        "owner_type": "user" if owner else "client",
        "scopes": token.scopes,
    }


def emoticon_stub(emoticon: Emoticon, base: str) -> Json:
    """HipChat API v2, emoticons: a group's own have its id and the time they were made in their address."""
    name = emoticon.shortcut
    if emoticon.group_id:
        name = f"{emoticon.group_id}/{name}-{emoticon.created // MICRO}"
    return {
        "id": emoticon.id,
        "links": link(base, f"emoticon/{emoticon.id}"),
        "shortcut": emoticon.shortcut,
        "url": f"{base}/img/emoticons/{name}.png",
    }


def emoticon_detail(emoticon: Emoticon, creator: User | None, base: str) -> Json:
    return emoticon_stub(emoticon, base) | {
        "audio_path": None,
        "creator": user_stub(creator, base) if creator else None,
        "height": SIDE,
        "type": "group" if emoticon.group_id else "global",
        "width": SIDE,
    }


def webhook_item(hook: Webhook, base: str) -> Json:
    return {
        "event": hook.event,
        "id": hook.id,
        "key": hook.key or None,
        "links": link(base, f"room/{hook.room_id}/webhook/{hook.id}"),
        "name": hook.name,
        "pattern": hook.pattern,
        "url": hook.url,
    }
