"""Rooms, what was said in them, and the log of everything that happened. In memory, one thread."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import count
from typing import Any

Entry = dict[str, Any]  # one thing that happened in a room, as it goes over the wire


class Missing(LookupError):
    """There is no such room or message; `str(error)` is `room` or `message`."""


class Refused(Exception):
    """The caller may not do this; `str(error)` says why."""


@dataclass(slots=True)
class Item:
    """One message as it stands now."""

    id: str
    author_id: str
    author_name: str
    text: str
    said_at: float  # seconds since 1970
    key: str = ""
    reply_to: str = ""
    sender_name: str = ""
    sender_avatar_url: str = ""
    edits: list[str] = field(default_factory=list)  # the texts it was given later, in order
    is_deleted: bool = False
    is_late: bool = False  # its push was held back by a fault
    reactions: dict[str, list[str]] = field(default_factory=dict)  # emoji: ids of users


class Room:
    """The messages of one room by id, oldest first, and its log."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.items: dict[str, Item] = {}
        self.log: list[Entry] = []
        self.places: dict[str, int] = {}  # id of an entry: its place in the log

    def item(self, id_: str) -> Item:
        """The message of this id. Raises Missing where there is none, or where it was deleted."""
        item = self.items.get(id_)
        if item is None or item.is_deleted:
            raise Missing("message")
        return item

    def write(self, entry: Entry) -> None:
        """Append to the log; `seq` is the place, counted from one."""
        self.places[entry["id"]] = len(self.log)
        entry["seq"] = len(self.log) + 1
        self.log.append(entry)


class Store:
    """All rooms. Ids are never given twice, and no two things happen at the same time."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._last = 0.0
        self.clear()

    def clear(self) -> None:
        """Forget every room and every key."""
        self.rooms: dict[str, Room] = {}
        self.log: list[tuple[str, Entry]] = []  # what happened anywhere, with its room
        self._keys: dict[tuple[str, str, str], tuple[str, float]] = {}

    def add_room(self, name: str) -> Room:
        """The room of this name, made where there is none."""
        return self.rooms.get(name) or self.rooms.setdefault(name, Room(name))

    def room(self, name: str) -> Room:
        """The room of this name. Raises Missing."""
        try:
            return self.rooms[name]
        except KeyError:
            raise Missing("room") from None

    def post(self, room: Room, author: str, text: str, **more: str) -> Item:
        """Say something; `author` is a name, and its user's id is made of it. `more`: fields of Item."""
        item = Item(f"m{next(self._numbers)}", user_id(author), author, text, self._now())
        for name, value in more.items():
            setattr(item, name, value)
        room.items[item.id] = item
        self._log(room, "message", item.id, author, text=text, reply_to=item.reply_to)
        return item

    def post_once(self, room: Room, author: str, text: str, life: float, **more: str) -> Item:
        """The same, but a key that this author used within `life` seconds gives the first message."""
        key = (author, room.name, more.get("key", ""))
        used = self._keys.get(key) if key[2] else None
        if used and time.time() - used[1] <= life:
            return room.items[used[0]]
        item = self.post(room, author, text, **more)
        if key[2]:
            self._keys[key] = (item.id, item.said_at)
        return item

    def edit(self, room: Room, id_: str, text: str, by: str | None = None) -> None:
        """Replace a text. `by` may change only messages of their own: Refused. Missing."""
        item = _own(room.item(id_), by)
        if (item.edits[-1] if item.edits else item.text) != text:
            item.edits.append(text)
            self._log(room, "edit", self._event_id(), by or item.author_name, target=id_, text=text)

    def delete(self, room: Room, id_: str, by: str | None = None) -> None:
        """Take a message away; may be repeated. Refused, Missing, as `edit`."""
        item = room.items.get(id_)
        if item is not None and item.is_deleted:
            return
        item = _own(room.item(id_), by)
        item.is_deleted = True
        self._log(room, "delete", self._event_id(), by or item.author_name, target=id_)

    def react(self, room: Room, id_: str, name: str, emoji: str, *, add: bool) -> None:
        """Set a reaction or take it away; may be repeated. Missing."""
        users = room.item(id_).reactions.setdefault(emoji, [])
        user = user_id(name)
        if add is (user in users):
            return
        if add:
            users.append(user)
        else:
            users.remove(user)
        kind = "reaction" if add else "unreaction"
        self._log(room, kind, self._event_id(), name, target=id_, emoji=emoji)

    def _event_id(self) -> str:
        return f"e{next(self._numbers)}"

    def _log(self, room: Room, kind: str, id_: str, author: str, **more: str) -> None:
        at = self._last if kind == "message" else self._now()
        who = {"author_id": user_id(author), "author_name": author}
        entry = {"id": id_, "kind": kind, **who, "said_at": at, **more}
        room.write(entry)
        self.log.append((room.name, entry))

    def _now(self) -> float:
        self._last = max(time.time(), self._last + 1e-6)
        return self._last


def user_id(name: str) -> str:
    """The id of the user of this name."""
    return f"u-{name}"


def _own(item: Item, by: str | None) -> Item:
    if by is not None and item.author_name != by:
        raise Refused("not yours")
    return item
