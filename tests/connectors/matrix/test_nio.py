"""A client by other people, matrix-nio, plays the humans: what it writes we read, what we write it reads."""

import asyncio
import io
from contextlib import asynccontextmanager

import nio
import pytest

from connectors.base import Kind, OutgoingFile, OutgoingMessage
from connectors.markup import plain
from connectors.markup.tree import Bold, Document, Paragraph, Text
from connectors.matrix.connector import MatrixConnector
from tests import loops
from tests.connectors.harness import read
from tests.connectors.matrix.harness import MARKS
from tests.waiting import PATIENCE

pytestmark = [*MARKS]
MESSAGE = "m.room.message"


@asynccontextmanager
async def client_of(person):
    client = nio.AsyncClient(person.url, person.id)
    try:
        assert isinstance(await client.login(person.password), nio.LoginResponse)
        await client.sync(timeout=0)
        yield client
    finally:
        await client.close()


def acting(person, act):
    """What `act(client)` gives, as this person."""

    async def run():
        async with client_of(person) as client:
            return await act(client)

    return loops.run(run())


@pytest.fixture
def connector(matrix):
    return MatrixConnector(matrix.login)


def test_what_people_write_there_is_read_here(matrix, connector):
    place = read(connector, matrix.room).place

    async def talk(client):
        async def send(content, kind=MESSAGE):
            answer = await client.room_send(matrix.room, kind, content)
            assert isinstance(answer, nio.RoomSendResponse)
            return answer.event_id

        html = {"format": "org.matrix.custom.html", "formatted_body": "<b>Parcel</b> left?"}
        asked = await send({"msgtype": "m.text", "body": "Parcel left?", **html})
        new = {"msgtype": "m.text", "body": "Has it left?"}
        relation = {"rel_type": "m.replace", "event_id": asked}
        await send({**new, "m.new_content": new, "m.relates_to": relation})
        answer = {"m.in_reply_to": {"event_id": asked}}
        await send({"msgtype": "m.text", "body": "An hour ago.", "m.relates_to": answer})
        relation = {"rel_type": "m.annotation", "event_id": asked, "key": "🎉"}
        reaction = await send({"m.relates_to": relation}, "m.reaction")
        stored, _ = await client.upload(
            io.BytesIO(b"a plan"), content_type="text/plain", filename="plan.txt", filesize=6
        )
        await send({"msgtype": "m.file", "body": "plan.txt", "url": stored.content_uri, "info": {"size": 6}})
        await client.room_redact(matrix.room, reaction)
        await client.room_redact(matrix.room, asked)
        return asked, reaction

    asked, reaction = acting(matrix.person, talk)

    # The first message and the reaction were taken back before they were read.
    events = read(connector, matrix.room, place, expected=5).events
    assert [
        (event.kind, event.target or event.reply_to) for event in events if event.kind is not Kind.EDIT
    ] == [
        (Kind.MESSAGE, asked),
        (Kind.MESSAGE, None),
        (Kind.DELETE, reaction),  # emptied before we saw it: the relay knows reactions by their ids
        (Kind.DELETE, asked),
    ]
    into = io.BytesIO()
    [file] = next(event.attachments for event in events if event.attachments)
    connector.fetch(file, into, most=100, deadline=PATIENCE)
    assert (file.name, into.getvalue()) == ("plan.txt", b"a plan")


def test_what_happens_while_we_listen_is_read_as_it_happens(matrix, connector):
    async def talk_and_listen():
        seen = []
        async with client_of(matrix.person) as client, asyncio.timeout(PATIENCE):
            stream = connector.stream("", lambda: [matrix.room])

            async def hear(count):
                while len(seen) < count:
                    seen.extend(event for _, event in (await anext(stream)).events)

            assert (await anext(stream)).events == []
            sent = await client.room_send(matrix.room, MESSAGE, {"msgtype": "m.text", "body": "hello"})
            await hear(1)
            relation = {"rel_type": "m.annotation", "event_id": sent.event_id, "key": "👍"}
            reaction = await client.room_send(matrix.room, "m.reaction", {"m.relates_to": relation})
            await hear(2)
            await client.room_redact(matrix.room, reaction.event_id)
            await hear(3)
            await client.room_redact(matrix.room, sent.event_id)
            await hear(4)
            await stream.aclose()
        return sent.event_id, seen

    sent, seen = loops.run(talk_and_listen())

    assert [(event.kind, event.target, event.emoji) for event in seen] == [
        (Kind.MESSAGE, None, ""),
        (Kind.REACTION, sent, "👍"),
        (Kind.UNREACTION, sent, "👍"),
        (Kind.DELETE, sent, ""),
    ]
    assert plain.render(seen[0].body) == "hello"


def test_what_we_post_is_read_there(matrix, connector):
    async def listen(client):
        started = client.next_batch
        await asyncio.to_thread(post)
        told = await client.sync(timeout=5000, since=started)
        room = told.rooms.join[matrix.room]
        files = [event for event in room.timeline.events if isinstance(event, nio.RoomMessageFile)]
        return room.timeline.events, await client.download(files[0].url)

    asked = matrix.say("Has it left?")
    body = Document((Paragraph((Text("[Bob] "), Bold((Text("An hour"),)), Text(" ago"))),))

    def post():
        answer = OutgoingMessage("[Bob] An hour ago", body=body, reply_to=asked)
        sent = connector.send(matrix.room, answer)
        connector.edit(matrix.room, sent, OutgoingMessage("[Bob] Two hours ago"))
        connector.react(matrix.room, asked, "👍", add=True)
        file = OutgoingFile("a.txt", "text/plain", 3, io.BytesIO(b"abc"), OutgoingMessage("[Bob] this"))
        connector.send_file(matrix.room, file)
        connector.delete(matrix.room, sent)

    events, downloaded = acting(matrix.person, listen)

    _, edit, reaction, file, redaction = events
    assert (edit.body, edit.source["content"]["m.new_content"]["body"]) == (
        "* [Bob] Two hours ago",
        "[Bob] Two hours ago",
    )
    assert (reaction.reacts_to, reaction.key) == (asked, "👍")
    assert (file.body, file.source["content"]["filename"], downloaded.body) == ("[Bob] this", "a.txt", b"abc")
    assert isinstance(redaction, nio.RedactionEvent)


def test_formatted_post_and_reply_are_understood_there(matrix, connector):
    asked = matrix.say("Has it left?")

    async def listen(client):
        started = client.next_batch
        body = Document((Paragraph((Text("[Bob] "), Bold((Text("Yes"),)))),))
        message = OutgoingMessage("[Bob] Yes", body=body, reply_to=asked)
        await asyncio.to_thread(connector.send, matrix.room, message)
        told = await client.sync(timeout=5000, since=started)
        return told.rooms.join[matrix.room].timeline.events

    [event] = acting(matrix.person, listen)

    assert isinstance(event, nio.RoomMessageText)
    assert (event.body, event.formatted_body) == ("[Bob] Yes", "[Bob] <strong>Yes</strong>")
    assert event.source["content"]["m.relates_to"]["m.in_reply_to"]["event_id"] == asked
