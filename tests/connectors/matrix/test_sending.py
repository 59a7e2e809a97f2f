"""Posting at a real homeserver."""

import io

import pytest

from connectors.base import Attachment, MessageId, OutgoingFile, OutgoingMessage, RoomId
from connectors.errors import FileGone, LoginRejected, MessageRejected, RetryLater, RoomGone
from connectors.markup.tree import Bold, Document, Mention, Paragraph, Text
from connectors.matrix.connector import MatrixConnector
from connectors.matrix.text import parse
from tests.connectors.harness import read
from tests.connectors.matrix.harness import MARKS
from tests.waiting import PATIENCE

pytestmark = [*MARKS]


def content_of(matrix, event, **more):
    return matrix.person.ask("GET", "rooms", matrix.room, "event", event)["content"]


def said(*inlines):
    return Document((Paragraph(tuple(inlines)),))


def test_same_key_posts_once(matrix, connector):
    message = OutgoingMessage("once", idempotency_key="delivery/7:1?x#y")

    first, second = connector.send(matrix.room, message), connector.send(matrix.room, message)

    assert (first, matrix.texts()) == (second, ["once"])


def test_formatted_post_says_both_and_rings_whom_it_mentions(matrix, connector):
    body = said(
        Text("["), Bold((Text("Bob"),)), Text("] hi "), Mention(matrix.person.id, "Ann"), Mention("", "Eve")
    )

    sent = connector.send(matrix.room, OutgoingMessage("[Bob] hi @Ann@Eve", body=body))

    content = content_of(matrix, sent)
    assert (content["msgtype"], content["body"]) == ("m.text", "[Bob] hi @Ann@Eve")
    assert content["m.mentions"] == {"user_ids": [matrix.person.id]}
    assert content["format"] == "org.matrix.custom.html"
    assert "<strong>Bob</strong>" in content["formatted_body"]
    assert f"https://matrix.to/#/{matrix.person.id}" in content["formatted_body"]


def test_plain_post_has_no_html_and_rings_nobody(matrix, connector):
    for body in (None, said(Text("@room hi"))):
        content = content_of(matrix, connector.send(matrix.room, OutgoingMessage("@room hi", body=body)))

        assert content == {"msgtype": "m.text", "body": "@\u200broom hi", "m.mentions": {}}


@pytest.mark.parametrize("rings", [False, True])
def test_everybody_is_rung_where_the_post_may(matrix, connector, rings):
    body = said(Text("lunch, "), Mention("", "here"))
    message = OutgoingMessage("lunch, @here", body=body, rings_everybody=rings)

    content = content_of(matrix, connector.send(matrix.room, message))

    assert content["m.mentions"] == ({"room": True} if rings else {})


def test_who_calls_the_room_calls_everybody(matrix, connector):
    told = {"msgtype": "m.text", "body": "hey @room, x@room.example", "m.mentions": {"room": True}}
    bold = told | {"format": "org.matrix.custom.html", "formatted_body": "hey <b>@room</b>, x@room.example"}

    parsed = [parse(one, is_reply=False) for one in (told, bold, told | {"m.mentions": {}})]

    everybody = Mention("", "all")
    assert parsed == [
        said(Text("hey "), everybody, Text(", x@room.example")),
        said(Text("hey "), Bold((everybody,)), Text(", x@room.example")),
        said(Text("hey @room, x@room.example")),
    ]


def test_post_whose_html_is_too_much_comes_as_text(matrix, connector):
    words = tuple(one for _ in range(5_000) for one in (Bold((Text("a"),)), Text('"')))

    sent = connector.send(matrix.room, OutgoingMessage('a"' * 5_000, body=said(*words)))

    assert content_of(matrix, sent).keys() == {"msgtype", "body", "m.mentions"}


def test_longest_text_of_the_widest_characters_passes_as_post_and_as_edit(matrix, connector):
    text = "\U0001f9d1" * connector.capabilities.max_text_length

    sent = connector.send(matrix.room, OutgoingMessage(text))
    connector.edit(matrix.room, sent, OutgoingMessage(text))

    assert content_of(matrix, sent)["body"]


def test_reply_names_what_it_answers_and_nothing_else(matrix, connector):
    asked = matrix.say("why?")

    sent = connector.send(matrix.room, OutgoingMessage("[Bob] because", reply_to=asked))

    content = content_of(matrix, sent)
    assert content["m.relates_to"] == {"m.in_reply_to": {"event_id": asked}}
    assert content["body"] == "[Bob] because"


def test_edit_replaces_the_text(matrix, connector):
    sent = connector.send(matrix.room, OutgoingMessage("one"))

    connector.edit(matrix.room, sent, OutgoingMessage("two", body=said(Bold((Text("two"),)))))
    connector.edit(matrix.room, sent, OutgoingMessage("two"))  # may be repeated

    edits = [one for one in matrix.person.history(matrix.room) if "m.new_content" in one["content"]]
    assert [edit["content"]["m.new_content"]["body"] for edit in edits] == ["two", "two"]
    assert edits[0]["content"]["m.new_content"]["formatted_body"] == "<strong>two</strong>"
    assert (edits[0]["content"]["body"], edits[0]["content"]["m.mentions"]) == ("* two", {})


