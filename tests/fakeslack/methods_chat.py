"""`chat.*` and `reactions.*`: docs.slack.dev/reference/methods, each under its name."""

from __future__ import annotations

import re

from emoji import EMOJI_DATA

from tests.fakeslack import text
from tests.fakeslack.calls import Call, method
from tests.fakeslack.limits import POSTING
from tests.fakeslack.methods_conversations import direct
from tests.fakeslack.refusals import Refused
from tests.fakeslack.shapes import message_json, reactions_json
from tests.fakeslack.world import Channel, Json, Message, Team

LONGEST_POST = 40_000  # characters; "Truncating really long messages", 2018-04
# Bytes, once escaped: gitlab-org/gitlab!258898 and others, who found out by `msg_too_long`.
LONGEST_EDIT = 4_000
MOST_BLOCKS, MOST_ATTACHMENTS = 50, 100
LONGEST_IN_BLOCK = {"section": 3000, "header": 150, "context": 3000, "markdown": 12_000}
MOST_EMOJI, MOST_OF_ONE_PERSON = 50, 23  # distinct ones on a message
# What cannot be answered in a thread: it is not somebody's message.
NOT_FOR_THREADS = re.compile(r"(channel|group)_.+")
# Some of the short names of github.com/iamcal/emoji-data, which Slack has, and of others' names for the same.
NAMED_HERE = {"man-shrugging", "face_palm", "male-technologist", "smiling_face_with_3_hearts"}
NAMED_ELSEWHERE = {"thinking", "rofl", "roll_eyes", "man_shrugging", "facepalm", "man_technologist"}
BY_NAME = {
    name.strip(":") for known in EMOJI_DATA.values() for name in (known["en"], *known.get("alias", ()))
}
REACTION = re.compile(r"([a-z0-9_+'\-]{1,100})(::skin-tone-[2-6])?")


@method("chat.postMessage", tier=POSTING, scopes=("chat:write",), own_limit=True)
def chat_post_message(call: Call) -> Json:
    """Say something in a channel, as the bot or under the name that is given."""
    channel = _target(call)
    posted, blocks, attachments = _content(call)
    if len(posted) > LONGEST_POST:
        raise Refused("msg_too_long")
    call.slack.limits.take(POSTING, (call.app.id, channel.id))
    thread_ts = _thread(call, channel)
    is_broadcast = bool(thread_ts) and call.flag("reply_broadcast")
    look = _look(call)
    message = call.slack.talking.post(
        channel,
        call.user,
        text.kept(posted, call.text("parse") or "none"),
        bot=call.bot,
        blocks=blocks,
        attachments=attachments,
        thread_ts=thread_ts,
        subtype="thread_broadcast" if is_broadcast else "bot_message" if look else "",
        metadata=call.structure("metadata", "invalid_metadata_format"),
        unfurls_links=call.flag("unfurl_links", default=False),
        unfurls_media=call.flag("unfurl_media", default=True),
        **look,
    )
    return {"channel": channel.id, "ts": message.ts, "message": message_json(message)}


def _target(call: Call) -> Channel:
    """Where it is to stand: a channel's id or name, or a person's id. Raises Refused where it may not."""
    wanted = call.text("channel")
    if wanted in call.world.users:
        return direct(call, [call.world.users[wanted]])
    named = wanted.removeprefix("#")
    found = [one for one in call.world.channels.values() if one.id == wanted or (one.name == named and named)]
    channel = next(filter(call.sees, found), None)
    if channel is None:
        raise Refused("channel_not_found")
    if channel.is_archived:
        raise Refused("is_archived")
    if call.user not in channel.members and "chat:write.public" not in call.caller.scopes:
        raise Refused("not_in_channel")
    if channel.is_read_only:
        raise Refused("restricted_action_read_only_channel")
    return channel


def _content(call: Call) -> tuple[str, list[Json], list[Json]]:
    posted = call.text("text")
    blocks = call.structure("blocks", "invalid_blocks_format") or []
    attachments = call.structure("attachments", "invalid_attachments") or []
    if not (posted.strip() or blocks or attachments):
        raise Refused("no_text")
    if not isinstance(blocks, list) or not all(isinstance(one, dict) and "type" in one for one in blocks):
        raise Refused("invalid_blocks_format")
    if len(attachments) > MOST_ATTACHMENTS:
        raise Refused("too_many_attachments")
    if len(blocks) > MOST_BLOCKS or not all(map(_is_good, blocks)):
        raise Refused("invalid_blocks")
    return posted, [{"block_id": f"b{place}"} | one for place, one in enumerate(blocks)], attachments


def _is_good(block: Json) -> bool:
    """Whether a block's texts are as long as they may be."""
    longest = LONGEST_IN_BLOCK.get(block["type"])
    if longest is None:
        return True
    texts = [block.get("text"), *block.get("fields", ()), *block.get("elements", ())]
    words = [one.get("text", "") if isinstance(one, dict) else one or "" for one in texts]
    return all(isinstance(one, str) and len(one) <= longest for one in words)


