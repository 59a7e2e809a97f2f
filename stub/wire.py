"""The public API: what a client with a token can ask for. README.md lists the calls."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from stub.faults import Fault
from stub.service import Service
from stub.store import Item, Missing, Refused, Room, user_id

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Cut = Callable[[], None]  # resets the connection
Json = dict[str, Any]
DEFAULT_LIMIT, MOST = 100, 1000
LONGEST_WAIT = 60.0  # seconds


@dataclass(slots=True)
class Request:
    """One request, read to its end."""

    method: str
    path: list[str]  # the parts of the path, decoded
    query: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    user: str = ""

    @property
    def room(self) -> str:
        return self.path[1] if len(self.path) > 1 else ""

    @property
    def what(self) -> str:
        """For faults: `send` a message, `write` anything else, or `read`."""
        if self.method == "POST" and len(self.path) == 3:
            return "send"
        return "read" if self.method == "GET" else "write"

    def json(self) -> Json:
        value = json.loads(self.body)
        if not isinstance(value, dict):
            raise ValueError("an object is wanted")
        return value


class Unsupported(Exception):
    """The ability is switched off, or there is no such call."""


class Api:
    """Answers requests, as the faults of the moment have it."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._users: dict[bytes, str] = {}

    async def answer(self, request: Request, cut: Cut, receive: Receive, send: Send) -> None:
        """Do what is asked and answer it; network I/O goes through `receive` and `send`."""
        service, what = self._service, request.what
        if what != "send":
            return await self._answer(request, what, cut, receive, send)
        service.sends += 1
        service.in_flight += 1
        service.most_in_flight = max(service.most_in_flight, service.in_flight)
        try:
            return await self._answer(request, what, cut, receive, send)
        finally:
            service.in_flight -= 1

    async def _answer(self, request: Request, what: str, cut: Cut, receive: Receive, send: Send) -> None:
        if request.path == ["stream"]:
            await self._service.wait_for_news(*_since_and_wait(request))
        faults = self._service.faults
        delay = faults.delay(request.room, what)
        if what == "send":
            delay += self._service.switches.latency
        # Half before and half after: a caller that is killed leaves a send that is stored later.
        if delay:
            await asyncio.sleep(delay / 2)
        fault = faults.spoil(request.room, what)
        status, answer = self.act(request) if fault is None or _is_done(fault) else (0, {})
        if delay:
            await asyncio.sleep(delay / 2)
        if fault is None:
            return await reply(send, status, answer)
        return await _spoilt(fault, status, answer, cut, receive, send)

    def act(self, request: Request) -> tuple[int, Json]:
        """Do what is asked: the status and the answer. No I/O."""
        try:
            request.user = self._login(request.headers)
            return self._act(request)
        except PermissionError:
            return 401, {"error": "login"}
        except Missing as error:
            return 404, {"error": str(error)}
        except Refused as error:
            return 403, {"error": str(error)}
        except Unsupported:
            return 405, {"error": "unsupported"}
        except (ValueError, KeyError, TypeError):
            return 400, {"error": "unreadable"}

    def _login(self, headers: list[tuple[bytes, bytes]]) -> str:
        """The name of the user whose token this is. Raises PermissionError."""
        for name, value in headers:
            if name == b"authorization":
                if value not in self._users:
                    self._users[value] = user_of(value.decode().removeprefix("Bearer "))
                return self._users[value]
        raise PermissionError

    def _act(self, request: Request) -> tuple[int, Json]:
        method, path = request.method, request.path
        match path:
            case ["rooms", name, "messages"] if method == "POST":
                return self._post(request, self._service.store.room(name))
            case ["rooms", name, "messages"] if method == "GET":
                return self._history(request, self._service.store.room(name))
            case ["rooms", name, "messages", id_, *rest]:
                return self._change(request, self._service.store.room(name), id_, rest)
            case ["stream"] if method == "GET":
                return self._stream(request)
            case ["me"] if method == "GET":
                return 200, {"id": user_id(request.user), "name": request.user}
            case ["rooms"] if method == "GET":
                return 200, {"rooms": [_shown(room) for room in self._service.store.rooms.values()]}
            case ["rooms", name] if method == "GET":
                return 200, _shown(self._service.store.room(name))
        raise Unsupported

    def _post(self, request: Request, room: Room) -> tuple[int, Json]:
        said, can = request.json(), self._service.switches
        if len(said["text"]) > can.max_text:
            return 413, {"error": "too long"}
        more = {"key": str(said.get("key") or "") if can.keys else ""}
        if can.sender:
            more |= {name: str(said.get(name) or "") for name in ("sender_name", "sender_avatar_url")}
        if can.replies and said.get("reply_to"):
            more["reply_to"] = room.item(said["reply_to"]).id
        before = len(room.log)
        item: Item = self._service.store.post_once(room, request.user, said["text"], can.key_life, **more)
        if len(room.log) > before:
            self._service.happened(room)
        return 200, {"id": item.id} if can.ids else {}

    def _history(self, request: Request, room: Room) -> tuple[int, Json]:
        if not self._service.switches.history:
            raise Unsupported
        query = parse_qs(request.query.decode(), keep_blank_values=True)
        limit = min(int(query.get("limit", [str(DEFAULT_LIMIT)])[0]), MOST)
        if "after" not in query:
            first = max(0, len(room.log) - limit)
            return 200, {"events": room.log[first:], "whole": first == 0}
        after = query["after"][0]
        first = room.places.get(after, -1) + 1 if after else 0
        gap = bool(after) and after not in room.places
        return 200, {
            "events": room.log[first : first + limit],
            "more": first + limit < len(room.log),
            "gap": gap,
        }

    def _stream(self, request: Request) -> tuple[int, Json]:
        if not self._service.switches.stream:
            raise Unsupported
        log, since = self._service.store.log, _since_and_wait(request)[0]
        told = log[since : since + DEFAULT_LIMIT]
        token = since + len(told) if since <= len(log) else len(log)
        return 200, {"events": [{"room": room, **entry} for room, entry in told], "token": str(token)}

    def _change(self, request: Request, room: Room, id_: str, rest: list[str]) -> tuple[int, Json]:
        store, can, user, before = self._service.store, self._service.switches, request.user, len(room.log)
        match request.method, rest:
            case "PUT", [] if can.edits:
                text = request.json()["text"]
                if len(text) > can.max_text:
                    return 413, {"error": "too long"}
                store.edit(room, id_, text, user)
            case "DELETE", [] if can.deletes:
                store.delete(room, id_, user)
            case "PUT" | "DELETE" as method, ["reactions", emoji] if can.reactions:
                store.react(room, id_, user, emoji, add=method == "PUT")
            case _:
                raise Unsupported
        if len(room.log) > before:
            self._service.happened(room)
        return 200, {}


