"""The rooms of a login, as one first sync with a narrow filter tells them, however many there are.

Names: Matrix specification v1.16, Client-Server API, "Calculating the display name for a room".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final
from urllib.parse import unquote

from connectors.base import RoomId, RoomInfo
from connectors.errors import ConnectorError, DeliveryUnknown, MessageRejected, RetryLater, RoomGone
from connectors.matrix import upgrades
from connectors.matrix.client import ENTER_DEADLINE, MatrixClient
from connectors.matrix.refusals import ENCRYPTED, NOT_IN_ROOM
from connectors.matrix.shapes import Json, rows, table, text
from connectors.matrix.text import is_user

_STATE: Final = (
    "m.room.name",
    "m.room.canonical_alias",
    "m.room.topic",
    "m.room.join_rules",
    "m.room.encryption",
    "m.room.tombstone",
    "m.room.create",
    "m.room.member",
)
_NOTHING: Final[Json] = {"types": []}
_SPACE: Final = "m.space"
_LINK: Final = "https://matrix.to/#/"
_ADDRESS: Final = re.compile(r"[#!][^\s/]{1,254}")
NOT_OPEN: Final = (
    "Matrix knows no such room, or does not let the linked user in. "
    "Check the address, or have the user invited."
)
_NAMED: Final = 3  # people that name a room without a name
_MOST_UPGRADES: Final = 5  # of one room, one after the other


def list_rooms(client: MatrixClient) -> Iterator[RoomInfo]:
    """Every joined room, and every room that the user is invited to. Spaces are no rooms."""
    told = client.sync(_filter())
    for room, described in _joined(told):
        if _type_of(described) != _SPACE:
            yield _info(room, described)
    for room, invited in _section(told, "invite"):
        if _type_of(invited) != _SPACE:
            yield replace(_info(room, invited), is_invitation=True)


def room(client: MatrixClient, wanted: RoomId, upgrades_left: int = _MOST_UPGRADES) -> RoomInfo:
    """One room that is joined; an invitation to it is accepted, since somebody asks for the room.

    Where it was upgraded, the room that it goes on as, entered. RoomGone where the user is not in it, and
    where it is encrypted.
    """
    told = client.sync(_filter([wanted]))
    if any(one == wanted for one, _ in _section(told, "invite")):
        client.join(wanted)
        told = client.sync(_filter([wanted]))
    for one, described in _joined(told):
        if one == wanted:
            if _content(_state(described), "m.room.encryption"):
                raise RoomGone(ENCRYPTED)
            if new := _enter_next(client, one, _state(described), upgrades_left):
                return room(client, new, upgrades_left - 1)
            return _info(one, described)
    raise RoomGone(NOT_IN_ROOM)


def enter(client: MatrixClient, address: str) -> RoomInfo:
    """As `Connector.enter`: by an alias, an id, or a link to one of them."""
    wanted, client = address_of(address), client.within(ENTER_DEADLINE)
    try:
        joined = client.join(wanted)
    except RoomGone:
        raise RoomGone(NOT_OPEN) from None
    return room(client, RoomId(joined))


def create(client: MatrixClient, name: str, invited: Sequence[str]) -> RoomInfo:
    """As `Connector.create_room`. Whoever is invited has the rights of its maker."""
    if strange := [one for one in invited if not is_user(one)]:
        raise MessageRejected(
            f"{strange[0][:255]} is no id of a Matrix user. Type something like @ann:example.org."
        )
    unhurried, client = client, client.within(ENTER_DEADLINE)
    options: Json = {"name": name, "preset": "trusted_private_chat", "invite": list(invited)}
    made = RoomId(client.create_room(options))
    try:
        return room(client, made)
    except RoomGone as error:  # there are homeservers that encrypt every private room
        with suppress(ConnectorError):  # then it stays, empty
            unhurried.leave(made)
        raise MessageRejected(str(error)) from None
    except RetryLater as error:
        raise DeliveryUnknown(str(error)) from None


def is_upgraded(client: MatrixClient, room: RoomId) -> bool:
    """Whether a room goes on as another one by now. One request."""
    return upgrades.successor(client.state(room, upgrades.TOMBSTONE)) is not None


def _enter_next(client: MatrixClient, here: RoomId, state: Sequence[Json], left: int) -> RoomId | None:
    """The room that this one goes on as, entered; None where it goes on as itself."""
    tombstone = next((event for event in state if event.get("type") == upgrades.TOMBSTONE), {})
    new = upgrades.successor(table(tombstone.get("content")))
    if new is None:
        return None
    try:
        entered = RoomId(client.join(new, upgrades.via(tombstone))) if left else None
    except RoomGone:
        entered = None
    if entered and upgrades.comes_after(client.state(entered, upgrades.CREATION), here):
        return entered
    raise RoomGone(upgrades.upgraded(new))


def address_of(typed: str) -> str:
    """The alias or id in what somebody typed or pasted. RoomGone where there is none. No I/O."""
    text_ = unquote(typed.strip().removeprefix(_LINK)).partition("?")[0]
    if not _ADDRESS.fullmatch(text_):
        raise RoomGone("This is no address of a Matrix room. Type something like #room:example.org.")
    return text_


def _filter(only: Sequence[str] | None = None) -> Json:
    room: Json = {
        "state": {"types": list(_STATE), "lazy_load_members": True},
        "timeline": {"types": [], "limit": 1},
        "ephemeral": _NOTHING,
        "account_data": _NOTHING,
    }
    if only is not None:
        room["rooms"] = list(only)
    return {"account_data": _NOTHING, "room": room}


def _joined(told: Json) -> Iterator[tuple[RoomId, Json]]:
    return _section(told, "join")


def _section(told: Json, name: str) -> Iterator[tuple[RoomId, Json]]:
    for room, described in table(table(told.get("rooms")).get(name)).items():
        if isinstance(described, dict):
            yield RoomId(room), described


def _state(described: Json) -> list[Json]:
    """The state of a joined room, or the little of it that an invitation shows."""
    part = table(described.get("state")) or table(described.get("invite_state"))
    return rows(part.get("events"))


def _content(state: Sequence[Json], kind: str, key: str = "") -> Json:
    for event in state:
        if event.get("type") == kind and event.get("state_key", "") == key:
            return table(event.get("content"))
    return {}


def _type_of(described: Json) -> Any:
    return _content(_state(described), "m.room.create").get("type")


def _info(room: RoomId, described: Json) -> RoomInfo:
    state = _state(described)
    return RoomInfo(
        id=room,
        name=_name(room, state, table(described.get("summary"))),
        topic=text(_content(state, "m.room.topic").get("topic")),
        is_private=_content(state, "m.room.join_rules").get("join_rule") != "public",
        is_archived=bool(_content(state, "m.room.tombstone").get("replacement_room")),
    )


def _name(room: RoomId, state: Sequence[Json], summary: Json) -> str:
    named = text(_content(state, "m.room.name").get("name")).strip()
    alias = text(_content(state, "m.room.canonical_alias").get("alias"))
    if named or alias:
        return named or alias
    people = summary.get("m.heroes")
    ids = [text(one) for one in people if text(one)] if isinstance(people, list) else []
    names = [text(_content(state, "m.room.member", one).get("displayname")) or one for one in ids[:_NAMED]]
    return ", ".join(names) or room
