"""What is said in rooms, and who is told of it."""

from typing import Any

from . import previews
from .eras import is_usual, rewritten
from .markup import allowed
from .mentions import mentioned
from .messages import check_text
from .parts import Parts
from .records import COLORS, Message, Room, SandboxError, User, Webhook, direct_chat
from .shapes import message_item, room_stub, upload_extra, user_stub

LABELLED = {"both": "{sender} · {label}", "label": "{label}", "sender": "{sender}"}


class Talking(Parts):
    """The part of a `World` that posts messages of every kind and calls the webhooks."""

    def post_message(
        self, room_id: int, user_id: int, text: str, *, extra: dict[str, Any] | None = None
    ) -> Message:
        """Say something in a room as a person would, up to 32768 characters.

        `extra` holds further fields of the history's item, or others for its usual ones.
        """
        room, author = self.rooms.get(room_id), self.directory.user(user_id)
        check_text(text, shortest=0 if extra else 1, blank_ok=self.switches.blank_message == "accept")
        if not self.may_enter(room, author):
            raise SandboxError(f"{author.name} may not enter {room.name}")
        with_previews = self.switches.link_previews == "unfurler" and previews.last_link(text)
        if with_previews and previews.is_picture(with_previews):
            extra = {"message_links": previews.picture_links(with_previews)} | (extra or {})
        message = self.messages.add(
            room.chat, text, user_id=author.id, mentions=self._mentions(room, text, author.id), extra=extra
        )
        self._announce_message(room, "room_message", message)
        if with_previews and not previews.is_picture(with_previews):
            self._unfurl(message, with_previews)
        return message

    def post_file(
        self, room_id: int, user_id: int, *, name: str, content: bytes, content_type: str = "", text: str = ""
    ) -> Message:
        """Share a file in a room; without a content type its name tells what it is."""
        with self.store.transaction():
            upload = self.uploads.add(name, content_type, content, largest=self.switches.file_bytes)
            told = upload_extra(upload, authenticated=self.switches.authenticated_files)
            message = self.post_message(room_id, user_id, text, extra={"upload": told})
        item = message_item(message, self.people_of([message]), self.base_url)
        file = item.get("file") or item.get("authenticated_file")
        self._announce(self.rooms.get(room_id), "room_file_upload", {"sender": item["from"], "file": file})
        return message

    def post_notification(
        self, room_id: int, sender: str, text: str, *, message_format: str = "html", color: str = "yellow",
        label: str = "", sender_id: str = "sandbox-addon", sender_type: str = "addon", client_id: str = "",
        attach_to: str = "", card: dict[str, Any] | str | None = None,
    ) -> Message:  # fmt: skip
        """Post as an add-on; `sender_id="hipchat-clinky"` with `attach_to` is HipChat's link unfurler.

        Nothing is stripped of the text; a card that is a string arrives as it is.
        """
        room = self.rooms.get(room_id)
        extra: dict[str, Any] = {
            "color": color,
            "message_format": message_format,
            "notification_sender": {"type": sender_type, "id": sender_id}
            | ({"client_id": client_id} if client_id else {}),
        }
        extra |= {"attach_to": attach_to} if attach_to else {}
        extra |= {"card": card} if card else {}
        shown = LABELLED[self.switches.notification_from].format(sender=sender, label=label)
        message = self.messages.add(
            room.chat,
            text,
            kind="notification",
            sender=shown if label else sender,
            mentions=self._mentions(room, text, None) if message_format == "text" else [],
            extra=extra,
        )
        self._announce_message(room, "room_notification", message)
        return message

    def post_item(
        self, room_id: int, *, user_id: int | None = None, text: str | None = "", kind: str = "message",
        extra: dict[str, Any] | None = None, missing: list[str] | None = None,
    ) -> Message:  # fmt: skip
        """Put anything into a room's history: of any type, from nobody, with and without any field."""
        room = self.rooms.get(room_id)
        if user_id is not None:
            self.directory.user(user_id)
        extra = (extra or {}) | ({"missing": missing} if missing else {})
        return self.messages.add(room.chat, text, kind=kind, user_id=user_id, extra=extra)

    def post_direct(self, sender_id: int, user_id: int, text: str) -> Message:
        """A private message from one user to another."""
        sender, user = self.directory.user(sender_id), self.directory.user(user_id)
        return self.messages.add(direct_chat(sender.id, user.id), text, user_id=sender.id)

    def post_direct_file(
        self,
        sender_id: int,
        user_id: int,
        *,
        name: str,
        content: bytes,
        content_type: str = "",
        text: str = "",
    ) -> Message:
        """A file from one user to another."""
        sender, user = self.directory.user(sender_id), self.directory.user(user_id)
        with self.store.transaction():
            upload = self.uploads.add(name, content_type, content, largest=self.switches.file_bytes)
            told = upload_extra(upload, authenticated=self.switches.authenticated_files)
            chat = direct_chat(sender.id, user.id)
            return self.messages.add(chat, text, user_id=sender.id, extra={"upload": told})

    def edit_message(self, message_id: str, text: str) -> Message:
        """Change a text in place: same id, same date."""
        return self.messages.set_text(message_id, check_text(text))

    def delete_message(self, message_id: str) -> Message:
        """Take a text away; a switch tells whether its author goes too."""
        if self.switches.deleted_from == "null":
            self.messages.add_extra(message_id, {"from": None})
        return self.messages.set_text(message_id, None)

    def announce(self, room: Room, event: str, item: dict[str, Any] | None = None) -> None:
        """Call the webhooks that want this event, which is no message."""
        self._announce(room, event, item or {})

    def announce_of(self, room: Room, event: str, user: User, **more: Any) -> None:
        """The same, of something that a person did."""
        self._announce(room, event, {"sender": user_stub(user, self.base_url), **more})

    def _unfurl(self, message: Message, url: str) -> None:
        """HipChat API v2, item shapes: an add-on shows the page a message leads to."""
        room_id = int(message.chat.removeprefix("room:"))
        text = f'<a href="{url}">{url}</a>'
        self.post_notification(
            room_id, "Link", text, color="gray", sender_id=previews.UNFURLER, attach_to=message.id
        )

    def _mentions(self, room: Room, text: str, author_id: int | None) -> list[int]:
        if "@" not in text:
            return []
        return mentioned(
            text,
            group=self.directory.users(room.group_id),
            addressed=self.rooms.addressed(room),
            author_id=author_id,
        )

    def _announce_message(self, room: Room, event: str, message: Message) -> None:
        if self.webhooks.of_room(room.id):
            item = message_item(message, self.people_of([message]), self.base_url)
            self._announce(room, event, {"message": item}, text=message.text or "")

    def _announce(self, room: Room, event: str, item: dict[str, Any], *, text: str | None = None) -> None:
        told = item | {"room": room_stub(room, self.base_url)}
        if not is_usual(self.switches):
            told = rewritten(told, self.switches)
        self.webhooks.fire(self._hooks(room, event), event, told, text=text, answered=self._answered)

    def _hooks(self, room: Room, event: str) -> list[Webhook]:
        """Those of the room; of a new room, which has none, those of the rooms beside it."""
        if event != "room_created":
            return self.webhooks.of_room(room.id)
        beside = self.rooms.of_group(room.group_id)
        return [hook for other in beside for hook in self.webhooks.of_room(other.id)]

    def _answered(self, hook: Webhook, body: dict[str, Any]) -> None:
        """HipChat API v2, webhooks: a receiver's answer may be a notification for the room."""
        text, color = body.get("message"), body.get("color")
        if not isinstance(text, str) or not text.strip():
            return
        is_text = body.get("message_format") == "text"
        self.post_notification(
            hook.room_id,
            hook.name or "Webhook",
            text if is_text else allowed(text),
            message_format="text" if is_text else "html",
            color=str(color) if color in COLORS else COLORS[0],
        )