def test_deleted_post_is_empty(matrix, connector):
    sent = connector.send(matrix.room, OutgoingMessage("one"))

    connector.delete(matrix.room, sent)
    connector.delete(matrix.room, sent)

    assert matrix.texts() == []


def test_reaction_is_set_once_and_taken_back(matrix, connector):
    target = matrix.say("hello")
    where = ("rooms", matrix.room, "relations", target, "m.annotation")

    def keys():
        told = matrix.person.ask("GET", *where, api="client/v1")["chunk"]
        return [one["content"]["m.relates_to"]["key"] for one in told]

    connector.react(matrix.room, target, "❤️", add=True)
    connector.react(matrix.room, target, "❤️", add=True)
    connector.react(matrix.room, target, "👍", add=True)
    assert sorted(keys()) == sorted(["❤️", "👍"])

    connector.react(matrix.room, target, "❤", add=False)
    connector.react(matrix.room, target, "❤", add=False)
    assert keys() == ["👍"]


@pytest.mark.parametrize(
    ("name", "kind", "msgtype"),
    [
        ("plän b.txt", "text/plain", "m.file"),
        ("a.png", "image/png", "m.image"),
        ("a.mp4", "video/mp4", "m.video"),
    ],
)
def test_file_is_posted_and_fetched_again(matrix, connector, name, kind, msgtype):
    place = read(connector, matrix.room).place
    held = io.BytesIO(b"content" * 10_000)
    file = OutgoingFile(name, kind, 70_000, held, OutgoingMessage("[Bob] look", idempotency_key="k"))

    sent = connector.send_file(matrix.room, file)

    content = content_of(matrix, sent)
    assert (content["msgtype"], content["filename"], content["body"]) == (msgtype, name, "[Bob] look")
    assert content["info"] == {"mimetype": kind, "size": 70_000}
    [event] = read(connector, matrix.room, place, expected=1).events
    into = io.BytesIO()
    connector.fetch(event.attachments[0], into, most=70_000, deadline=PATIENCE)
    assert into.getvalue() == held.getvalue()
    with pytest.raises(FileGone, match="larger than"):
        connector.fetch(event.attachments[0], io.BytesIO(), most=69_999, deadline=PATIENCE)
    assert [(one.id, one.attachments[0].size) for one in connector.recent(matrix.room).events] == [
        (sent, 70_000)
    ]


def test_file_without_words_is_called_by_its_name(matrix, connector):
    file = OutgoingFile("a.bin", "application/octet-stream", 3, io.BytesIO(b"abc"))

    content = content_of(matrix, connector.send_file(matrix.room, file))

    assert (content["body"], content["filename"]) == ("a.bin", "a.bin")


def test_file_over_the_servers_limit_is_rejected(matrix):
    scopes = MatrixConnector(matrix.login).verify().scopes
    assert scopes == [f"upload:{20 * 1024 * 1024}"]
    login = matrix.login_of(matrix.relay)
    connector = MatrixConnector(type(login)(login.server, login.credentials, login.user_id, scopes=scopes))
    assert connector.capabilities.max_file_size == 20 * 1024 * 1024

    large = 21 * 1024 * 1024
    file = OutgoingFile("a.bin", "application/octet-stream", large, io.BytesIO(bytes(large)))
    with pytest.raises(MessageRejected, match="too large"):
        connector.send_file(matrix.room, file)


def test_missing_file_is_gone(matrix, connector):
    with pytest.raises(FileGone, match="status 404"):
        connector.fetch(
            Attachment("a", reference="mxc://localhost/nothing"), io.BytesIO(), most=999, deadline=PATIENCE
        )


def test_room_that_we_may_not_speak_in_is_gone(matrix, connector):
    matrix.person.set_state(matrix.room, "m.room.power_levels", {"events_default": 50})

    with pytest.raises(RoomGone, match="may not speak"):
        connector.send(matrix.room, OutgoingMessage("hello"))
    with pytest.raises(RoomGone):
        connector.send(RoomId("!nowhere:localhost"), OutgoingMessage("hello"))


def test_edit_of_what_was_never_there_is_no_post(matrix, connector):
    with pytest.raises((MessageRejected, RoomGone)):
        connector.react(matrix.room, MessageId("$nothing"), "👍", add=True)


def test_session_that_was_signed_out_needs_a_login(matrix, connector):
    matrix.relay.ask("POST", "logout", body={})

    for call in (
        connector.verify,
        lambda: connector.send(matrix.room, OutgoingMessage("hello")),
        lambda: read(connector, matrix.room, "s0"),
    ):
        with pytest.raises(LoginRejected, match="Log in again"):
            call()


def test_turn_that_has_passed_is_not_taken(matrix, connector):
    file = OutgoingFile("a", "text/plain", 1, io.BytesIO(b"a"), OutgoingMessage("x", not_after=0))

    with pytest.raises(RetryLater, match="file's turn"):
        connector.send_file(matrix.room, file)
