"""The calls of a stream: long polls and what they leave open. asyncio; refusals as in `client`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from connectors import net
from connectors.errors import RetryLater
from connectors.matrix.client import ENTER_DEADLINE, PAGE_BYTES, READ_DEADLINE, V3, path, through
from connectors.matrix.refusals import answered, broken, code_of, refused
from connectors.matrix.shapes import Json
from connectors.net.waiting import Connections

POLL: Final = 30.0  # seconds that the server may keep a poll
GRACE: Final = 15.0  # seconds that its answer may take on top
PAGE: Final = 100  # events
# Of a room that others' servers take part in, a server may have to fetch a page from them; no lane waits.
PAGE_DEADLINE: Final = 40.0  # seconds


class TokenUnknown(Exception):
    """The server cannot go on from this token any more."""


class TooMuch(RetryLater):
    """An answer is longer than we read: asked for in the same way, it would be so again."""


class Polls:
    """One access token at one homeserver. asyncio; every method is one request, and may be repeated."""

    def __init__(self, http: Connections, server: str, token: str) -> None:
        self._http = http
        self._server, self._token = server, token

    async def sync(self, filter_: Json, since: str, *, waits: bool) -> Json:
        """What happened since a token; where it `waits`, as soon as something did.

        LoginRejected, RetryLater, TokenUnknown, TooMuch.
        """
        params: dict[str, str | int] = {"filter": _compact(filter_), "set_presence": "offline"}
        params |= {"timeout": int(POLL * 1000) if waits else 0}
        params |= {"since": since} if since else {}
        answer = await self._ask(f"{V3}/sync", params, deadline=POLL + GRACE)
        if answer.status == 400 and since and code_of(answer):  # the homeserver's own word, no proxy's
            raise TokenUnknown
        return self._good(answer)

    async def messages(self, room: str, filter_: Json, *, start: str = "", end: str = "") -> Json:
        """A page of a room, newest first, from one token back to another. RoomGone."""
        params: dict[str, str | int] = {"dir": "b", "limit": PAGE, "filter": _compact(filter_)}
        params |= {"from": start} if start else {}
        params |= {"to": end} if end else {}
        where = path("rooms", room, "messages")
        return self._good(await self._ask(where, params, deadline=PAGE_DEADLINE), in_room=True)

    async def event(self, room: str, event: str) -> Json:
        """One event as it is now, {} where there is none for us."""
        answer = await self._ask(path("rooms", room, "event", event))
        if 400 <= answer.status < 500 and answer.status not in (401, 408, 429):
            return {}  # asked again it would be the same, and the stream would not go on
        return self._good(answer)

    async def join(self, room: str, via: str) -> str:
        """Enter a room by way of a server that is in it; its id. RoomGone where it is closed."""
        try:
            answer = await self._http.post(
                f"{self._server}{path('join', room)}",
                deadline=ENTER_DEADLINE,
                headers=self._authorised(),
                params=through(via),
                json={},
                secrets=[self._token],
            )
        except net.NetError as error:
            raise broken(error, self._server) from None
        return str(self._good(answer, in_room=True).get("room_id") or room)

    async def state(self, room: str, kind: str) -> Json:
        """The content of a state event. RoomGone where there is none for us."""
        return self._good(await self._ask(path("rooms", room, "state", kind, "")), in_room=True)

    async def _ask(
        self, where: str, params: Mapping[str, str | int] | None = None, *, deadline: float = READ_DEADLINE
    ) -> net.Answer:
        try:
            return await self._http.get(
                f"{self._server}{where}",
                deadline=deadline,
                max_bytes=PAGE_BYTES,
                headers=self._authorised(),
                params=params,
                secrets=[self._token],
            )
        except net.TooLarge as error:
            raise TooMuch(str(broken(error, self._server))) from None
        except net.NetError as error:
            raise broken(error, self._server) from None

    def _authorised(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def _good(self, answer: net.Answer, *, in_room: bool = False) -> Json:
        if answer.status != 200:
            refused(answer, in_room=in_room)
        return answered(answer)


def _compact(filter_: Json) -> str:
    return json.dumps(filter_, separators=(",", ":"))
