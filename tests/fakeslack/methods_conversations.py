"""`conversations.*`: docs.slack.dev/reference/methods, each under its name."""

from __future__ import annotations

import base64
import re

from tests.fakeslack.calls import HISTORY, READ, Call, cursor_in, method, page
from tests.fakeslack.limits import UNLISTED, UNLISTED_PAGE
from tests.fakeslack.refusals import Refused
from tests.fakeslack.shapes import channel_json, message_json
from tests.fakeslack.world import Channel, Json, Message, User

_TYPES = {"public_channel": "channel", "private_channel": "group", "mpim": "mpim", "im": "im"}
_TS = re.compile(r"\d{1,12}(\.\d{1,6})?")


@method("conversations.list", tier=2)
def conversations_list(call: Call) -> Json:
    """The channels that the caller may know of, a page of them."""
    wanted = _wanted(call)
    user = call.user
    seen = [one for one in call.world.channels.values() if one.kind in wanted and call.sees(one)]
    if call.flag("exclude_archived"):
        seen = [one for one in seen if not one.is_archived]
    piece, metadata = page(call, seen, "channel", limit=call.number("limit", 100, 999))
    return {"channels": [channel_json(one, user) | _members(one) for one in piece]} | metadata


@method("users.conversations", tier=3)
def users_conversations(call: Call) -> Json:
    """The channels that somebody is a member of: the caller, unless another one is named."""
    wanted, user = _wanted(call), call.user
    if name := call.text("user"):
        if name not in call.world.users:
            raise Refused("user_not_found")
        user = call.world.users[name]
    seen = [one for one in call.world.channels.values() if one.kind in wanted and user in one.members]
    seen = [one for one in seen if call.sees(one) and not (call.flag("exclude_archived") and one.is_archived)]
    piece, metadata = page(call, seen, "channel", limit=call.number("limit", 100, 999))
    told = [channel_json(one, call.user) for one in piece]
    return {"channels": [{name: one[name] for name in one if name != "is_member"} for one in told]} | metadata


def _wanted(call: Call) -> set[str]:
    names = [name.strip() for name in (call.text("types") or "public_channel").split(",")]
    if any(name not in _TYPES for name in names):
        raise Refused("invalid_types")
    wanted = {_TYPES[name] for name in names}
    for kind in wanted:
        call.require(READ[kind])
    return wanted


def _members(channel: Channel) -> Json:
    return {} if channel.kind == "im" else {"num_members": len(channel.members)}


@method("conversations.info", tier=3)
def conversations_info(call: Call) -> Json:
    channel = call.channel(READ)
    counted = _members(channel) if call.flag("include_num_members") else {}
    return {"channel": channel_json(channel, call.user) | counted}


@method("conversations.members", tier=4)
def conversations_members(call: Call) -> Json:
    channel = call.channel(READ)
    members = [user.id for user in channel.members]
    piece, metadata = page(call, members, "user", limit=call.number("limit", 100, 1000))
    return {"members": piece} | metadata


@method("conversations.join", tier=3, scopes=("channels:join",))
def conversations_join(call: Call) -> Json:
    """Come into a public channel; to come in twice is only warned about."""
    channel = call.channel()
    if channel.is_private:
        raise Refused("method_not_supported_for_channel_type")
    if channel.is_archived:
        raise Refused("is_archived")
    if call.user in channel.members:
        call.warnings.append("already_in_channel")
    else:
        call.slack.places.join(channel, call.user)
    return {"channel": channel_json(channel, call.user)}


@method("conversations.leave", tier=3)
def conversations_leave(call: Call) -> Json:
    channel = call.channel()
    _managing(call, channel)
    if channel.is_archived:
        raise Refused("is_archived")
    if channel.kind in ("im", "mpim"):
        raise Refused("method_not_supported_for_channel_type")
    if channel.name == "general":
        raise Refused("cant_leave_general")
    if call.user not in channel.members:
        return {"not_in_channel": True}
    call.slack.places.leave(channel, call.user)
    return {}


def _managing(call: Call, channel: Channel) -> None:
    word = "groups" if channel.is_private else "channels"
    call.require(f"{word}:write" if channel.is_private or call.caller.user else "channels:manage")


@method("conversations.create", tier=2)
def conversations_create(call: Call) -> Json:
    is_private = call.flag("is_private")
    call.require("groups:write" if is_private else "channels:manage" if call.bot else "channels:write")
    name = call.text("name")
    if not name:
        raise Refused("invalid_name_required")
    if len(name) > 80:
        raise Refused("invalid_name_maxlength")
    if not re.fullmatch(r"[^\W_A-Z]?[^\sA-Z.,!?:;\"'()\[\]{}<>@#/\\]*", name):
        raise Refused("invalid_name_specials")
    if any(one.name == name and call.user.team in one.teams for one in call.world.channels.values()):
        raise Refused("name_taken")
    kind = "group" if is_private else "channel"
    channel = call.slack.places.create(call.user.team, call.user, name, kind)
    return {"channel": channel_json(channel, call.user)}


