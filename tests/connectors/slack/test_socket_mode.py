"""Socket Mode: nothing is lost and nothing told twice, whatever becomes of its connections."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from connectors.base import Kind
from connectors.errors import LoginRejected, RetryLater
from connectors.markup import plain
from connectors.slack import sockets, streaming, walking
from connectors.slack.connector import SlackConnector
from tests.connectors.slack.listening import office
from tests.connectors.slack.test_history import threads_read
from tests.waiting import PATIENCE

__all__ = ["office"]


def test_what_is_said_is_brought_and_acknowledged(office):
    with office.listening() as heard:
        office.say("hello")
        heard.wait(lambda: heard.events)

        [(room, event)] = heard.events
        assert (room, plain.render(event.body), event.author.name) == (office.room, "hello", "Ann")
        heard.wait(lambda: office.acknowledged())
        office.slack.settle()
    assert office.sockets.lost == []


def test_envelope_is_acknowledged_after_it_is_stored(office):
    with office.listening() as heard:
        heard.holds.clear()  # the database takes its time
        office.say("hello")
        heard.wait(lambda: office.sockets.sent)
        time.sleep(0.3)
        before = office.acknowledged()
        heard.holds.set()
        heard.wait(lambda: office.acknowledged())

    assert before == []
    assert heard.texts == ["hello"]


def test_what_comes_late_has_its_place_among_what_was_not_brought_yet(office):
    office.take_your_time()
    with office.listening() as heard:
        heard.holds.clear()
        office.say("zero")
        heard.wait(lambda: office.sockets.sent)
        office.slack.fault("event_late", on="message", delay=0.5, count=1)
        office.say("one")
        office.say("two")
        heard.wait(lambda: office.waits_to_be_stored() == 2)
        heard.holds.set()
        heard.wait(lambda: len(heard.texts) == 3)

    assert heard.texts == ["zero", "one", "two"]


def test_message_that_is_told_late_and_gone_by_then_is_not_brought(office, monkeypatch):
    monkeypatch.setattr(streaming, "LATE", timedelta(0))
    with office.listening() as heard:
        office.slack.fault("event_late", on="message", delay=3, count=2)
        gone = office.slack.say(office.channel, office.person, "gone")
        office.slack.say(office.channel, office.person, "stays")
        office.slack.delete(gone)
        heard.wait(lambda: len(heard.events) == 2)
        office.slack.settle()

    assert [event.kind for _, event in heard.events] == [Kind.DELETE, Kind.MESSAGE]
    assert heard.events[1][1].id != gone.ts
    assert office.sockets.lost == []


@pytest.mark.parametrize("is_held", [False, True])
def test_message_that_its_past_did_not_have_is_not_brought_afterwards(office, monkeypatch, is_held):
    monkeypatch.setattr(streaming, "SURE", timedelta(0))
    monkeypatch.setattr(streaming, "AGAIN", 0.5)
    office.slack.core.deliveries.retries = (1.0,) * 40
    with office.listening() as heard:
        pass
    gone = office.slack.say(office.channel, office.person, "gone")
    office.say("stays")
    office.slack.delete(gone)
    if is_held:  # it is told before the past can be read
        office.slack.fault("status", on="conversations.history", count=4, status=503)

    with office.listening(token=heard.token) as again:
        again.wait(lambda: "stays" in again.texts)
        again.wait(lambda: len(office.acknowledged()) >= 3)
        office.say("live")
        again.wait(lambda: "live" in again.texts)

    assert "gone" not in again.texts


def test_channel_is_asked_once_for_all_that_is_told_late(office, monkeypatch):
    monkeypatch.setattr(streaming, "LATE", timedelta(0))
    office.take_your_time()
    with office.listening() as heard:
        heard.holds.clear()  # the database takes its time
        office.say("zero")
        heard.wait(lambda: office.sockets.sent)
        time.sleep(0.5)
        said = [office.slack.say(office.channel, office.person, str(number)) for number in range(7)]
        for gone in (said[0], said[4]):
            office.slack.delete(gone)
        heard.wait(lambda: office.waits_to_be_stored() == 9)
        asked = office.slack.core.called.count(("conversations.history", ""))
        heard.holds.set()
        heard.wait(lambda: len(office.acknowledged()) >= 10)

    assert heard.texts == ["zero", "1", "2", "3", "5", "6"]
    assert office.slack.core.called.count(("conversations.history", "")) - asked == 1


def test_edits_deletions_and_reactions_are_brought(office):
    with office.listening() as heard:
        said = office.slack.say(office.channel, office.person, "one")
        office.slack.edit(said, "two")
        office.slack.react(said, office.person, "tada")
        office.slack.unreact(said, office.person, "tada")
        office.slack.delete(said)
        heard.wait(lambda: len(heard.events) == 5)

    kinds = [event.kind for _, event in heard.events]
    assert sorted(kinds) == sorted([Kind.MESSAGE, Kind.EDIT, Kind.REACTION, Kind.UNREACTION, Kind.DELETE])


def test_what_says_nothing_is_acknowledged_and_costs_no_batch(office):
    with office.listening() as heard:
        office.say("hello")
        heard.wait(lambda: heard.events and office.acknowledged())
        before = heard.batches
        for number in range(5):
            office.slack.change_person(office.person, display_name=f"Ann {number}")
            office.slack.settle()
        heard.wait(lambda: len(office.acknowledged()) == 6)
        meanwhile = heard.batches
        office.say("again")
        heard.wait(lambda: "again" in heard.texts)

    assert meanwhile == before
    assert heard.events[-1][1].author.name == "Ann 4"


def test_two_connections_stand(office):
    with office.listening():
        assert office.slack.connections(office.app) == sockets.STANDING == 2


def test_one_that_is_cut_is_opened_again_while_the_other_brings_all(office):
    with office.listening() as heard:
        office.slack.cut_sockets(office.app)
        office.say("while it was cut")
        heard.wait(lambda: heard.events or heard.is_over)

    # Both were cut at once: the stream ends, and whoever keeps it begins anew from its token.
    assert heard.texts == ["while it was cut"] or isinstance(heard.error, RetryLater)
    with office.listening(token=heard.token) as again:
        again.wait(lambda: "while it was cut" in again.texts)


def is_told(office, answer, room=""):
    last = walking.Root(answer.thread_ts, answer.ts, "")
    return not walking.untold(office.login.server, room or office.room, [last])


def test_thread_whose_answers_were_told_is_not_read_again(office, monkeypatch):
    with office.listening() as heard:
        root = office.slack.say(office.channel, office.person, "root")
        answer = office.slack.reply(root, office.person, "one")
        heard.wait(lambda: is_told(office, answer))
    followed = threads_read(monkeypatch)

    with office.listening(token=heard.token) as again:
        again.wait(lambda: "root" in again.texts)
    office.slack.reply(root, office.person, "two")
    with office.listening(token=heard.token) as once_more:
        once_more.wait(lambda: "two" in once_more.texts)

    assert again.texts == ["root"]
    assert set(followed) == {root.ts}
    assert once_more.texts[:3] == ["root", "one", "two"]


def test_answer_in_a_room_that_does_not_matter_yet_counts_as_told_to_nobody(office):
    other = office.another("other")
    with office.listening() as heard:
        passed = office.slack.reply(office.slack.say(other, office.person, "root"), office.person, "one")
        root = office.slack.say(office.channel, office.person, "root")
        answer = office.slack.reply(root, office.person, "two")
        heard.wait(lambda: is_told(office, answer))

    assert not is_told(office, passed, other.id)


def test_nothing_is_lost_where_slack_refreshes_its_connections(office):
    with office.listening() as heard:
        for number in range(30):
            if number % 10 == 5:
                office.slack.refresh_sockets(office.app, "warning")
                heard.wait(lambda: office.slack.connections(office.app) >= 4)
            office.say(f"{number}")
        office.slack.refresh_sockets(office.app, "refresh_requested", pause=0.2)
        office.say("30")
        heard.wait(lambda: len(set(heard.texts)) == 31)

    assert len(heard.ids) >= 31
    assert set(heard.texts) == {str(number) for number in range(31)}
    assert heard.error is None


def test_what_was_said_while_nobody_listened_comes_first(office):
    with office.listening() as heard:
        office.say("before")
        heard.wait(lambda: heard.events)
    office.say("meanwhile")
    parent = office.slack.say(office.channel, office.person, "a question")
    office.slack.reply(parent, office.person, "its answer")

    with office.listening(token=heard.token) as again:
        again.wait(lambda: "its answer" in again.texts)
        office.say("after")
        again.wait(lambda: "after" in again.texts)

    first = list(dict.fromkeys(again.texts))
    assert first.index("meanwhile") < first.index("after")
    assert {"meanwhile", "a question", "its answer", "after"} <= set(first)


def test_of_a_room_with_news_the_past_comes_first(office, monkeypatch):
    others = [office.another(f"room-{number}") for number in range(5)]
    with office.listening() as heard:
        pass
    office.say("meanwhile")
    monkeypatch.setattr(streaming, "GLANCE", 0.0)

    rooms = [*(one.id for one in others), office.room]
    with office.listening(*rooms, token=heard.token) as again:
        office.say("live")
        again.wait(lambda: {"live", "meanwhile"} <= set(again.texts))

    assert again.texts.index("meanwhile") < again.texts.index("live")


def test_news_of_a_room_wait_until_its_past_could_be_read(office):
    with office.listening() as heard:
        pass
    office.say("meanwhile")
    office.slack.fault("throttle", on="conversations.history", count=2, retry_after=1)

    with office.listening(token=heard.token) as again:
        office.say("live")
        again.wait(lambda: {"live", "meanwhile"} <= set(again.texts))
        again.wait(lambda: office.acknowledged())

    assert list(dict.fromkeys(again.texts)) == ["meanwhile", "live"]


def test_token_waits_for_no_room_that_matters_no_more(office):
    other = office.another("other")
    with office.listening(other.id, office.room) as heard:
        pass
    office.slack.fault("throttle", on="conversations.history", count=100, retry_after=1)

    with office.listening(other.id, office.room, token=heard.token) as again:
        again.wait(lambda: again.batches >= 2)
        kept, again.rooms = again.token, frozenset()
        again.wait(lambda: again.token != kept)

    assert kept == heard.token


def test_past_that_took_long_to_read_is_read_once(office, monkeypatch):
    with office.listening() as heard:
        pass
    monkeypatch.setattr(streaming, "IN_TURN", 0.2)
    monkeypatch.setattr(streaming, "GLANCE", 1.0)  # so that there is news before it is looked at
    office.slack.fault("latency", on="conversations.history", delay=0.5, count=1)
    before = office.slack.core.called.count(("conversations.history", ""))
    with office.listening(token=heard.token) as again:
        office.say("live")
        again.wait(lambda: "live" in again.texts)
        again.wait(lambda: again.token != heard.token)

    assert office.slack.core.called.count(("conversations.history", "")) - before == 1


def test_past_that_news_wait_for_is_read_first(office, monkeypatch):
    rooms = {one.id: one for one in [office.channel, *(office.another(f"room-{n}") for n in range(5))]}
    with office.listening(*rooms) as heard:
        order = list(heard.rooms)
    read, read_after = [], SlackConnector.read_after

    def noted(connector, room, cursor):
        page = read_after(connector, room, cursor)
        read.append(room)
        return page

    monkeypatch.setattr(SlackConnector, "read_after", noted)
    office.slack.fault("throttle", on="conversations.history", count=1, retry_after=8)
    with office.listening(*rooms, token=heard.token) as again:
        office.slack.say(rooms[order[-1]], office.person, "live")
        again.wait(lambda: len(read) == len(rooms))

    assert read == [order[-1], *order[:-1]]


def test_past_of_a_room_is_read_though_another_is_never_silent(office):
    quiet = office.another("quiet")
    with office.listening(quiet.id, office.room) as heard:
        pass
    office.slack.say(quiet, office.person, "meanwhile")

    with office.listening(quiet.id, office.room, token=heard.token) as again:
        ends = time.monotonic() + PATIENCE
        while "meanwhile" not in again.texts and time.monotonic() < ends:
            office.say("noise")
        found = list(again.texts)

    assert "meanwhile" in found


def test_news_beyond_what_can_be_held_come_with_their_rooms_past(office, monkeypatch):
    """Of hundreds of channels Slack lets fifty a minute be read: the stream must not begin anew meanwhile."""
    monkeypatch.setattr(streaming, "MOST_HELD", 3)
    with office.listening() as heard:
        pass
    office.say("meanwhile")
    office.slack.fault("throttle", on="conversations.history", count=1, retry_after=8)

    with office.listening(token=heard.token) as again:
        said = [office.slack.say(office.channel, office.person, str(number)) for number in range(8)]
        office.slack.react(said[0], office.person, "tada")
        again.wait(lambda: office.acknowledged())
        kept = list(again.texts), again.token
        again.wait(lambda: "7" in again.texts)
        again.wait(lambda: len(office.acknowledged()) >= 9)  # those that were held may be told again

    assert kept == ([], heard.token)
    assert list(dict.fromkeys(again.texts)) == ["meanwhile", *map(str, range(8))]
    assert [event.target for _, event in again.events if event.kind is Kind.REACTION][:1] == [said[0].ts]
    assert again.error is None


def test_what_was_said_after_its_past_began_to_be_read_is_brought_too(office):
    """By a stream that ended meanwhile; and Slack has given up telling it."""
    with office.listening() as heard:
        root = office.slack.say(office.channel, office.person, "root")
        heard.wait(lambda: heard.events)
    office.slack.fault("event_lost", on="message", count=10)
    office.slack.reply(root, office.person, "answer")
    office.slack.fault("throttle", on="conversations.replies", count=1, retry_after=6)
    with office.listening(token=heard.token) as begun:
        begun.wait(lambda: begun.batches >= 2)
    office.say("missed")

    with office.listening(token=begun.token) as again:
        again.wait(lambda: "missed" in again.texts)

    assert list(dict.fromkeys(again.texts)) == ["root", "answer", "missed"]


def test_where_one_connection_breaks_the_channels_are_read_before_what_comes_by_the_other(office):
    with office.listening() as heard:
        office.slack.fault("event_lost", on="message", count=1)  # gone with the line
        office.say("lost")
        office.slack.settle()
        office.slack.cut_sockets(office.app, 1)
        heard.wait(lambda: "lost" in heard.texts)
        office.say("live")
        heard.wait(lambda: "live" in heard.texts)

    assert list(dict.fromkeys(heard.texts)) == ["lost", "live"]
    assert heard.error is None


def test_token_stays_while_a_rooms_past_cannot_be_read(office, monkeypatch):
    monkeypatch.setattr(streaming, "AGAIN", 0.3)
    with office.listening() as heard:
        pass
    office.say("meanwhile")
    office.slack.fault("status", on="conversations.history", count=2, status=503)

    with office.listening(token=heard.token) as again:
        again.wait(lambda: "meanwhile" in again.texts)
        again.wait(lambda: again.token != heard.token)

    assert again.tokens[:2] == [heard.token] * 2


def test_operators_are_told_once_why_a_rooms_past_cannot_be_read(office, monkeypatch, caplog):
    monkeypatch.setattr(streaming, "AGAIN", 0.1)
    with office.listening() as heard:
        pass
    office.say("meanwhile")
    office.slack.fault("error", on="conversations.history", error="a_word_to_come", count=3)

    with office.listening(token=heard.token) as again:
        again.wait(lambda: "meanwhile" in again.texts)

    told = [one.getMessage() for one in caplog.records if one.name == streaming.__name__]
    assert told == [
        f"Slack channel {office.room}: what was said before cannot be read yet: "
        "Slack answered with an error (a_word_to_come)."
    ]


def test_room_that_is_closed_meanwhile_is_told_as_lost(office):
    private = office.another("secret", is_private=True)
    with office.listening(private.id) as heard:
        pass
    office.slack.leave(private, office.token.bot)

    with office.listening(private.id, office.room, token=heard.token) as again:
        again.wait(lambda: again.lost)

    assert list(again.lost) == [private.id]


def test_what_is_told_again_has_the_same_key(office):
    office.slack.fault("event_twice", on="message", count=1)

    with office.listening() as heard:
        office.say("once")
        heard.wait(lambda: len(heard.events) == 2)

    first, second = (event for _, event in heard.events)
    assert (first.dedupe_key, first.id) == (second.dedupe_key, second.id)


def test_event_that_cannot_be_read_does_not_end_the_stream(office):
    office.slack.fault("event_malformed", on="message", count=1)

    with office.listening() as heard:
        office.say("malformed")
        office.say("hello")
        heard.wait(lambda: "hello" in heard.texts)
        heard.wait(lambda: len(office.acknowledged()) == 2)

    assert heard.error is None


def test_news_of_another_workspace_is_left_to_its_own_stream(office):
    other = office.slack.workspace("Globex")
    bea = office.slack.person("bea", team=other)
    token = office.slack.install(office.app, by=bea, team=other)
    elsewhere = office.slack.channel("elsewhere", bea, token.bot, team=other)

    with office.listening() as heard:
        office.slack.say(elsewhere, bea, "not for us")
        heard.wait(lambda: office.sockets.sent)
        office.say("for us")
        heard.wait(lambda: heard.events)
        heard.wait(lambda: office.acknowledged())

    assert heard.texts == ["for us"]
    assert len(office.acknowledged()) == 1


def test_shared_channel_is_heard_though_slack_tells_of_it_as_another_workspace(office):
    """The app is in both workspaces, and nobody has linked the other one."""
    other = office.slack.workspace("Globex")
    bea = office.slack.person("bea", team=other)
    token = office.slack.install(office.app, by=bea, team=other)
    shared = office.slack.channel("shared", bea, token.bot, team=other)
    office.slack.connect(shared, office.bot.team)
    office.slack.join(shared, office.bot)

    with office.listening(shared.id) as heard:
        office.slack.say(shared, bea, "for both")
        heard.wait(lambda: heard.events)
        heard.wait(lambda: office.acknowledged())

    assert (heard.texts, heard.events[0][0]) == (["for both"], shared.id)


@pytest.mark.parametrize("how", ["uninstall", "revoke"])
def test_login_that_is_ended_at_slack_ends_the_stream(office, how):
    with office.listening() as heard:
        if how == "uninstall":
            office.slack.uninstall(office.token.bot)
        else:
            office.slack.revoke(office.token)
        heard.wait(lambda: heard.is_over)

    assert isinstance(heard.error, LoginRejected)
    assert office.acknowledged()  # and Slack does not tell it again


def test_socket_mode_that_is_switched_off_is_told(office):
    with office.listening() as heard:
        office.slack.refresh_sockets(office.app, "link_disabled")
        heard.wait(lambda: heard.is_over)

    assert (type(heard.error), str(heard.error)) == (LoginRejected, sockets.OFF)


def test_connections_beyond_what_slack_allows_are_given_up(office):
    """Ten are allowed; whoever is over them has Slack say so, and begins anew later."""
    with office.listening(), office.listening(), office.listening(), office.listening():  # noqa: SIM117
        with office.listening() as heard:
            office.say("hello")
            heard.wait(lambda: office.acknowledged() or heard.is_over)

    assert office.slack.connections(office.app) <= 10


@pytest.mark.parametrize("token", ["xapp-1-wrong-token", "bot"])
def test_wrong_app_level_token_is_refused_by_name(office, token):
    connector = office.connector(app_token=office.token.value if token == "bot" else token)

    with pytest.raises(LoginRejected) as caught:
        connector.verify()

    assert str(caught.value) == sockets.SOCKET_REFUSED


@pytest.mark.parametrize("kind", ["status", "hang", "reset", "garbage"])
def test_trouble_on_opening_is_tried_again_by_whoever_keeps_it(office, kind):
    office.slack.fault(kind, on="apps.connections.open", count=1)

    with office.listening() as heard:
        heard.wait(lambda: heard.is_over)

    assert isinstance(heard.error, RetryLater)
    assert office.app_token.value not in str(heard.error)


def test_people_who_are_not_known_yet_are_asked_for(office):
    bob = office.slack.person("bob", display_name="Bob")
    office.slack.join(office.channel, bob)

    with office.listening() as heard:
        office.slack.post(office.channel, bob, f"hi <@{office.person.id}>")
        heard.wait(lambda: heard.events)

    [(_, event)] = heard.events
    assert (event.author.name, plain.render(event.body)) == ("Bob", "hi @Ann")


def test_account_without_an_app_level_token_does_not_stream(office):
    login = office.login_of(office.token)

    assert SlackConnector(login).capabilities.reading == "poll"
    assert office.connector().capabilities.reading == "stream"