def _thread(call: Call, channel: Channel) -> str:
    """The parent of the reply that this is to be, or nothing."""
    thread_ts = call.text("thread_ts")
    if not thread_ts:
        return ""
    parent = channel.messages.get(thread_ts)
    if parent is None or parent.is_reply:
        raise Refused("invalid_thread_ts")
    if NOT_FOR_THREADS.fullmatch(parent.subtype):
        raise Refused("cannot_reply_to_message")
    return thread_ts


def _look(call: Call) -> Json:
    """The name and picture that an app gives a message of its own."""
    username, emoji, url = call.text("username"), call.text("icon_emoji"), call.text("icon_url")
    if not (username or emoji or url) or not call.bot:
        return {}
    call.require("chat:write.customize")
    sizes = (36, 48, 72) if url and not emoji else ()
    icons = {"emoji": emoji} if emoji else {f"image_{size}": url for size in sizes}
    return {"username": username or call.app.name, "icons": icons}


@method("chat.update", tier=3, scopes=("chat:write",))
def chat_update(call: Call) -> Json:
    """Replace what an own message says, and under which name.

    What takes more than 4,000 bytes is refused, unlike in a post.
    """
    channel = call.channel()
    message = _own(call, channel, "cant_update_message")
    if channel.is_archived:
        raise Refused("is_inactive")
    posted, blocks, attachments = _content(call)
    if text.size(posted) > LONGEST_EDIT:
        raise Refused("msg_too_long")
    kept = text.kept(posted, call.text("parse") or "none")
    given: Json = {"attachments": attachments} if "attachments" in call.args else {}
    # Told by authors of bots (slackapi/node-slack-sdk#944): an edit without them takes both away.
    given |= {"username": "", "icons": {}, **_look(call)}
    call.slack.talking.edit(message, call.user, kept, blocks=blocks, **given)
    told = message_json(message)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": told}


@method("chat.delete", tier=3, scopes=("chat:write",))
def chat_delete(call: Call) -> Json:
    channel = call.channel()
    message = _own(call, channel, "cant_delete_message")
    call.slack.talking.delete(message)
    return {"channel": channel.id, "ts": message.ts}


def _own(call: Call, channel: Channel, error: str) -> Message:
    message = channel.messages.get(call.text("ts"))
    if message is None or message.subtype == "tombstone":
        raise Refused("message_not_found")
    is_own = message.bot is call.bot if call.bot else message.user is call.user and not message.bot
    if not is_own:
        raise Refused(error)
    return message


@method("chat.getPermalink", tier=POSTING, own_limit=True)
def chat_get_permalink(call: Call) -> Json:
    channel = call.channel()
    message = channel.messages.get(call.text("message_ts"))
    if message is None:
        raise Refused("message_not_found")
    address = (
        f"https://{channel.teams[0].domain}.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
    )
    thread = f"?thread_ts={message.thread_ts}&cid={channel.id}" if message.is_reply else ""
    return {"channel": channel.id, "permalink": address + thread}


# ----------------------------------------------------------------- reactions


@method("reactions.add", tier=3, scopes=("reactions:write",))
def reactions_add(call: Call) -> Json:
    message, name = _item(call)
    users = message.reactions.get(name, [])
    if call.user in users:
        raise Refused("already_reacted")
    if not users and len(message.reactions) >= MOST_EMOJI:
        raise Refused("too_many_emoji")
    if sum(call.user in one for one in message.reactions.values()) >= MOST_OF_ONE_PERSON:
        raise Refused("too_many_reactions")
    call.slack.talking.react(message, call.user, name)
    return {}


@method("reactions.remove", tier=2, scopes=("reactions:write",))
def reactions_remove(call: Call) -> Json:
    message, name = _item(call)
    if call.user not in message.reactions.get(name, []):
        raise Refused("no_reaction")
    call.slack.talking.unreact(message, call.user, name)
    return {}


@method("reactions.get", tier=3, scopes=("reactions:read",))
def reactions_get(call: Call) -> Json:
    channel = call.channel()
    message = channel.messages.get(call.text("timestamp"))
    if message is None:
        raise Refused("message_not_found")
    told = message_json(message) | {"reactions": reactions_json(message)}
    return {"type": "message", "channel": channel.id, "message": told}


def _item(call: Call) -> tuple[Message, str]:
    """The message that is meant, and the reaction's name."""
    name = call.text("name").strip(":")
    if not is_emoji(name, call.user.team):
        raise Refused("invalid_name")
    if not call.text("channel") or not call.text("timestamp"):
        raise Refused("no_item_specified")
    channel = call.channel()
    if channel.is_archived:
        raise Refused("is_archived")
    if not re.fullmatch(r"\d+\.\d{6}", call.text("timestamp")):
        raise Refused("bad_timestamp")
    message = channel.messages.get(call.text("timestamp"))
    if message is None:
        raise Refused("message_not_found")
    return message, name


def is_emoji(name: str, team: Team) -> bool:
    """Whether there is an emoji of that name: Unicode's by short names, flags, the workspace's own."""
    found = REACTION.fullmatch(name)
    if not found:
        return False
    if found[1] in NAMED_ELSEWHERE or found[1] in NAMED_HERE:
        return found[1] in NAMED_HERE
    return found[1] in team.emoji or found[1] in BY_NAME or bool(re.fullmatch("flag-[a-z]{2}", found[1]))
