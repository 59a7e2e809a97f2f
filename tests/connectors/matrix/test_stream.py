"""Reading a real homeserver."""

import pytest

from connectors.base import Kind, RoomId
from connectors.markup import plain
from connectors.markup.tree import Bold, Document, Italic, Mention, Paragraph, Text
from connectors.matrix import memory, stream
from connectors.matrix.stream import MOST_PAGES
from tests.connectors.harness import read
from tests.connectors.matrix.harness import MARKS
from tests.waiting import until

pytestmark = [*MARKS]


@pytest.fixture
def start(matrix, connector):
    """The token after what was said before."""
    return read(connector, matrix.room).place


def after(connector, room, place, count):
    return read(connector, room, place, expected=count).events


def texts(events):
    return [plain.render(event.body) for event in events]


def test_message_tells_who_said_it(matrix, connector, start):
    sent = matrix.say("hello")

    [event] = after(connector, matrix.room, start, 1)

    assert (event.kind, event.id, event.dedupe_key) == (Kind.MESSAGE, sent, sent)
    assert (event.author.id, event.author.name, event.author.username) == (
        matrix.person.id,
        "Ann",
        matrix.person.id,
    )


def test_name_is_the_one_at_that_time(matrix, connector, start):
    matrix.say("one")
    [one] = after(connector, matrix.room, start, 1)
    matrix.person.ask("PUT", "profile", matrix.person.id, "displayname", body={"displayname": "Anna"})
    until(lambda: "Anna" in str(matrix.person.history(matrix.room)))  # Synapse tells the rooms a little later
    matrix.say("two")

    _, two = after(connector, matrix.room, start, 2)

    assert (one.author.name, two.author.name) == ("Ann", "Anna")


def test_formatting_and_mentions_are_read(matrix, connector, start):
    html = f'<b>Hi</b> <a href="https://matrix.to/#/{matrix.relay.id}">Bot</a>'
    matrix.say("Hi Bot", format="org.matrix.custom.html", formatted_body=html)
    matrix.person.send(matrix.room, {"msgtype": "m.emote", "body": "waves"})
    matrix.person.send(matrix.room, {"msgtype": "m.notice", "body": "beep"})

    said, done, noticed = after(connector, matrix.room, start, 3)

    mention = Mention(matrix.relay.id, "Bot")
    assert said.body == Document((Paragraph((Bold((Text("Hi"),)), Text(" "), mention)),))
    assert done.body == Document((Paragraph((Italic((Text("waves"),)),)),))
    assert (noticed.kind, texts([noticed])) == (Kind.NOTICE, ["beep"])


def test_edits_deletions_and_reactions_are_told(matrix, connector, start):
    first = matrix.say("one")
    new = {"msgtype": "m.text", "body": "uno"}
    edit = {"m.new_content": new, "m.relates_to": {"rel_type": "m.replace", "event_id": first}}
    matrix.say("* uno", **edit)
    relation = {"rel_type": "m.annotation", "event_id": first, "key": "👍"}
    reaction = matrix.person.send(matrix.room, {"m.relates_to": relation}, "m.reaction")
    seen = read(connector, matrix.room, start, expected=3)
    matrix.person.redact(matrix.room, reaction)
    matrix.person.redact(matrix.room, first)

    last = read(connector, matrix.room, seen.place, expected=2)

    events = [*seen.events, *last.events]
    assert [(event.kind, event.target, event.emoji) for event in events] == [
        (Kind.MESSAGE, None, ""),
        (Kind.EDIT, first, ""),
        (Kind.REACTION, first, "👍"),
        (Kind.UNREACTION, first, "👍"),
        (Kind.DELETE, first, ""),
    ]
    assert texts(events[:2]) == ["one", "uno"]
    assert {event.author.id for event in events} == {matrix.person.id}


