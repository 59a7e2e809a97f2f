"""The Client-Server API on the wire: requests out, checked JSON in, errors of our own. Blocking.

The facts about the wire stand in README.md beside this file. Knows no model and no relay.
"""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Final
from urllib.parse import quote, urlsplit

from connectors import net
from connectors.errors import DeliveryUnknown, LoginRejected, MessageRejected, RetryLater
from connectors.matrix.refusals import USER_CLOSED_CODES, answered, broken, code_of, refused, shown
from sameroom import clock

Json = dict[str, Any]
V3: Final = "/_matrix/client/v3"
V1: Final = "/_matrix/client/v1"
DEVICE_NAME: Final = "Sameroom"
READ_DEADLINE: Final = 10.0
# Over federation a join or the making of a room takes long; Synapse itself gives up after 60 s.
ENTER_DEADLINE: Final = 30.0
MEBIBYTE: Final = 1024 * 1024
# An event is 64 KiB at the most, so this is what a page of the largest ones comes to.
PAGE_BYTES: Final = 64 * MEBIBYTE


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `writes`: it changes what people see; `in_room`: it is about a room we were in."""

    method: str
    path: str
    params: Mapping[str, str | int] | None = None
    body: Json | None = None
    data: Iterable[bytes] | None = None
    headers: Mapping[str, str] | None = None
    writes: bool = False
    in_room: bool = False
    max_bytes: int = 2 * MEBIBYTE
    deadline: float = READ_DEADLINE


def through(via: str) -> dict[str, str | int]:
    """The parameters of a join by way of a server: `via` since v1.12, `server_name` before."""
    return {"via": via, "server_name": via} if via else {}


def path(*parts: str, api: str = V3) -> str:
    """A path of the API with each part encoded: ids hold `!`, `:`, `$`, `#` and `/`."""
    return "/".join([api, *(quote(part, safe="") for part in parts)])


class MatrixClient:
    """One access token at one homeserver. Every method is one request."""

    def __init__(
        self,
        server: str,
        token: str,
        ca_certificate: str | None = None,
        acting_as: str = "",
        ends: float = math.inf,
    ) -> None:
        self.server = server
        self._token = token
        self._ca_certificate = ca_certificate
        self._acting_as = acting_as
        self._ends = ends

    def acting_as(self, user: str) -> MatrixClient:
        """The same token in the name of another user: for application services, and their own users only."""
        return MatrixClient(self.server, self._token, self._ca_certificate, user, self._ends)

    def within(self, seconds: float) -> MatrixClient:
        """The same for requests that all end within so many seconds; then RetryLater, and nothing is sent."""
        ends = min(self._ends, clock.monotonic() + seconds)
        return MatrixClient(self.server, self._token, self._ca_certificate, self._acting_as, ends)

    # ------------------------------------------------------------------ who

    def whoami(self) -> Json:
        """`user_id`, and the `device_id` of the token. LoginRejected."""
        return self._call(Call("GET", path("account", "whoami")))

    def profile(self, user: str) -> Json:
        """`displayname` and `avatar_url`, as far as they are set."""
        call = Call("GET", path("profile", user))
        answer = self._ask(call)
        return {} if answer.status in (403, 404) else _good(answer, call)

    def log_out(self) -> None:
        """End the token, and with it its device."""
        self._call(Call("POST", path("logout"), body={}))

    def upload_limit(self) -> int | None:
        """Bytes of one file, where the server tells."""
        answer = self._ask(Call("GET", path("media", "config", api=V1)))
        if answer.status != 200:  # before v1.11 it stood elsewhere, and some servers have none
            return None
        limit = answered(answer).get("m.upload.size")
        return limit if isinstance(limit, int) and not isinstance(limit, bool) and limit > 0 else None

    # ------------------------------------------------------------------ rooms

    def sync(self, filter_: Json) -> Json:
        """A first sync, which returns at once; nothing is taken for read by it."""
        # Synapse keeps the answer to a first sync for two minutes, told apart by its parameters
        # (`sync_response_cache_duration`): how many presences out of none makes each a new one.
        unlike = filter_ | {"presence": {"types": [], "limit": 1 + secrets.randbelow(2**31 - 1)}}
        params: dict[str, str | int] = {"filter": json.dumps(unlike), "timeout": 0}
        call = Call("GET", path("sync"), params=params, max_bytes=PAGE_BYTES, deadline=ENTER_DEADLINE)
        return self._call(call)

    def messages(self, room: str, filter_: Json, count: int, start: str = "") -> Json:
        """`count` events of a room, newest first, the newest ones or those before a token. RoomGone."""
        params: dict[str, str | int] = {"dir": "b", "limit": count, "filter": json.dumps(filter_)}
        where = path("rooms", room, "messages")
        params |= {"from": start} if start else {}
        call = Call("GET", where, params=params, in_room=True, max_bytes=PAGE_BYTES)
        return self._call(call)

    def join(self, room: str, via: str = "") -> str:
        """Enter a room by its id or alias, or accept an invitation; its id. RoomGone where it is closed.

        `via` is a server that is in the room; an id alone does not tell one.
        """
        where = path("join", room)
        call = Call("POST", where, params=through(via), body={}, in_room=True, deadline=ENTER_DEADLINE)
        return str(self._call(call).get("room_id") or room)

    def create_room(self, options: Json) -> str:
        """Make a room; its id. MessageRejected, DeliveryUnknown: done twice, there are two."""
        where = path("createRoom")
        call = Call("POST", where, body=options, writes=True, deadline=ENTER_DEADLINE)
        answer = self._ask(call)
        code = code_of(answer)
        if answer.status in (400, 403) and code and code not in USER_CLOSED_CODES:
            raise MessageRejected(f"Matrix did not make the room ({shown(code)}).")
        made = _good(answer, call).get("room_id")
        if not isinstance(made, str) or not made.startswith("!"):
            raise DeliveryUnknown("Matrix made a room without saying which. Look for it in a Matrix app.")
        return made

    def leave(self, room: str) -> None:
        """Go out of a room."""
        self._call(Call("POST", path("rooms", room, "leave"), body={}, in_room=True))

    def state(self, room: str, kind: str) -> Json:
        """The content of a state event, {} where there is none for us."""
        call = Call("GET", path("rooms", room, "state", kind, ""))
        answer = self._ask(call)
        return {} if answer.status in (403, 404) else _good(answer, call)

    def event(self, room: str, event: str) -> Json:
        """One event as it is now. RoomGone where there is none for us."""
        return self._call(Call("GET", path("rooms", room, "event", event), in_room=True))

    def invite(self, room: str, user: str) -> None:
        """Ask another user into a room. RoomGone where we may not."""
        body = {"user_id": user}
        self._call(Call("POST", path("rooms", room, "invite"), body=body, in_room=True))

    # ------------------------------------------------------------------ users of an application service

    def register(self, localpart: str) -> None:
        """Make a user; one that is there is made. LoginRejected where the name is not ours to give."""
        body = {"type": "m.login.application_service", "username": localpart, "inhibit_login": True}
        call = Call("POST", path("register"), body=body)
        answer = self._ask(call)
        code = code_of(answer)
        if answer.status in (400, 401, 403) and code and code != "M_USER_IN_USE":
            raise LoginRejected(
                f"This token may make no user called {localpart} ({shown(code)}). "
                "Compare the prefix with the registration file of the application service."
            )
        if code != "M_USER_IN_USE":
            _good(answer, call)

    def set_profile(self, user: str, name: str, value: str) -> None:
        """Set the `displayname` or the `avatar_url` of the user that we act as."""
        self._call(Call("PUT", path("profile", user, name), body={name: value}))

    # ------------------------------------------------------------------ writing

    def send(self, room: str, kind: str, content: Json, *, key: str, deadline: float) -> str:
        """Put an event into a room; its id. The same `key` puts it there once."""
        where = path("rooms", room, "send", kind, key or secrets.token_hex(16))
        call = Call("PUT", where, body=content, writes=True, in_room=True, deadline=deadline)
        return str(self._call(call).get("event_id") or "")

    def redact(self, room: str, event: str, *, deadline: float) -> None:
        """Take an event back. Done twice it is done once."""
        where = path("rooms", room, "redact", event, secrets.token_hex(16))
        self._call(Call("PUT", where, body={}, writes=True, in_room=True, deadline=deadline))

    def reactions(self, room: str, event: str, start: str = "") -> Json:
        """A page of the reactions to an event, newest first."""
        where = path("rooms", room, "relations", event, "m.annotation", "m.reaction", api=V1)
        params: dict[str, str | int] = {"limit": 100, **({"from": start} if start else {})}
        return self._call(Call("GET", where, params=params, in_room=True, max_bytes=PAGE_BYTES))

    # ------------------------------------------------------------------ media

    def upload(self, pieces: Iterable[bytes], *, name: str, content_type: str, deadline: float) -> str:
        """Store a file; its `mxc://` address. Nobody sees it before an event names it: may be repeated.

        `pieces` have a length, in bytes.
        """
        headers = {"Content-Type": content_type}
        where = path("upload", api="/_matrix/media/v3")
        params = {"filename": name}
        told = self._call(Call("POST", where, params=params, data=pieces, headers=headers, deadline=deadline))
        address = told.get("content_uri")
        if not isinstance(address, str) or not address.startswith("mxc://"):
            raise RetryLater("The homeserver took a file without saying where it is.")
        return address

    def download(self, media: Sequence[str], into: BinaryIO, *, most: int, deadline: float) -> net.Answer:
        """Write a file of `mxc://server/id` into `into`. The answer, whatever its status. net.TooLarge.

        A homeserver may send on to a host of its storage, which does not get the token.
        """
        try:
            return net.download(
                f"{self.server}{path('media', 'download', *media, api=V1)}",
                into,
                deadline=deadline,
                max_bytes=most,
                headers=self._authorised(),
                ca_certificate=self._ca_certificate,
                secrets=[self._token],
            )
        except net.TooLarge:
            raise
        except net.NetError as error:
            raise broken(error, self.server) from None

    # ------------------------------------------------------------------ below

    def _call(self, call: Call) -> Json:
        return _good(self._ask(call), call)

    def _ask(self, call: Call) -> net.Answer:
        left = self._ends - clock.monotonic()
        if left <= 0:
            raise broken(net.Cut(f"{urlsplit(self.server).netloc} took too long"), self.server)
        try:
            return net.request(
                call.method,
                f"{self.server}{call.path}",
                deadline=min(call.deadline, max(0.1, round(left, 1))),  # errors name it
                max_bytes=call.max_bytes,
                headers={**self._authorised(), **(call.headers or {})},
                params={**(call.params or {}), **({"user_id": self._acting_as} if self._acting_as else {})},
                json=call.body,
                data=call.data,
                ca_certificate=self._ca_certificate,
                secrets=[self._token],
            )
        except net.NetError as error:
            raise broken(error, self.server, writes=call.writes) from None

    def _authorised(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}


def _good(answer: net.Answer, call: Call) -> Json:
    if not 200 <= answer.status < 300:
        refused(answer, writes=call.writes, in_room=call.in_room)
    return answered(answer, writes=call.writes)


def log_in(server: str, user: str, password: str, ca_certificate: str | None = None) -> Json:
    """Make a session of our own: `access_token`, `device_id`, `user_id`. Network I/O, two requests.

    Each call makes another device. LoginRejected where the server takes no password, or not this one.
    """
    client = MatrixClient(server, "", ca_certificate)
    flows = client._call(Call("GET", path("login"))).get("flows")
    kinds = [flow.get("type") for flow in flows if isinstance(flow, dict)] if isinstance(flows, list) else []
    if "m.login.password" not in kinds:
        raise LoginRejected(
            "This homeserver takes no passwords, only a sign-in in the browser. Use an access token instead."
        )
    body = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": user},
        "password": password,
        "initial_device_display_name": DEVICE_NAME,
    }
    call = Call("POST", path("login"), body=body)
    answer = client._ask(call)
    if answer.status in (400, 403) and (code := code_of(answer)):
        if code == "M_FORBIDDEN":
            raise LoginRejected("Matrix does not know this user name with this password. Check both.")
        raise LoginRejected(f"Matrix refused the login ({shown(code)}).")
    return _good(answer, call)
