"""The end of a room's history, at a real homeserver."""

from connectors.base import OutgoingMessage
from connectors.markup import plain
from connectors.matrix import history
from tests.connectors.matrix.harness import MARKS

pytestmark = [*MARKS]


def test_recent_is_whole_only_where_nothing_stands_before(matrix, connector, monkeypatch):
    for number in range(5):
        matrix.say(str(number))
    assert connector.recent(matrix.room).whole

    monkeypatch.setattr(history, "MOST", 5)
    recent = connector.recent(matrix.room)

    assert ([plain.render(event.body) for event in recent.events], recent.whole) == (list("01234"), False)


def test_recent_tells_posts_as_they_were_sent(matrix, connector):
    sent = connector.send(matrix.room, OutgoingMessage("one"))
    connector.edit(matrix.room, sent, OutgoingMessage("two"))
    connector.react(matrix.room, sent, "👍", add=True)
    matrix.person.redact(matrix.room, matrix.say("gone"))
    matrix.person.send(matrix.room, {"msgtype": "m.image", "body": "a.png"})  # nowhere

    assert [(event.id, plain.render(event.body)) for event in connector.recent(matrix.room).events] == [
        (sent, "one")
    ]


def test_newest_are_what_people_said(matrix, connector):
    ids = [matrix.say("one"), matrix.say("two"), matrix.say("three")]
    connector.react(matrix.room, ids[0], "👍", add=True)
    matrix.person.set_state(matrix.room, "m.room.topic", {"topic": "New"})

    assert [cursor.id for cursor in connector.newest(matrix.room, 2)] == ids[1:]
