"""Rooms and who may enter them."""

import re

from .clock import Clock
from .directory import Directory
from .records import Invalid, Missing, NameTaken, Room, User, new_version
from .store import Store
from .switches import Switches

NAME_LENGTH = 50
TOPIC_LENGTH = 250


def slug_of(name: str) -> str:
    """HipChat API v2, ids: the room's part of its XMPP address, which a rename leaves alone."""
    return re.sub(r"[\"&'/:<>@]", "", name).replace(" ", "_").lower()


class Rooms:
    def __init__(self, store: Store, clock: Clock, directory: Directory, switches: Switches) -> None:
        self._store = store
        self._switches = switches
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
            self._store.write("DELETE FROM absent WHERE room_id = ?", room.id)
            self._store.write("DELETE FROM webhooks WHERE room_id = ?", room.id)
            self._store.write("DELETE FROM messages WHERE chat = ?", room.chat)

    def get(self, room_id: int) -> Room:
        row = self._store.row("SELECT * FROM rooms WHERE id = ?", room_id)
        if row is None:
            raise Missing(f"Room {room_id} not found")
        return Room(**row)

    def find(self, group_id: int, key: str) -> Room:
        """A room of a group by id or name; switches tell which wins, and whether case matters."""
        finders = [self._by_id, self._by_name]
        if self._switches.numeric_name == "name":
            finders.reverse()
        for finder in finders:
            room = finder(group_id, key)
            if room:
                return room
        raise Missing(f"Room {key} not found")

    def _by_id(self, group_id: int, key: str) -> Room | None:
        if not re.fullmatch(r"[0-9]{1,15}", key):
            return None
        row = self._store.row("SELECT * FROM rooms WHERE group_id = ? AND id = ?", group_id, int(key))
        return Room(**row) if row else None

    def _by_name(self, group_id: int, key: str) -> Room | None:
        is_exact = self._switches.room_names == "exact"
        for room in self.of_group(group_id):
            if room.name == key or (not is_exact and room.name.lower() == key.lower()):
                return room
        return None

    def of_group(self, group_id: int | None = None) -> list[Room]:
        """Rooms by name or id, as a switch says; of all groups when none is given."""
        rows = self._store.rows("SELECT * FROM rooms WHERE ?1 IS NULL OR group_id = ?1 ORDER BY id", group_id)
        rooms = [Room(**row) for row in rows]
        return (
            rooms if self._switches.room_order == "id" else sorted(rooms, key=lambda room: room.name.lower())
        )

    def open_to(self, user: User) -> list[Room]:
        """Rooms the user may enter, archived ones included."""
        mine = self._numbers("SELECT room_id FROM members WHERE user_id = ?", user.id)
        return [room for room in self.of_group(user.group_id) if self._is_open(room, user) or room.id in mine]

    def may_enter(self, room: Room, user: User) -> bool:
        if room.group_id != user.group_id or user.is_deleted:
            return False
        return self._is_open(room, user) or user.id in self._listed(room)

    def members(self, room: Room) -> list[User]:
        """Who may enter: a private room's list, or the whole group and the guests who were let in."""
        users, listed = self._directory.users(room.group_id), self._listed(room)
        return [user for user in users if self._is_open(room, user) or user.id in listed]

    def participants(self, room: Room) -> list[User]:
        """Who is in the room now; here, everybody online who may enter and did not leave."""
        absent = self._numbers("SELECT user_id FROM absent WHERE room_id = ?", room.id)
        return [user for user in self.members(room) if user.is_online and user.id not in absent]

    def addressed(self, room: Room) -> list[User]:
        """Whom @all reaches: everybody with access to a private room, those present in an open one."""
        return self.members(room) if room.is_private else self.participants(room)

    def add_member(self, room_id: int, user_id: int) -> None:
        self._store.write("INSERT OR IGNORE INTO members VALUES (?, ?)", room_id, user_id)

    def remove_member(self, room_id: int, user_id: int) -> None:
        self._store.write("DELETE FROM members WHERE room_id = ? AND user_id = ?", room_id, user_id)

    def set_absent(self, room_id: int, user_id: int, *, is_absent: bool) -> None:
        if is_absent:
            self._store.write("INSERT OR IGNORE INTO absent VALUES (?, ?)", room_id, user_id)
        else:
            self._store.write("DELETE FROM absent WHERE room_id = ? AND user_id = ?", room_id, user_id)

    def _is_open(self, room: Room, user: User) -> bool:
        """Whether the user needs no invitation."""
        sees_all = user.is_group_admin and self._switches.group_admin == "all"
        return sees_all or not (room.is_private or user.is_guest)

    def _listed(self, room: Room) -> set[int]:
        return self._numbers("SELECT user_id FROM members WHERE room_id = ?", room.id)

    def _numbers(self, sql: str, row_id: int) -> set[int]:
        return {row[0] for row in self._store.rows(sql, row_id)}

    def _checked_name(self, group_id: int, name: str, *, but: int | None) -> str:
        name = name.strip()
        if not 1 <= len(name) <= NAME_LENGTH:
            raise Invalid("name", f"1 to {NAME_LENGTH} characters", f"{len(name)} characters")
        if any(room.name.lower() == name.lower() and room.id != but for room in self.of_group(group_id)):
            raise NameTaken("Another room exists with that name.")
        return name


def check_room(*, privacy: str, topic: str) -> None:
    if privacy not in ("public", "private"):
        raise Invalid("privacy", "public or private", privacy)
    if len(topic) > TOPIC_LENGTH:
        raise Invalid("topic", f"0 to {TOPIC_LENGTH} characters", f"{len(topic)} characters")
