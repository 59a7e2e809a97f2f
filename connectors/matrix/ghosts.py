"""Ghosts: users of an application service, one for each name that we post under. Blocking.

Matrix specification v1.16, Application Service API: "Registration", "Identity assertion", "Server admin style
permissions". Only who runs a homeserver can give its token out.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections import OrderedDict
from contextlib import suppress
from threading import Lock
from typing import Final

from connectors.base import RoomId
from connectors.errors import ConnectorError, RoomGone
from connectors.files import fetch_public
from connectors.matrix.client import MEBIBYTE, MatrixClient
from connectors.matrix.files import Pieces
from connectors.matrix.shapes import text

_MOST: Final = 20_000  # ghosts in rooms
_PICTURE: Final = MEBIBYTE  # bytes, at the most
_PICTURE_DEADLINE: Final = 3.0  # seconds: a message waits for it, once for each ghost
_SHOWN: Final = 24  # characters of a name that its ghost's id shows

# By server, room and ghost: who was seen to be in. A process that starts anew asks anew.
_present: OrderedDict[tuple[str, str, str], None] = OrderedDict()
_lock = Lock()


class Ghosts:
    """The users whose names begin with a prefix, at the homeserver of the linked `user`.

    `service` has the token of the application service, `own` that of the linked user, who reads: Synapse
    gives no sync to application services.
    """

    def __init__(self, service: MatrixClient, own: MatrixClient, prefix: str, user: str) -> None:
        self._service, self._own, self._prefix, self._user = service, own, prefix, user
        self._home = user.partition(":")[2]

    def within(self, seconds: float) -> Ghosts:
        """The same, with requests that all end within so many seconds."""
        service, own = self._service.within(seconds), self._own.within(seconds)
        return Ghosts(service, own, self._prefix, self._user)

    def known_as(self, user: str) -> str:
        """Who a user is to the relay: a ghost is the account that it belongs to."""
        return self._user if self._is_ghost(user) else user

    def of(self, name: str) -> str:
        """The ghost of a name. No I/O."""
        readable = re.sub(r"[^a-z0-9]+", "-", name.lower())[:_SHOWN].strip("-")
        digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:10]
        return f"@{self._prefix}{readable or 'user'}-{digest}:{self._home}"

    def check(self) -> None:
        """Make one, so that a prefix that is not ours shows when the account is linked. LoginRejected."""
        self._service.register(self.of("Sameroom")[1:].partition(":")[0])

    def enter(self, room: RoomId, name: str, picture: str, *, anew: bool = False) -> MatrixClient:
        """The client that posts as the ghost of a name, in the room by now. RoomGone where it may not enter.

        Network I/O, once for each ghost and room, or `anew`; may be repeated.
        """
        ghost = self.of(name)
        acting = self._service.acting_as(ghost)
        key = (self._own.server, room, ghost)
        with _lock:
            is_present = key in _present and not anew
        if not is_present:
            self._make(acting, ghost, name, picture)
            try:
                acting.join(room)
            except RoomGone:
                self._own.invite(room, ghost)
                acting.join(room)
            with _lock:
                _present[key] = None
                while len(_present) > _MOST:
                    _present.popitem(last=False)
        return acting

    def author(self, room: RoomId, event: str) -> MatrixClient:
        """The client of whoever posted an event, where that is a ghost; else our own. One request."""
        sender = text(self._own.event(room, event).get("sender"))
        return self._service.acting_as(sender) if self._is_ghost(sender) else self._own

    def _is_ghost(self, user: str) -> bool:
        return user.startswith(f"@{self._prefix}") and user.endswith(f":{self._home}")

    def _make(self, acting: MatrixClient, ghost: str, name: str, picture: str) -> None:
        self._service.register(ghost[1:].partition(":")[0])
        acting.set_profile(ghost, "displayname", name)
        if picture:
            with suppress(ConnectorError):  # a name does without
                self._set_picture(acting, ghost, picture)

    def _set_picture(self, acting: MatrixClient, ghost: str, picture: str) -> None:
        held = io.BytesIO()
        fetch_public(picture, held, most=_PICTURE, deadline=_PICTURE_DEADLINE)
        body = Pieces(held, held.getbuffer().nbytes)
        address = acting.upload(body, name="picture", content_type="image/png", deadline=_PICTURE_DEADLINE)
        acting.set_profile(ghost, "avatar_url", address)


def forget() -> None:
    """As in a new process. For tests."""
    with _lock:
        _present.clear()
