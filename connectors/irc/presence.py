"""Which channels the sessions are in, for those who ask elsewhere: other processes, and the hourly check.

Without it each look at a room would join it once more under another nick, before everybody's eyes. In the
cache, which may forget; then the look is made.
"""

from __future__ import annotations

import hashlib
from typing import Final

from django.core.cache import cache

from connectors.base import Login, RoomId, RoomInfo

KEPT: Final = 600  # seconds
REFRESH: Final = 240.0  # seconds after which it is said again


def tell(login: Login, rooms: dict[RoomId, str]) -> None:
    """We are in these, by these names. Asks the cache: blocking."""
    cache.set_many({_key(login, room): name for room, name in rooms.items()}, KEPT)


def untell(login: Login, rooms: list[RoomId]) -> None:
    """We are not in these any more. Asks the cache: blocking."""
    cache.delete_many([_key(login, room) for room in rooms])


def recall(login: Login, room: RoomId) -> RoomInfo | None:
    """The room, where our session has been in it within the last minutes. Asks the cache: blocking."""
    name = cache.get(_key(login, room))
    return RoomInfo(id=room, name=str(name), key=login.key_of(room)) if name else None


def _key(login: Login, room: RoomId) -> str:
    named = "\n".join([login.server, login.credentials["nick"], login.user_id, room])
    return f"irc:in:{hashlib.sha256(named.encode()).hexdigest()[:40]}"
