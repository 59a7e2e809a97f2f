"""Upgraded rooms: the old one's tombstone names the new one, and the new one names the old one. No I/O.

Matrix specification v1.16, Client-Server API, "Room upgrades". Either name alone could be anybody's: whoever
rules a room may point at any other, and whoever makes one may say that it comes after any other.
"""

from __future__ import annotations

import re
from typing import Final

from connectors.base import RoomId
from connectors.matrix.shapes import Json, table, text

TOMBSTONE, CREATION = "m.room.tombstone", "m.room.create"
_ID: Final = re.compile(r"![^\s/\x00-\x1f\x7f\ud800-\udfff]{1,254}")
BEING_UPGRADED: Final = "This room is being upgraded. Messages follow to the new one in a moment."


def successor(content: Json) -> RoomId | None:
    """The room that the content of a tombstone names."""
    named = text(content.get("replacement_room"))
    return RoomId(named) if _ID.fullmatch(named) else None


def via(event: Json) -> str:
    """A server that is in the new room: that of whoever wrote this tombstone."""
    return text(event.get("sender")).partition(":")[2]


def comes_after(creation: Json, room: str) -> bool:
    """Whether the content of a room's creation says that it is the one after `room`."""
    return text(table(creation.get("predecessor")).get("room_id")) == room


def upgraded(new: str) -> str:
    """The sentence for a room that goes on as one that cannot be entered."""
    return (
        f"This room was upgraded and goes on as {new[:255]}, which does not let the linked user in. "
        "Have the user invited there."
    )
