"""What the sandbox stores, as plain values. Stamps are microseconds since 1970."""

import random
import string
from dataclasses import dataclass
from typing import Any

SCOPES = {
    "admin_group": "Administer Group",
    "admin_room": "Administer Room",
    "import_data": "Import Data",
    "manage_rooms": "Manage Rooms",
    "send_message": "Send Messages",
    "send_notification": "Send Notification",
    "view_group": "View Group",
    "view_messages": "View Messages",
    "view_room": "View Room",
}
SCOPES_MEAN = {
    "admin_group": "Do what an administrator of the group may",
    "admin_room": "Do what an administrator of a room may: topic, members, webhooks",
    "import_data": "Import users, rooms and history; for chosen add-ons",
    "manage_rooms": "Create, change and delete rooms",
    "send_message": "Send messages as the user",
    "send_notification": "Send notifications into rooms",
    "view_group": "See the group's users, rooms and emoticons",
    "view_messages": "Read the history of rooms and private chats",
    "view_room": "See rooms and who is in them, but not what is said",
}


COLORS = ("yellow", "green", "red", "purple", "gray")  # of notifications
FORMATS = ("html", "text")


class SandboxError(Exception):
    """A refusal with a sentence for whoever asked."""


class Missing(SandboxError):
    """No such group, user, room, message or token."""


class Invalid(SandboxError):
    """A field of a request that is not as it has to be."""

    def __init__(self, field: str, expected: str, given: str) -> None:
        super().__init__(f"{field} has to be {expected}, not {given}")
        self.field = field
        self.expected = expected
        self.given = given


class NameTaken(SandboxError):
    """A room of the group has that name already."""


@dataclass(frozen=True, slots=True)
class Group:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class User:
    id: int
    group_id: int
    name: str
    mention_name: str
    email: str
    title: str
    is_group_admin: bool
    is_online: bool
    created: int
    version: str
    is_guest: bool
    is_deleted: bool


@dataclass(frozen=True, slots=True)
class Room:
    id: int
    group_id: int
    name: str
    slug: str
    privacy: str
    topic: str
    owner_id: int
    is_archived: bool
    is_guest_accessible: bool
    created: int
    version: str

    @property
    def is_private(self) -> bool:
        return self.privacy == "private"

    @property
    def chat(self) -> str:
        """The key of the room's messages."""
        return f"room:{self.id}"

    @property
    def xmpp_jid(self) -> str:
        return f"{self.group_id}_{self.slug}@conf.hipchat.com"


@dataclass(frozen=True, slots=True)
class Token:
    """A personal token, or an add-on's when it has no user."""

    token: str
    client_id: str
    group_id: int
    user_id: int | None
    room_id: int | None
    label: str
    scopes: list[str]
    created: int
    expires: int
    is_revoked: bool

    @property
    def scope_labels(self) -> list[str]:
        return [SCOPES.get(scope, scope) for scope in self.scopes]


@dataclass(frozen=True, slots=True)
class Message:
    """One item of a chat's history; `text` is None once it is deleted."""

    seq: int
    id: str
    chat: str
    stamp: int
    type: str
    user_id: int | None
    sender: str | None
    text: str | None
    mentions: list[int]
    extra: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Upload:
    id: str
    name: str
    content_type: str
    content: bytes

    @property
    def is_image(self) -> bool:
        return self.content_type.startswith("image/")


@dataclass(frozen=True, slots=True)
class Emoticon:
    """A picture a group added; HipChat's own ones belong to no group."""

    id: int
    group_id: int | None
    shortcut: str
    creator_id: int | None
    created: int


@dataclass(frozen=True, slots=True)
class Webhook:
    id: int
    room_id: int
    client_id: str
    url: str
    event: str
    pattern: str
    name: str
    key: str


def new_version() -> str:
    """HipChat API v2: `version` is like an etag, eight of 0-9 and A-Z."""
    return "".join(random.choices(string.ascii_uppercase + string.digits, k=8))  # noqa: S311 - not a secret


def direct_chat(one: int, other: int) -> str:
    """The key of two users' private messages."""
    return f"direct:{min(one, other)}:{max(one, other)}"
