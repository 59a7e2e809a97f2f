"""Rooms at a real homeserver: found, named, entered, refused and lost."""

import asyncio
from contextlib import aclosing

import pytest

from connectors.base import OutgoingMessage, RoomId
from connectors.errors import RetryLater, RoomGone
from connectors.markup import plain
from connectors.matrix.refusals import BANNED, ENCRYPTED, NOT_IN_ROOM, REMOVED
from connectors.matrix.rooms import NOT_OPEN
from connectors.matrix.upgrades import BEING_UPGRADED
from tests import loops
from tests.connectors.harness import read
from tests.connectors.matrix.harness import MARKS
from tests.homeserver import Refused
from tests.waiting import PATIENCE

pytestmark = [*MARKS]
MEGOLM = {"algorithm": "m.megolm.v1.aes-sha2"}


def listed(connector):
    return {info.id: info for info in connector.list_rooms()}


def told(connector, room, token, holds):
    """The first batch that holds what is waited for."""

    async def wait():
        async with asyncio.timeout(PATIENCE), aclosing(connector.stream(token, lambda: [room])) as batches:
            async for batch in batches:
                if holds(batch):
                    return batch
        return None

    return loops.run(wait())


def lost(connector, room, token):
    """The sentence under which the stream tells that a room is lost."""
    return told(connector, room, token, lambda batch: batch.lost).lost[room]


def token_of(connector, room):
    async def first():
        async with asyncio.timeout(PATIENCE), aclosing(connector.stream("", lambda: [room])) as batches:
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
    assert (listed(connector)[room].name, listed(connector)[room].is_invitation) == ("Club", True)

    assert connector.room(room).name == "Club"

    assert listed(connector)[room].is_invitation is False
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


def upgrade(matrix, room):
    told = matrix.person.ask("POST", "rooms", room, "upgrade", body={"new_version": "11"})
    return RoomId(told["replacement_room"])


def test_upgraded_room_is_followed(matrix, connector):
    start = token_of(connector, matrix.room)
    matrix.say("last words")
    new = upgrade(matrix, matrix.room)

    batch = told(connector, matrix.room, start, lambda batch: batch.moved)

    assert (batch.moved, batch.lost) == ({matrix.room: new}, {})
    assert matrix.relay.id in matrix.person.ask("GET", "rooms", new, "joined_members")["joined"]
    matrix.person.say(new, "first words")
    [event] = read(connector, new, batch.token, expected=1).events
    assert plain.render(event.body) == "first words"
    assert connector.send(new, OutgoingMessage("[Bob] hi"))


def test_upgraded_room_that_is_closed_is_followed_once_we_are_invited(matrix, connector):
    club = RoomId(matrix.person.make_room(preset="private_chat", name="Club", invite=[matrix.relay.id]))
    start = token_of(connector, connector.room(club).id)
    new = upgrade(matrix, club)

    assert f"goes on as {new}, which does not let" in lost(connector, club, start)
    with pytest.raises(RoomGone, match="was upgraded"):
        connector.room(club)
    matrix.person.ask("POST", "rooms", new, "invite", body={"user_id": matrix.relay.id})
    assert (connector.room(club).id, connector.room(club).name) == (new, "Club")


def test_send_right_after_an_upgrade_waits(matrix, connector):
    upgrade(matrix, matrix.room)

    with pytest.raises(RetryLater, match=BEING_UPGRADED):
        connector.send(matrix.room, OutgoingMessage("[Bob] hi"))


def test_room_is_made_for_those_who_are_invited(matrix, connector):
    made = connector.create_room("Club", [matrix.person.id])

    assert (made.name, made.is_private) == ("Club", True)
    matrix.person.join(made.id)
    eve = matrix.server.person("eve")
    matrix.person.ask("POST", "rooms", made.id, "invite", body={"user_id": eve.id})
    eve.join(made.id)
    with pytest.raises(Refused):
        matrix.server.person("mallory").join(made.id)
    assert connector.send(made.id, OutgoingMessage("[Bob] hi"))


def test_upgraded_room_is_listed_no_more(matrix, connector):
    upgrade(matrix, matrix.room)

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
