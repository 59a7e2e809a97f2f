"""What Slack says of the things of its world: JSON as its documentation shows it."""

from __future__ import annotations

from tests.fakeslack.world import Bot, Channel, File, Json, Message, Team, User

PICTURES = (24, 32, 48, 72, 192, 512)
NO_PICTURE = "https://a.slack-edge.com/80588/img/avatars/ava_0001.png?size="
ICONS = (36, 48, 72)


def team_json(team: Team) -> Json:
    told: Json = {
        "id": team.id,
        "name": team.name,
        "domain": team.domain,
        "email_domain": "",
        "url": f"https://{team.domain}.slack.com/",
        "icon": {"image_34": f"https://{team.domain}.slack.com/icon_34.png", "image_default": True},
        "avatar_base_url": "https://ca.slack-edge.com/",
        "is_verified": False,
    }
    if team.enterprise:
        told |= {"enterprise_id": team.enterprise.id, "enterprise_name": team.enterprise.name}
    return told


def user_json(user: User, *, with_email: bool = False) -> Json:
    """A user object; the address is for those who were granted `users:read.email`."""
    told: Json = {
        "id": user.id,
        "team_id": user.team.id,
        "name": user.name,
        "deleted": user.is_deleted,
        "color": "9f69e7",
        "real_name": user.real_name,
        "tz": "Europe/London",
        "tz_label": "Greenwich Mean Time",
        "tz_offset": 0,
        "profile": _profile(user, with_email),
        "is_admin": False,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": user.is_restricted,
        "is_ultra_restricted": False,
        "is_bot": user.bot is not None,
        "is_app_user": False,
        "updated": user.updated,
        "is_email_confirmed": user.bot is None,
        "locale": "en-GB",
        "who_can_share_contact_card": "EVERYONE",
    }
    if enterprise := user.team.enterprise:
        told["enterprise_user"] = {"id": user.id, "enterprise_id": enterprise.id, "teams": [user.team.id]}
    return told


def _profile(user: User, with_email: bool) -> Json:
    first, _, last = user.real_name.partition(" ")
    told: Json = {
        "first_name": first,
        "last_name": last,
        "title": "",
        "phone": "",
        "skype": "",
        "real_name": user.real_name,
        "real_name_normalized": user.real_name,
        "display_name": user.display_name,
        "display_name_normalized": user.display_name,
        "status_text": "",
        "status_text_canonical": "",
        "status_emoji": "",
        "status_emoji_display_info": [],
        "status_expiration": 0,
        "huddle_state": "default_unset",
        "huddle_state_expiration_ts": 0,
        "fields": {},
        "avatar_hash": "g0",
        "team": user.team.id,
    }
    picture = f"{user.avatar}?size=" if user.avatar else NO_PICTURE
    told |= {f"image_{size}": f"{picture}{size}" for size in PICTURES}
    if user.bot:
        told |= {"bot_id": user.bot.id, "api_app_id": user.bot.app.id, "always_active": False}
    return told | ({"email": user.email} if with_email and user.email else {})


def bot_json(bot: Bot) -> Json:
    return {
        "id": bot.id,
        "deleted": not bot.is_active,
        "name": bot.app.name,
        "updated": bot.user.updated,
        "app_id": bot.app.id,
        "user_id": bot.user.id,
        "icons": {f"image_{size}": f"https://a.slack-edge.com/{bot.app.id}_{size}.png" for size in ICONS},
    }


def bot_profile(bot: Bot) -> Json:
    """The bot as its messages name it."""
    told = bot_json(bot) | {"team_id": bot.team.id}
    del told["user_id"]
    return told