def _since_and_wait(request: Request) -> tuple[int, float]:
    """Where a stream goes on, and for how many seconds it waits; without a place, now and at once."""
    query = parse_qs(request.query.decode())
    since, wait = query.get("since", [""])[0], query.get("wait", ["0"])[0]
    if not since.isdecimal():
        return sys.maxsize, 0.0
    return int(since), min(float(wait), LONGEST_WAIT)


def user_of(token: str) -> str:
    """The name in a token `name:secret`. Raises PermissionError."""
    name, mark, secret = token.partition(":")
    if not name or not mark or not secret or secret == "wrong":  # noqa: S105
        raise PermissionError
    return name


def path_of(raw: bytes) -> list[str]:
    """The parts of a path, decoded one by one: a room's name may hold a slash."""
    text = raw.decode("ascii")
    return [unquote(part) for part in text.split("/")[1:]]


async def reply(
    send: Send, status: int, answer: Json, headers: tuple[tuple[bytes, bytes], ...] = (), pause: float = 0.0
) -> None:
    """Answer with JSON; with a `pause`, byte by byte."""
    body = json.dumps(answer).encode()
    common = (
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    )
    await send({"type": "http.response.start", "status": status, "headers": [*common, *headers]})
    if pause:
        for number in range(len(body) - 1):
            await send({"type": "http.response.body", "body": body[number : number + 1], "more_body": True})
            await asyncio.sleep(pause)
        body = body[-1:]
    await send({"type": "http.response.body", "body": body})


def _shown(room: Room) -> Json:
    return {"id": room.name, "name": room.name}


def _is_done(fault: Fault) -> bool:
    return fault.stored or fault.kind == "drip"


async def _spoilt(fault: Fault, status: int, answer: Json, cut: Cut, receive: Receive, send: Send) -> None:
    """Answer as the fault has it, if at all."""
    match fault.kind:
        case "status":
            return await reply(send, fault.status, {"error": "a fault"})
        case "throttle":
            wait = str(fault.wait()).encode()
            return await reply(send, 429, {"error": "too many"}, ((b"retry-after", wait),))
        case "drip":
            return await reply(send, status, answer, pause=fault.pause)
        case "reset":
            cut()
    while (await receive())["type"] != "http.disconnect":
        pass
    return None
