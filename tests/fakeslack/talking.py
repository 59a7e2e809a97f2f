"""What is said: messages, their changes, reactions and files. Whoever may know is told of each."""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from tests.fakeslack import text
from tests.fakeslack.bus import Bus
from tests.fakeslack.shapes import file_stub, message_json
from tests.fakeslack.world import SLACKBOT, Bot, Channel, File, Json, Message, User, World


class Talking:
    """Changes what stands in channels. Permissions are for who calls to look at."""

    def __init__(self, world: World, bus: Bus) -> None:
        self._world, self._bus = world, bus

    def post(
        self, channel: Channel, user: User | None, wire: str, *, bot: Bot | None = None, **more: Any
    ) -> Message:
        """A new message, with the text as it is kept; `more` are fields of `Message`."""
        message = Message(self._world.new_ts(channel), channel, user, wire, bot=bot, **more)
        if not message.blocks:
            message.blocks = text.rich_text(wire, secrets.token_hex(2))
        if user and not bot and message.subtype in ("", "thread_broadcast"):
            message.client_msg_id = str(uuid.uuid4())
        if parent := message.parent:
            parent.thread_ts = parent.ts
            parent.replies.append(message)
        for file in message.files:
            file.shares.setdefault(channel, []).append(message)
        channel.messages[message.ts] = message
        self._bus.message(channel, _pushed(message) | {"event_ts": message.ts})
        self._mention(message)
        self._preview(message)
        return message

    def _preview(self, message: Message) -> None:
        """Show what its links lead to, where that is known and the author did not forgo it."""
        links = [found[1].partition("|")[0] for found in text.CONTROL.finditer(message.text)]
        shown = [self._world.previews[link] for link in links if link in self._world.previews]
        wanted = [
            one for one in shown if (message.unfurls_media if "image_url" in one else message.unfurls_links)
        ]
        if wanted:
            self.unfurl(message, wanted)

    def edit(self, message: Message, by: User, wire: str | None, **more: Any) -> None:
        """Replace what a message says, and the fields in `more`."""
        before = _pushed(message)
        if wire is not None:
            message.text = wire
            message.blocks = more.pop("blocks", None) or text.rich_text(wire, secrets.token_hex(2))
        for name, value in more.items():
            setattr(message, name, value)
        ts = self._world.new_ts(message.channel)
        message.edited = (by, ts)
        self._changed(message, before, ts)

    def unfurl(self, message: Message, attachments: list[Json]) -> None:
        """Slack shows what a link leads to: the message changes, though nobody has edited it."""
        before = _pushed(message)
        message.attachments = attachments
        self._changed(message, before, self._world.new_ts(message.channel))

    def delete(self, message: Message) -> None:
        """Take a message away; the parent of a thread leaves a tombstone."""
        before, channel = _pushed(message), message.channel
        ts = self._world.new_ts(channel)
        if message.replies:
            slackbot = self._world.users[SLACKBOT]
            message.text, message.subtype, message.user = "This message was deleted.", "tombstone", slackbot
            message.bot, message.username, message.client_msg_id = None, "", ""
            message.blocks, message.attachments, message.files, message.reactions = [], [], [], {}
            message.more = {"hidden": True}
            return self._changed(message, before, ts)
        del channel.messages[message.ts]
        if parent := message.parent:
            parent.replies.remove(message)
        event = {"type": "message", "subtype": "message_deleted", "hidden": True, "deleted_ts": message.ts}
        return self._bus.message(channel, event | {"previous_message": before, "ts": ts, "event_ts": ts})

    def _changed(self, message: Message, before: Json, ts: str) -> None:
        event = {"type": "message", "subtype": "message_changed", "hidden": True, "ts": ts, "event_ts": ts}
        event |= {"message": _pushed(message), "previous_message": before}
        self._bus.message(message.channel, event)

    def _mention(self, message: Message) -> None:
        """`app_mention`: somebody calls a bot that is a member."""
        called = text.calls(message.text)
        for member in message.channel.members:
            if member.bot and f"@{member.id}" in called and message.user is not member:
                told = {name: value for name, value in _pushed(message).items() if name != "subtype"}
                event = told | {"type": "app_mention", "channel": message.channel.id, "event_ts": message.ts}
                self._bus.to_member(member.bot, message.channel, event)

    # ------------------------------------------------------------------ reactions

    def react(self, message: Message, user: User, name: str) -> None:
        message.reactions.setdefault(name, []).append(user)
        self._reaction("reaction_added", message, user, name)

    def unreact(self, message: Message, user: User, name: str) -> None:
        message.reactions[name].remove(user)
        if not message.reactions[name]:
            del message.reactions[name]
        self._reaction("reaction_removed", message, user, name)

    def _reaction(self, kind: str, message: Message, user: User, name: str) -> None:
        item = {"type": "message", "channel": message.channel.id, "ts": message.ts}
        event: Json = {"type": kind, "user": user.id, "reaction": name, "item": item}
        if message.user:
            event["item_user"] = message.user.id
        event["event_ts"] = f"{self._world.now():.6f}"
        self._bus.in_channel(message.channel, event)

    # ------------------------------------------------------------------ files

    def share(self, channel: Channel, files: list[File], comment: str, **more: Any) -> Message:
        """Show uploaded files in a channel, as one message: subtype `file_share`."""
        by, bot = files[0].user, files[0].bot
        names = self._world.bot_uploads if bot else "both"
        more |= {"bot": bot, "files": files, "names": names, "subtype": "file_share"}
        message = self.post(channel, by, comment, **more)
        for file in files:
            event = {"file_id": file.id, "user_id": by.id, "file": {"id": file.id}}
            shared = event | {"type": "file_shared", "channel_id": channel.id, "event_ts": message.ts}
            self._bus.in_channel(channel, shared)
        return message

    def delete_file(self, file: File) -> None:
        """The messages that show it stay, with a tombstone of it."""
        before = {one: _pushed(one) for messages in file.shares.values() for one in messages}
        file.is_deleted, file.content = True, b""
        for channel in file.shares:
            event = {"type": "file_deleted", "file_id": file.id, "channel_ids": [channel.id]}
            self._bus.in_channel(channel, event)
        for message, told in before.items():
            self._changed(message, told, self._world.new_ts(message.channel))


def _pushed(message: Message) -> Json:
    """A message as events tell it: in a shared channel its files are to be asked for."""
    told = message_json(message)
    if message.channel.is_shared and message.files:
        told["files"] = [
            one if one.get("mode") == "tombstone" else file_stub(one["id"]) for one in told["files"]
        ]
    return told