def channel_json(channel: Channel, seen_by: User | None = None) -> Json:
    """A conversation object; `is_member` is of who asks."""
    if channel.kind == "im":
        return _direct(channel, seen_by)
    told: Json = {
        "id": channel.id,
        "name": channel.name,
        "is_channel": channel.kind == "channel",
        "is_group": channel.kind == "group",
        "is_im": False,
        "is_mpim": channel.kind == "mpim",
        "is_private": channel.is_private,
        "created": channel.created,
        "is_archived": channel.is_archived,
        "is_general": channel.name == "general",
        "unlinked": 0,
        "name_normalized": channel.name,
        "pending_shared": [],
        "pending_connected_team_ids": [],
        "is_pending_ext_shared": False,
        "context_team_id": (seen_by.team if seen_by else channel.teams[0]).id,
        "updated": channel.created * 1000,
        "creator": channel.creator.id,
        "topic": {"value": channel.topic, "creator": "", "last_set": 0},
        "purpose": {"value": channel.purpose, "creator": "", "last_set": 0},
        "previous_names": channel.previous_names,
    }
    return told | _sharing(channel, seen_by) | ({"is_member": seen_by in channel.members} if seen_by else {})


def _sharing(channel: Channel, seen_by: User | None) -> Json:
    told: Json = {
        "is_shared": channel.is_shared,
        "is_ext_shared": channel.is_shared,
        "is_org_shared": False,
        "shared_team_ids": [team.id for team in channel.teams],
    }
    if channel.is_shared:
        ours = seen_by.team if seen_by else channel.teams[0]
        told["connected_team_ids"] = [team.id for team in channel.teams if team is not ours]
        told["conversation_host_id"] = channel.teams[0].id
    return told


def _direct(channel: Channel, seen_by: User | None) -> Json:
    other = next((user for user in channel.members if user is not seen_by), channel.creator)
    return {
        "id": channel.id,
        "created": channel.created,
        "is_archived": channel.is_archived,
        "is_im": True,
        "is_org_shared": False,
        "context_team_id": channel.teams[0].id,
        "updated": channel.created * 1000,
        "user": other.id,
        "is_user_deleted": other.is_deleted,
        "priority": 0,
    }


def message_json(message: Message, *, with_root: bool = True) -> Json:
    """A message as it stands in `conversations.history` and, with its channel added, in an event."""
    told: Json = {"type": "message", "ts": message.ts, "text": message.text}
    if message.subtype:
        told["subtype"] = message.subtype
    if message.user and message.subtype != "bot_message" and message.names != "bot":
        told["user"] = message.user.id
    if message.user and message.subtype not in ("bot_message", "tombstone"):
        told["team"] = message.user.team.id
    told |= _author(message) | _content(message)
    if message.edited:
        editor, ts = message.edited
        told["edited"] = {"user": editor.id, "ts": f"{ts.partition('.')[0]}.000000"}  # no finer than that
    return told | _thread(message, with_root) | message.more


def _author(message: Message) -> Json:
    """What a message says of an app that has posted it, or of the client that has."""
    told: Json = {}
    if message.bot and message.names != "user":
        told |= {"bot_id": message.bot.id, "app_id": message.bot.app.id}
        if message.subtype != "bot_message":
            told["bot_profile"] = bot_profile(message.bot)
    if message.username:
        told["username"] = message.username
    if message.icons:
        told["icons"] = message.icons
    if message.client_msg_id:
        told["client_msg_id"] = message.client_msg_id
    return told


def _content(message: Message) -> Json:
    told: Json = {}
    if message.blocks:
        told["blocks"] = message.blocks
    if message.attachments:
        told["attachments"] = message.attachments
    if message.metadata:
        told["metadata"] = message.metadata
    if message.files:
        told |= {
            "files": [file_json(file) for file in message.files],
            "upload": False,
            "display_as_bot": False,
        }
    if message.reactions:
        told["reactions"] = reactions_json(message)
    return told


def reactions_json(message: Message) -> list[Json]:
    return [
        {"name": name, "users": [user.id for user in users], "count": len(users)}
        for name, users in message.reactions.items()
    ]


