"""Rooms at a real homeserver: found, named, entered, refused and lost."""

import asyncio
from contextlib import aclosing

import pytest

from connectors.base import RoomId
from connectors.errors import RoomGone
from connectors.matrix.refusals import BANNED, ENCRYPTED, NOT_IN_ROOM, REMOVED
from connectors.matrix.rooms import NOT_OPEN
from tests import loops
from tests.connectors.matrix.harness import MARKS

pytestmark = [*MARKS]
MEGOLM = {"algorithm": "m.megolm.v1.aes-sha2"}


def listed(connector):
    return {info.id: info for info in connector.list_rooms()}


def lost(connector, room, token):
    """The sentence under which the stream tells that a room is lost."""

    async def wait():
        async with asyncio.timeout(20), aclosing(connector.stream(token, lambda: [room])) as batches:
            async for batch in batches:
                if batch.lost:
                    return batch.lost[room]
        return None

    return loops.run(wait())


def token_of(connector, room):
    async def first():
        async with asyncio.timeout(20), aclosing(connector.stream("", lambda: [room])) as batches:
            async for batch in batches:
                if batch.token:
                    return batch.token
        return None

    return loops.run(first())


def test_names_are_those_that_clients_show(matrix, connector):
    named = matrix.room
    other = matrix.server.person("bob", display_name="Bob")
    aliased = matrix.person.make_room(room_alias_name=f"pets-{other.id[1:8]}-{id(other)}")
    nameless = matrix.person.make_room(preset="private_chat", invite=[matrix.relay.id], topic="Secrets")
    for room in (aliased, nameless):
        matrix.relay.join(room)

    rooms = listed(connector)

    assert rooms[named].name == "Contract"
    assert rooms[RoomId(aliased)].name.startswith("#pets-")
    assert (rooms[RoomId(nameless)].name, rooms[RoomId(nameless)].topic) == ("Ann", "Secrets")
    assert (rooms[named].is_private, rooms[RoomId(nameless)].is_private) == (False, True)


def test_new_room_is_listed_at_once(matrix, connector):
    before = set(listed(connector))

    room = matrix.room_of(matrix.person)

    assert set(listed(connector)) - before == {room}


def test_spaces_are_no_rooms(matrix, connector):
    space = matrix.room_of(matrix.person, creation_content={"type": "m.space"})

    assert space not in listed(connector)


def test_invitation_is_listed_and_accepted_when_the_room_is_asked_for(matrix, connector):
    room = RoomId(matrix.person.make_room(preset="private_chat", name="Club", invite=[matrix.relay.id]))
    assert listed(connector)[room].name == "Club"

    assert connector.room(room).name == "Club"

    assert matrix.relay.id in matrix.person.ask("GET", "rooms", room, "joined_members")["joined"]


def test_room_is_entered_by_what_is_typed(matrix, connector):
    alias = f"lobby-{matrix.person.id[5:13]}"
    room = RoomId(matrix.person.make_room(name="Lobby", room_alias_name=alias))

    for typed in (f"#{alias}:localhost", f" https://matrix.to/#/%23{alias}:localhost?via=x ", room):
        assert connector.enter(typed).id == room


def test_room_that_is_not_open_is_refused(matrix, connector):
    closed = matrix.person.make_room(preset="private_chat")

    for typed in (closed, "#nobody:localhost"):
        with pytest.raises(RoomGone, match=NOT_OPEN):
            connector.enter(typed)
    with pytest.raises(RoomGone, match="no address"):
        connector.enter("lobby")
    with pytest.raises(RoomGone, match="it left, was removed"):
        connector.room(RoomId(closed))


def test_encrypted_room_is_refused_and_noticed_later(matrix, connector):
    start = token_of(connector, matrix.room)
    matrix.person.set_state(matrix.room, "m.room.encryption", MEGOLM)

    assert lost(connector, matrix.room, start) == ENCRYPTED
    with pytest.raises(RoomGone, match="is encrypted"):
        connector.room(matrix.room)


def test_upgraded_room_names_the_one_after_it(matrix, connector):
    start = token_of(connector, matrix.room)
    new = matrix.person.ask("POST", "rooms", matrix.room, "upgrade", body={"new_version": "11"})

    why = lost(connector, matrix.room, start)

    assert f"goes on as {new['replacement_room']}" in why
    with pytest.raises(RoomGone, match="was upgraded"):
        connector.room(matrix.room)
    assert matrix.room not in {info.id for info in connector.list_rooms() if not info.is_archived}


@pytest.mark.parametrize(("way", "why"), [("kick", REMOVED), ("ban", BANNED), ("leave", NOT_IN_ROOM)])
def test_room_that_we_are_put_out_of_is_lost(matrix, connector, way, why):
    start = token_of(connector, matrix.room)
    if way == "leave":
        matrix.relay.ask("POST", "rooms", matrix.room, "leave", body={})
    else:
        matrix.person.ask("POST", "rooms", matrix.room, way, body={"user_id": matrix.relay.id})

    assert lost(connector, matrix.room, start) == why
    with pytest.raises(RoomGone):
        connector.room(matrix.room)