@method("conversations.open", tier=3)
def conversations_open(call: Call) -> Json:
    """A direct message with one person, or with several; the same one every time."""
    ids = [name.strip() for name in call.text("users").split(",") if name.strip()]
    if not ids:
        raise Refused("users_list_not_supplied")
    call.require("im:write" if len(ids) == 1 else "mpim:write")
    people = [call.world.users.get(one) for one in ids]
    if None in people:
        raise Refused("user_not_found")
    channel = direct(call, [user for user in people if user])
    return {"channel": channel_json(channel, call.user) if call.flag("return_im") else {"id": channel.id}}


def direct(call: Call, people: list[User]) -> Channel:
    """The conversation of the caller with these people."""
    everybody = {call.user, *people}
    kind = "im" if len(people) == 1 else "mpim"
    for channel in call.world.channels.values():
        if channel.kind == kind and {*channel.members} == everybody:
            return channel
    name = "" if kind == "im" else "mpdm-" + "--".join(user.name for user in everybody) + "-1"
    channel = call.slack.places.create(call.user.team, call.user, name, kind)
    channel.members += people
    return channel


# ----------------------------------------------------------------- what was said


@method("conversations.history", tier=3, own_limit=True)
def conversations_history(call: Call) -> Json:
    """What stands in a channel, newest first; replies are in their threads, unless they were broadcast."""
    channel = call.channel(HISTORY)
    call.as_member(channel)
    most = _count(call)
    shown = [
        one for one in channel.messages.values() if not one.is_reply or one.subtype == "thread_broadcast"
    ]
    piece, rest = _range(call, shown, most)
    told = [message_json(one) for one in reversed(piece)]
    latest = {"latest": call.text("latest")} if call.text("latest") else {}
    return {"messages": told, "has_more": bool(rest), "pin_count": 0} | latest | rest


@method("conversations.replies", tier=3, own_limit=True)
def conversations_replies(call: Call) -> Json:
    """A thread, oldest first; its parent opens the first page, whatever the range."""
    channel = call.channel(HISTORY)
    call.as_member(channel)
    most = _count(call)
    found = channel.messages.get(call.text("ts"))
    if found is None:
        raise Refused("thread_not_found")
    if found.is_reply:  # as Slack does for the ts of a reply: that one alone
        return {"messages": [message_json(found)], "has_more": False}
    replies = _within(call, found.replies)
    opening = [] if call.text("cursor") else [message_json(found)]
    if cursor := call.text("cursor"):
        replies = [one for one in replies if _micros(one.ts) >= cursor_in(cursor, "next_ts")]
    piece, rest = replies[: most - len(opening)], replies[most - len(opening) :]
    told = {"messages": [*opening, *map(message_json, piece)], "has_more": bool(rest)}
    return told | (_cursor(rest[0]) if rest else {})


def _count(call: Call) -> int:
    """How many messages may be had at once; the call is counted."""
    is_unlisted = call.app.is_unlisted
    key = (call.method, call.app.id, call.user.team.id)
    call.slack.limits.take(UNLISTED if is_unlisted else 3, key)
    default, most = (UNLISTED_PAGE, UNLISTED_PAGE) if is_unlisted else (100, 999)
    return call.number("limit", default, most)


def _within(call: Call, messages: list[Message]) -> list[Message]:
    """Those in the range of time that is asked for."""
    oldest, latest = call.text("oldest"), call.text("latest")
    for value, name in ((oldest, "oldest"), (latest, "latest")):
        if value and not _TS.fullmatch(value):
            raise Refused(f"invalid_ts_{name}")
    inclusive = call.flag("inclusive")
    low = _micros(oldest) if oldest else -1
    high = _micros(latest) if latest and _micros(latest) else 10**18
    ends = {low, high} if inclusive else set()
    return [one for one in messages if low < _micros(one.ts) < high or _micros(one.ts) in ends]


def _range(call: Call, messages: list[Message], most: int) -> tuple[list[Message], Json]:
    """The page that is asked for, oldest first, and the cursor to what is left."""
    messages = _within(call, messages)
    forward = call.world.pages_forward and call.text("oldest") and not call.text("latest")
    if cursor := call.text("cursor"):
        place = cursor_in(cursor, "next_ts")
        messages = [
            one for one in messages if (_micros(one.ts) >= place if forward else _micros(one.ts) <= place)
        ]
    if len(messages) <= most:
        return messages, {}
    if forward:
        return messages[:most], _cursor(messages[most])
    return messages[-most:], _cursor(messages[-most - 1])


def _cursor(following: Message) -> Json:
    value = base64.b64encode(f"next_ts:{_micros(following.ts)}".encode()).decode()
    return {"response_metadata": {"next_cursor": value}}


def _micros(ts: str) -> int:
    seconds, _, rest = ts.partition(".")
    return int(seconds) * 1_000_000 + int(rest.ljust(6, "0") or 0)
