"""The connector against emulators of Slack that other people made: what each of them can."""

from __future__ import annotations

import pytest

from connectors.base import Kind, Login, MessageId, OutgoingMessage, RoomId, UserId
from connectors.errors import LoginRejected, RoomGone
from connectors.markup import plain
from connectors.slack.connector import SlackConnector
from tests import slackservers
from tests.fakeslack.receiver import receiving

pytestmark = pytest.mark.xdist_group("slackservers")


def message(text: str, **more: object) -> OutgoingMessage:
    return OutgoingMessage(text, plain.parse(text), **more)


def texts(connector: SlackConnector, room: RoomId) -> list[str]:
    return [plain.render(event.body) for event in connector.recent(room).events]


def test_local_slack_takes_what_we_post_and_tells_it_again():
    with slackservers.local_slack() as slack:
        room = RoomId(slackservers.LOCAL_CHANNEL)
        login = Login(slack.api.rstrip("/"), {"token": slack.bot_token}, UserId(slack.bot_user_id))
        connector = SlackConnector(login)

        assert connector.verify().user_id == slack.bot_user_id
        assert [info.name for info in connector.list_rooms()] == [slackservers.CHANNEL]
        assert connector.room(room).name == slackservers.CHANNEL
        said = slack.say(room, slackservers.LOCAL_PEOPLE["ann"], "hello *you*")
        place = connector.newest(room)[-1]
        sent = connector.send(room, message("<b> & all", sender_name="Bob"))
        answer = connector.send(room, message("an answer", reply_to=MessageId(said)))
        connector.edit(room, sent, message("edited"))

        events = connector.read_after(room, place).events
        assert [(event.kind, event.target or event.id, plain.render(event.body)) for event in events] == [
            (Kind.MESSAGE, sent, "edited"),
            (Kind.EDIT, sent, "edited"),
            (Kind.MESSAGE, answer, "an answer"),
        ]
        connector.delete(room, sent)
        assert texts(connector, room) == ["hello you", "an answer"]


def test_backlot_refuses_a_wrong_token_and_gives_its_history():
    with slackservers.backlot() as slack:
        login = Login(slack.api.rstrip("/"), {"token": slack.token("ann@acme.example")})
        connector = SlackConnector(login)
        rooms = {info.name: info.id for info in connector.list_rooms()}

        assert texts(connector, rooms[slackservers.CHANNEL]) == ["first words", "second words"]
        assert connector.recent(rooms[slackservers.CHANNEL]).events[0].author.name
        with pytest.raises(LoginRejected, match="does not take this token"):
            SlackConnector(Login(login.server, {"token": "xoxb-wrong"})).verify()
        with pytest.raises(RoomGone):
            connector.room(RoomId("C0NOWHERE"))


def test_emulate_takes_posts_threads_reactions_and_signs_its_events():
    with slackservers.emulate() as slack, receiving() as receiver:
        known = {"token": slack.token("ann"), "signing_secret": slack.signing_secret}
        login = Login(slack.api.rstrip("/"), known, scopes=["channels:join"])  # it has no emoji.list
        connector = SlackConnector(login)
        [room] = [info.id for info in connector.list_rooms() if info.name == slackservers.CHANNEL]
        connector.room(room)
        connector.refresh_people()
        slack.subscribe(receiver.url)

        said = slack.client("bob").chat_postMessage(channel=room, text="hello")["ts"]
        sent = connector.send(room, message("an answer", reply_to=MessageId(said)))
        connector.react(room, MessageId(said), "👍", add=True)
        connector.react(room, MessageId(said), "👍", add=False)
        connector.edit(room, sent, message("edited"))

        told = receiver.event("message", ts=said)
        [request] = [one for one in receiver.of_type("message") if one.event["ts"] == told["ts"]]
        push = connector.receive(request.headers, request.body)
        assert [plain.render(event.body) for _, event in push.events] == ["hello"] or push.rooms == [room]
        thread = slack.client("bob").conversations_replies(channel=room, ts=said)["messages"]
        assert [one["text"] for one in thread] == ["hello", "edited"]
