"""Rooms and who may enter them."""

import re

from .clock import Clock
from .directory import Directory
from .records import Missing, Room, SandboxError, User, new_version
from .store import Store

NAME_LENGTH = 50
TOPIC_LENGTH = 250


def slug_of(name: str) -> str:
    """HipChat API v2, ids: the room's part of its XMPP address, which a rename leaves alone."""
    return re.sub(r"[\"&'/:<>@]", "", name).replace(" ", "_").lower()


class Rooms:
    def __init__(self, store: Store, clock: Clock, directory: Directory) -> None:
        self._store = store
        self._clock = clock
        self._directory = directory

    def create(self, owner: User, name: str, *, privacy: str = "public", topic: str = "") -> Room:
        """Open a room in the owner's group; a private one starts with the owner as its member."""
        name = self._checked_name(owner.group_id, name, but=None)
        check_room(privacy=privacy, topic=topic)
        with self._store.transaction():
            room_id = self._store.next_id()
            self._store.insert(
                "rooms",
                id=room_id,
                group_id=owner.group_id,
                name=name,
                slug=slug_of(name),
                privacy=privacy,
                topic=topic,
                owner_id=owner.id,
                is_archived=False,
                is_guest_accessible=False,
                created=self._clock.micros(),
                version=new_version(),
            )
            self.add_member(room_id, owner.id)
        return self.get(room_id)

    def update(
        self,
        room: Room,
        *,
        name: str | None = None,
        privacy: str | None = None,
        topic: str | None = None,
        is_archived: bool | None = None,
        is_guest_accessible: bool | None = None,
        owner_id: int | None = None,
    ) -> Room:
        """Change what is given; the id and the XMPP address stay."""
        if name is not None:
            name = self._checked_name(room.group_id, name, but=room.id)
        check_room(privacy=privacy or room.privacy, topic=topic or "")
        wanted = {
            "name": name,
            "privacy": privacy,
            "topic": topic,
            "is_archived": is_archived,
            "is_guest_accessible": is_guest_accessible,
            "owner_id": owner_id,
        }
        changes = {column: value for column, value in wanted.items() if value is not None}
        with self._store.transaction():
            self._store.update("rooms", room.id, version=new_version(), **changes)
            if owner_id is not None:
                self.add_member(room.id, owner_id)
        return self.get(room.id)

    def delete(self, room: Room) -> None:
        with self._store.transaction():
            self._store.write("DELETE FROM rooms WHERE id = ?", room.id)
            self._store.write("DELETE FROM members WHERE room_id = ?", room.id)
            self._store.write("DELETE FROM webhooks WHERE room_id = ?", room.id)
            self._store.write("DELETE FROM messages WHERE chat = ?", room.chat)

    def get(self, room_id: int) -> Room:
        row = self._store.row("SELECT * FROM rooms WHERE id = ?", room_id)
        if row is None:
            raise Missing(f"Room {room_id} not found")
        return Room(**row)

    def find(self, group_id: int, key: str) -> Room:
        """A room of a group by id, or by name in any case; an id wins."""
        by_id = int(key) if re.fullmatch(r"[0-9]{1,15}", key) else -1
        row = self._store.row("SELECT * FROM rooms WHERE group_id = ? AND id = ?", group_id, by_id)
        if row:
            return Room(**row)
        for room in self.of_group(group_id):
            if room.name.lower() == key.lower():
                return room
        raise Missing(f"Room {key} not found")

    def of_group(self, group_id: int | None = None) -> list[Room]:
        """Rooms by name; of all groups when none is given."""
        rows = self._store.rows("SELECT * FROM rooms WHERE ?1 IS NULL OR group_id = ?1", group_id)
        return sorted((Room(**row) for row in rows), key=lambda room: (room.name.lower(), room.id))

    def open_to(self, user: User) -> list[Room]:
        """Rooms the user may enter, archived ones included."""
        mine = {row[0] for row in self._store.rows("SELECT room_id FROM members WHERE user_id = ?", user.id)}
        return [room for room in self.of_group(user.group_id) if not room.is_private or room.id in mine]

    def may_enter(self, room: Room, user_id: int) -> bool:
        if not room.is_private:
            return True
        return (
            self._store.row("SELECT 1 FROM members WHERE room_id = ? AND user_id = ?", room.id, user_id)
            is not None
        )

    def members(self, room: Room) -> list[User]:
        """Who may enter: a private room's list, or the whole group."""
        users = self._directory.users(room.group_id)
        if not room.is_private:
            return users
        listed = {
            row[0] for row in self._store.rows("SELECT user_id FROM members WHERE room_id = ?", room.id)
        }
        return [user for user in users if user.id in listed]

    def participants(self, room: Room) -> list[User]:
        """Who is in the room now; here, everybody online who may enter."""
        return [user for user in self.members(room) if user.is_online]

    def addressed(self, room: Room) -> list[User]:
        """Whom @all reaches: everybody with access to a private room, those present in an open one."""
        return self.members(room) if room.is_private else self.participants(room)

    def add_member(self, room_id: int, user_id: int) -> None:
        self._store.write("INSERT OR IGNORE INTO members VALUES (?, ?)", room_id, user_id)

    def remove_member(self, room_id: int, user_id: int) -> None:
        self._store.write("DELETE FROM members WHERE room_id = ? AND user_id = ?", room_id, user_id)

    def _checked_name(self, group_id: int, name: str, *, but: int | None) -> str:
        name = name.strip()
        if not 1 <= len(name) <= NAME_LENGTH:
            raise SandboxError(f"name has to be 1 to {NAME_LENGTH} characters long")
        if any(room.name.lower() == name.lower() and room.id != but for room in self.of_group(group_id)):
            raise SandboxError("Another room exists with that name.")
        return name


def check_room(*, privacy: str, topic: str) -> None:
    if privacy not in ("public", "private"):
        raise SandboxError("privacy is public or private")
    if len(topic) > TOPIC_LENGTH:
        raise SandboxError(f"topic has to be 0 to {TOPIC_LENGTH} characters long")