def _thread(message: Message, with_root: bool) -> Json:
    if not message.is_reply:
        return _as_parent(message)
    parent = message.parent
    told: Json = {"thread_ts": message.thread_ts}
    if parent and parent.user and parent.subtype != "bot_message":
        told["parent_user_id"] = parent.user.id
    if message.subtype == "thread_broadcast" and with_root and parent:
        told["root"] = message_json(parent, with_root=False)
    return told


def _as_parent(message: Message) -> Json:
    replies = message.replies
    if not replies:
        return {}
    people = [*dict.fromkeys(reply.user.id for reply in replies if reply.user)]
    return {
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "reply_users_count": len(people),
        "latest_reply": replies[-1].ts,
        "reply_users": people[:5],
        "is_locked": False,
        "subscribed": False,
    }


def file_json(file: File) -> Json:
    """A file object. What kind of file it is, is known only once it has been looked at (`is_complete`)."""
    if file.is_deleted:
        return {"id": file.id, "mode": "tombstone"}
    if file.is_hidden:
        return {"id": file.id, "mode": "hidden_by_limit"}
    if file.is_elsewhere:
        return _visible(file, "remote") | _ELSEWHERE | {"external_url": file.url}
    kind = (file.name.rpartition(".")[2].lower() if "." in file.name else "text") if file.is_complete else ""
    return _visible(file, kind) | {
        "mimetype": file.mimetype if file.is_complete else "",
        "mode": "hosted",
        "is_external": False,
        "external_type": "",
        "url_private_download": file.url.replace(f"-{file.id}/", f"-{file.id}/download/"),
    }


_ELSEWHERE = {
    "mimetype": "application/vnd.slack-remote",
    "mode": "external",
    "is_external": True,
    "external_type": "app",
}


def _visible(file: File, kind: str) -> Json:
    told: Json = {
        "id": file.id,
        "created": file.created,
        "timestamp": file.created,
        "name": file.name,
        "title": file.title,
        "filetype": kind,
        "pretty_type": kind.upper(),
        "user": file.user.id,
        "user_team": file.user.team.id,
        "editable": False,
        "size": file.size,
        "is_public": any(channel.kind == "channel" for channel in file.shares),
        "public_url_shared": False,
        "display_as_bot": False,
        "username": "",
        "url_private": file.url,
        "permalink": f"https://{file.user.team.domain}.slack.com/files/{file.user.id}/{file.id}/{file.name}",
        "has_rich_preview": False,
        "file_access": "visible",
    }
    return told | ({"alt_txt": file.alt_txt} if file.alt_txt else {})


def file_stub(file_id: str) -> Json:
    """What is pushed of a file in a shared channel: the rest has to be asked for (`check_file_info`)."""
    told = {"id": file_id, "mode": "file_access", "file_access": "check_file_info"}
    return told | {"created": 0, "timestamp": 0, "user": ""}


def file_with_shares(file: File) -> Json:
    """A file object with where it was shared, as `files.info` has it."""
    shares: dict[str, dict[str, list[Json]]] = {}
    for channel, messages in file.shares.items():
        kind = "private" if channel.is_private else "public"
        shares.setdefault(kind, {})[channel.id] = [_share(message) for message in messages]
    ids = {
        kind: [channel.id for channel in file.shares if channel.kind == kind]
        for kind in ("channel", "group", "im")
    }
    return file_json(file) | {
        "shares": shares,
        "channels": ids["channel"],
        "groups": ids["group"],
        "ims": ids["im"],
        "comments_count": 0,
    }


def _share(message: Message) -> Json:
    told: Json = {
        "ts": message.ts,
        "channel_name": message.channel.name,
        "team_id": message.channel.teams[0].id,
        "reply_users": [],
        "reply_users_count": 0,
        "reply_count": 0,
    }
    if message.user:
        told["share_user_id"] = message.user.id
    return told | ({"thread_ts": message.thread_ts} if message.is_reply else {})