def test_deletion_of_what_nobody_remembers_is_told(matrix, connector, start):
    first = matrix.say("one")
    place = read(connector, matrix.room, start, expected=1).place
    memory.forget()  # another process reads on
    matrix.person.redact(matrix.room, first)

    [event] = after(connector, matrix.room, place, 1)

    assert (event.kind, event.target) == (Kind.DELETE, first)


def test_message_that_was_deleted_before_it_was_read_says_nothing(matrix, connector, start):
    matrix.person.redact(matrix.room, matrix.say("never mind"))
    matrix.say("on")

    events = after(connector, matrix.room, start, 2)

    assert [event.kind for event in events] == [Kind.DELETE, Kind.MESSAGE]


def test_replies_and_threads_name_what_they_answer(matrix, connector, start):
    root = matrix.say("root")
    reply = {"m.in_reply_to": {"event_id": root}}
    first = matrix.say("> <@ann> root\n\nanswer", **{"m.relates_to": reply})
    thread = {"rel_type": "m.thread", "event_id": root, "is_falling_back": True}
    matrix.say("in it", **{"m.relates_to": thread | {"m.in_reply_to": {"event_id": first}}})
    real = thread | {"is_falling_back": False, "m.in_reply_to": {"event_id": first}}
    matrix.say("to it", **{"m.relates_to": real})

    events = after(connector, matrix.room, start, 4)

    assert [event.reply_to for event in events] == [None, root, root, first]
    assert texts(events) == ["root", "answer", "in it", "to it"]


def test_files_come_with_name_size_and_caption(matrix, connector, start):
    address = matrix.person.upload(b"content")
    file = {"msgtype": "m.file", "url": address, "info": {"size": 7}}
    matrix.person.send(matrix.room, file | {"body": "plan.txt"})
    matrix.person.send(matrix.room, file | {"msgtype": "m.image", "body": "Look", "filename": "a.png"})
    matrix.person.send(matrix.room, {"body": "smile", "url": address, "info": {}}, "m.sticker")

    plan, picture, sticker = after(connector, matrix.room, start, 3)

    assert [(file.name, file.size, file.reference) for file in plan.attachments] == [("plan.txt", 7, address)]
    assert (plan.body, texts([picture]), picture.attachments[0].name) == (None, ["Look"], "a.png")
    assert (sticker.attachments[0].name, sticker.attachments[0].size) == ("smile", None)


def test_own_posts_are_told_too(matrix, connector, start):
    from connectors.base import OutgoingMessage

    sent = connector.send(matrix.room, OutgoingMessage("[Bob] hi"))

    [event] = after(connector, matrix.room, start, 1)

    assert (event.id, event.author.id) == (sent, matrix.relay.id)


def test_long_absence_leaves_no_hole(matrix, connector, start, monkeypatch):
    monkeypatch.setattr(stream, "FILTER", _narrow(stream.FILTER))
    monkeypatch.setattr("connectors.matrix.polling.PAGE", 7)
    for number in range(40):
        matrix.say(f"text {number}")

    events = after(connector, matrix.room, start, 40)

    assert texts(events) == [f"text {number}" for number in range(40)]
    assert MOST_PAGES > 40


def _narrow(filter_):
    timeline = filter_["room"]["timeline"] | {"limit": 5}
    return filter_ | {"room": filter_["room"] | {"timeline": timeline}}


def test_gap_ends_where_the_token_is(matrix, connector, start, monkeypatch):
    monkeypatch.setattr(stream, "FILTER", _narrow(stream.FILTER))
    for number in range(30):
        matrix.say(f"old {number}")
    place = read(connector, matrix.room, start, expected=30).place
    for number in range(20):
        matrix.say(f"new {number}")

    events = after(connector, matrix.room, place, 20)

    assert texts(events) == [f"new {number}" for number in range(20)]


def test_room_joined_while_away_is_read(matrix, connector, start):
    other = matrix.room_of(matrix.person)
    matrix.person.say(other, "welcome")

    [event] = after(connector, RoomId(other), start, 1)

    assert texts([event]) == ["welcome"]
