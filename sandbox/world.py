"""One HipChat to play with: its people, rooms, messages, limits and moods.

A `World` knows nothing of HTTP. Its methods are what the control plane offers under the same names,
so a test in the same process does without requests.
"""

import dataclasses
import threading
from collections.abc import Iterable
from typing import Any, TypeVar

from .clock import Clock
from .directory import Directory
from .faults import Fault, Faults
from .limits import Limits
from .mentions import mentioned
from .messages import Messages, check_text
from .records import Group, Message, Missing, Room, SandboxError, Token, Upload, User, direct_chat
from .rooms import Rooms
from .seed import seed
from .shapes import message_item, people_in, room_stub, upload_extra, user_stub
from .store import Store
from .switches import Switches
from .tokens import Tokens
from .uploads import Uploads
from .webhooks import Webhooks

# HipChat API v2, rate limits: what a personal token gets.
REQUEST_LIMIT = 100
FLOOD_LIMIT = 30
Found = TypeVar("Found")


class World:
    def __init__(
        self,
        database: str = ":memory:",
        *,
        request_limit: int = REQUEST_LIMIT,
        flood_limit: int = FLOOD_LIMIT,
        seeded: bool = True,
    ) -> None:
        self.clock = Clock()
        self.store = Store(database)
        self.directory = Directory(self.store, self.clock)
        self.rooms = Rooms(self.store, self.clock, self.directory)
        self.tokens = Tokens(self.store, self.clock)
        self.messages = Messages(self.store, self.clock)
        self.uploads = Uploads(self.store)
        self.webhooks = Webhooks(self.store)
        self.limits = Limits(self.clock, request_limit=request_limit, flood_limit=flood_limit)
        self.faults = Faults()
        self.switches = Switches()
        self.closing = threading.Event()
        self.base_url = "http://127.0.0.1"  # where webhooks say the sandbox is
        with self.store.transaction():  # two processes may open a new file at once
            if seeded and not self.directory.groups():
                seed(self)

    def close(self) -> None:
        """Let go of the file and wake whoever sleeps in a fault."""
        self.closing.set()
        self.webhooks.close()
        self.store.close()

    # ------------------------------------------------------------- everything
    def reset(self, *, seeded: bool = True) -> None:
        """Back to the first start: data, faults, switches, counters and clock."""
        with self.store.transaction():
            self.store.clear()
            if seeded:
                seed(self)
        self.faults.clear()
        self.limits.clear()
        self.set_switches(**dataclasses.asdict(Switches()))
        self.clock.offset = 0.0

    def dump(self) -> dict[str, Any]:
        """All there is, each room with its messages in order."""
        return {
            "groups": [dataclasses.asdict(group) for group in self.directory.groups()],
            "users": [dataclasses.asdict(user) for user in self.directory.users()],
            "tokens": [dataclasses.asdict(token) for token in self.tokens.all()],
            "rooms": [
                dataclasses.asdict(room)
                | {
                    "xmpp_jid": room.xmpp_jid,
                    "members": [user.id for user in self.rooms.members(room)] if room.is_private else None,
                    "messages": [dataclasses.asdict(message) for message in self.messages.all(room.chat)],
                }
                for room in self.rooms.of_group()
            ],
            "switches": dataclasses.asdict(self.switches),
            "limits": {"requests": self.limits.requests.limit, "sends": self.limits.sends.limit},
            "now": self.clock.micros(),
        }

    # ------------------------------------------------------------- people and tokens
    def create_group(self, name: str, *, group_id: int | None = None) -> Group:
        return self.directory.create_group(name, group_id=group_id)

    def create_user(
        self, group_id: int, name: str, *, mention_name: str = "", email: str = "", title: str = "",
        is_group_admin: bool = False, is_online: bool = True,
    ) -> User:  # fmt: skip
        return self.directory.create_user(
            group_id,
            name,
            mention_name=mention_name,
            email=email,
            title=title,
            is_group_admin=is_group_admin,
            is_online=is_online,
        )

    def create_token(
        self, user_id: int, scopes: Iterable[str], *, label: str = "", expires_in: float | None = None
    ) -> Token:
        """A personal token; it lives a year unless `expires_in` says how many seconds."""
        user = self.directory.user(user_id)
        return self.tokens.create(
            group_id=user.group_id, user=user, scopes=scopes, label=label, expires_in=expires_in
        )

    def create_addon_token(
        self, group_id: int, scopes: Iterable[str], *, label: str = "", room_id: int | None = None
    ) -> Token:
        """A token that belongs to no user; with a room it is good for that room only."""
        return self.tokens.create(
            group_id=self.directory.group(group_id).id, user=None, scopes=scopes, label=label, room_id=room_id
        )

    def revoke_token(self, token: str) -> None:
        self.tokens.revoke(token)

    def expire_token(self, token: str) -> None:
        self.tokens.expire(token)

    # ------------------------------------------------------------- rooms
    def create_room(
        self,
        owner_id: int,
        name: str,
        *,
        privacy: str = "public",
        topic: str = "",
        members: Iterable[int] = (),
    ) -> Room:
        with self.store.transaction():
            room = self.rooms.create(self.directory.user(owner_id), name, privacy=privacy, topic=topic)
            for user_id in members:
                self.rooms.add_member(room.id, self.directory.user(user_id).id)
        return room

    def rename_room(self, room_id: int, name: str) -> Room:
        return self.rooms.update(self.rooms.get(room_id), name=name)

    def archive_room(self, room_id: int, *, archived: bool = True) -> Room:
        room = self.rooms.update(self.rooms.get(room_id), is_archived=archived)
        self._announce(room, "room_archived" if archived else "room_unarchived", {})
        return room

    def delete_room(self, room_id: int) -> None:
        room = self.rooms.get(room_id)
        self._announce(room, "room_deleted", {})
        self.rooms.delete(room)

    def set_topic(self, room_id: int, user_id: int, topic: str) -> Room:
        """Change the topic; the room's history tells who did."""
        user = self.directory.user(user_id)
        room = self.rooms.update(self.rooms.get(room_id), topic=topic)
        self.messages.add(room.chat, topic, kind="topic", user_id=user.id)
        self._announce(room, "room_topic_change", {"sender": user_stub(user, self.base_url), "topic": topic})
        return room

    def add_member(self, room_id: int, user_id: int) -> None:
        self.rooms.add_member(self.rooms.get(room_id).id, self.directory.user(user_id).id)

    def remove_member(self, room_id: int, user_id: int) -> None:
        self.rooms.remove_member(self.rooms.get(room_id).id, user_id)

    # ------------------------------------------------------------- messages
    def post_message(
        self, room_id: int, user_id: int, text: str, *, extra: dict[str, Any] | None = None
    ) -> Message:
        """Say something in a room as a person would, up to 32768 characters."""
        room, author = self.rooms.get(room_id), self.directory.user(user_id)
        check_text(text, shortest=0 if extra else 1)
        if not self.may_enter(room, author):
            raise SandboxError(f"{author.name} may not enter {room.name}")
        message = self.messages.add(
            room.chat, text, user_id=author.id, mentions=self._mentions(room, text, author.id), extra=extra
        )
        self._announce_message(room, "room_message", message)
        return message

    def post_file(
        self, room_id: int, user_id: int, *, name: str, content_type: str, content: bytes, text: str = ""
    ) -> Message:
        upload = self.uploads.add(name, content_type, content)
        message = self.post_message(room_id, user_id, text, extra={"upload": self._upload_extra(upload)})
        self._announce_file(message)
        return message

    def post_notification(
        self, room_id: int, sender: str, text: str, *, message_format: str = "html", color: str = "yellow",
        label: str = "", sender_id: str = "sandbox-addon", sender_type: str = "addon", client_id: str = "",
        attach_to: str = "", card: dict[str, Any] | None = None,
    ) -> Message:  # fmt: skip
        """Post as an add-on; `sender_id="hipchat-clinky"` with `attach_to` is HipChat's link unfurler."""
        room = self.rooms.get(room_id)
        extra: dict[str, Any] = {
            "color": color,
            "message_format": message_format,
            "notification_sender": {"type": sender_type, "id": sender_id}
            | ({"client_id": client_id} if client_id else {}),
        }
        extra |= {"attach_to": attach_to} if attach_to else {}
        extra |= {"card": card} if card else {}
        message = self.messages.add(
            room.chat,
            text,
            kind="notification",
            sender=f"{sender} · {label}" if label else sender,
            mentions=self._mentions(room, text, None) if message_format == "text" else [],
            extra=extra,
        )
        self._announce_message(room, "room_notification", message)
        return message

    def post_direct(self, sender_id: int, user_id: int, text: str) -> Message:
        """A private message from one user to another."""
        sender, user = self.directory.user(sender_id), self.directory.user(user_id)
        return self.messages.add(direct_chat(sender.id, user.id), text, user_id=sender.id)

    def edit_message(self, message_id: str, text: str) -> Message:
        """Change a text in place: same id, same date."""
        return self.messages.set_text(message_id, check_text(text))

    def delete_message(self, message_id: str) -> Message:
        return self.messages.set_text(message_id, None)

    # ------------------------------------------------------------- limits, switches, faults, time
    def set_limits(self, *, requests: int | None = None, sends: int | None = None) -> None:
        """New limits per 5 minutes and per minute; both windows start anew."""
        if requests is not None:
            self.limits.requests.limit = requests
            self.limits.requests.clear()
        if sends is not None:
            self.limits.sends.limit = sends
            self.limits.sends.clear()

    def exhaust_limit(self, token: str) -> None:
        """Make the token's next requests answer 429 until its window ends."""
        self.limits.requests.exhaust(token)

    def set_switches(self, **values: Any) -> None:
        """Change some switches; see `sandbox.switches`."""
        known = {field.name for field in dataclasses.fields(Switches)}
        for name, value in values.items():
            choices = Switches.CHOICES.get(name)
            if name not in known or (choices and value not in choices):
                raise SandboxError(f"{name}={value!r} is no switch position")
        for name, value in values.items():
            setattr(self.switches, name, value)
        delta = self.switches.reset_as_delta
        self.limits.requests.reset_as_delta = self.limits.sends.reset_as_delta = delta

    def add_fault(self, **fault: Any) -> None:
        """Spoil coming requests; the fields are those of `sandbox.faults.Fault`."""
        try:
            self.faults.add(Fault(**fault))
        except (TypeError, ValueError) as error:
            raise SandboxError(str(error)) from error

    def clear_faults(self) -> None:
        self.faults.clear()

    def advance_clock(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def request_counts(self) -> dict[str, dict[str, int]]:
        """Requests per token, by call ("GET room/history/latest") and as "total"."""
        return self.limits.counts()

    def clear_counts(self) -> None:
        self.limits.clear_counts()

    # ------------------------------------------------------------- questions
    def may_enter(self, room: Room, user: User) -> bool:
        return room.group_id == user.group_id and self.rooms.may_enter(room, user.id)

    def group_named(self, name: str) -> Group:
        return _only([group for group in self.directory.groups() if group.name == name], name)

    def user_named(self, name: str, *, group: str = "") -> User:
        """The person of that name; the group tells the two bots apart."""
        group_id = self.group_named(group).id if group else None
        return _only([user for user in self.directory.users(group_id) if user.name == name], name)

    def room_named(self, name: str) -> Room:
        return _only([room for room in self.rooms.of_group() if room.name == name], name)

    def people_of(self, messages: Iterable[Message]) -> dict[int, User]:
        return self.directory.users_by_id(people_in(messages))

    def _upload_extra(self, upload: Upload) -> dict[str, Any]:
        return upload_extra(upload, authenticated=self.switches.authenticated_files)

    def _mentions(self, room: Room, text: str, author_id: int | None) -> list[int]:
        if "@" not in text:
            return []
        return mentioned(
            text,
            group=self.directory.users(room.group_id),
            addressed=self.rooms.addressed(room),
            author_id=author_id,
        )

    def _announce_file(self, message: Message) -> None:
        room = self.rooms.get(int(message.chat.removeprefix("room:")))
        if self.webhooks.of_room(room.id):
            item = message_item(message, self.people_of([message]), self.base_url)
            file = item.get("file") or item.get("authenticated_file")
            self._announce(room, "room_file_upload", {"sender": item["from"], "file": file})

    def _announce_message(self, room: Room, event: str, message: Message) -> None:
        if self.webhooks.of_room(room.id):
            item = message_item(message, self.people_of([message]), self.base_url)
            self._announce(room, event, {"message": item}, text=message.text or "")

    def _announce(self, room: Room, event: str, item: dict[str, Any], *, text: str = "") -> None:
        self.webhooks.fire(room.id, event, item | {"room": room_stub(room, self.base_url)}, text=text)


def _only(found: list[Found], name: str) -> Found:
    if len(found) != 1:
        raise Missing(f"{len(found) or 'none'} named {name}")
    return found[0]
