"""What was said while we were away: read afterwards, threads and edits with it."""

import time
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.core.cache import cache

from connectors.base import Kind, MessageId, OutgoingMessage
from connectors.budget import Limit
from connectors.errors import RetryLater, RoomGone
from connectors.markup import plain
from connectors.slack import history, pace, walking
from connectors.slack.client import SlackClient
from sameroom import clock
from tests.fakeslack import limits


def told(page):
    return [(event.kind.value, plain.render(event.body)) for event in page.events]


def threads_read(monkeypatch):
    """The roots of the threads that are read from now on."""
    read, replies = [], SlackClient.replies

    def noted(client, channel, ts, **how):
        read.append(ts)
        return replies(client, channel, ts, **how)

    monkeypatch.setattr(SlackClient, "replies", noted)
    return read


class Hands:
    """Those of our clock and of the one that Slack's limits go by. That one moves only by them."""

    def __init__(self, monkeypatch):
        self.ahead, now, began = timedelta(0), clock.now, time.monotonic()
        slacks = SimpleNamespace(monotonic=lambda: began + self.ahead.total_seconds())
        monkeypatch.setattr(clock, "now", lambda: now() + self.ahead)
        monkeypatch.setattr(limits, "time", slacks)

    def turn(self, seconds):
        self.ahead += timedelta(seconds=seconds)


@pytest.fixture
def hands(monkeypatch):
    return Hands(monkeypatch)


@pytest.fixture(params=[False, True], ids=["backward", "forward"])
def either_way(request, harness):
    """Slack's documentation can be read in two ways: which end of a range the first page is."""
    harness.slack.core.world.pages_forward = request.param


@pytest.mark.usefixtures("either_way")
def test_pages_are_read_until_the_place_is_passed(connector, harness, monkeypatch):
    ids = [harness.say(f"message {number}") for number in range(7)]
    place = connector.read_after(harness.room, None).cursor
    monkeypatch.setattr(walking, "PAGE", 2)
    for number in range(7, 12):
        ids.append(harness.say(f"message {number}"))

    page = connector.read_after(harness.room, place)

    assert [event.id for event in page.events] == ids[7:]
    assert (page.cursor.id, page.more, page.gap) == (ids[-1], False, False)


def test_answers_in_old_threads_are_found(connector, harness):
    root = harness.slack.say(harness.channel, harness.person, "root")
    harness.slack.reply(root, harness.person, "known")
    harness.say("later")
    place = connector.read_after(harness.room, None).cursor
    first = harness.slack.reply(root, harness.person, "quiet")
    second = harness.slack.reply(root, harness.person, "loud", broadcast=True)

    page = connector.read_after(harness.room, place)

    assert told(page) == [("message", "quiet"), ("message", "loud")]
    assert [(event.id, event.reply_to) for event in page.events] == [
        (first.ts, root.ts),
        (second.ts, root.ts),
    ]
    assert connector.read_after(harness.room, page.cursor).events == []


def test_more_threads_than_are_followed_at_once_are_read_in_turns(connector, harness, monkeypatch):
    roots = [harness.slack.say(harness.channel, harness.person, f"root {number}") for number in range(5)]
    place = connector.read_after(harness.room, None).cursor
    for root in roots:
        harness.slack.reply(root, harness.person, f"to {root.text}")
    monkeypatch.setattr(walking, "MOST_THREADS", 2)

    found, turns = [], 0
    while turns < 5:
        page = connector.read_after(harness.room, place)
        found, place, turns = found + [text for _, text in told(page)], page.cursor, turns + 1
        if not page.more:
            break

    assert found == [f"to root {number}" for number in range(5)]
    assert turns == 4  # and one for what may have been said since the first


def test_no_answer_is_passed_over_where_threads_are_read_in_turns(connector, harness, monkeypatch):
    roots = [harness.slack.say(harness.channel, harness.person, f"root {number}") for number in range(3)]
    place = connector.read_after(harness.room, None).cursor
    for root in (roots[2], *roots):
        harness.slack.reply(root, harness.person, f"to {root.text}")
    monkeypatch.setattr(walking, "MOST_THREADS", 1)

    pages = [connector.read_after(harness.room, place) for _ in range(3)]
    harness.say("meanwhile")
    pages += [connector.read_after(harness.room, pages[-1].cursor)]

    assert [page.more for page in pages] == [True, True, True, False]
    assert [[text for _, text in told(page)] for page in pages[:2]] == [[], []]
    assert [text for _, text in told(pages[2])] == [f"to root {number}" for number in (2, 0, 1, 2)]
    assert [text for _, text in told(pages[3])] == ["meanwhile"]


def test_thread_whose_last_answer_was_told_is_not_read(connector, harness, monkeypatch):
    roots = [harness.slack.say(harness.channel, harness.person, f"root {number}") for number in range(3)]
    place = connector.read_after(harness.room, None).cursor
    answers = [harness.slack.reply(root, harness.person, f"to {root.text}") for root in roots]
    walking.note_told(harness.login.server, [(harness.room, answers[0].ts), (harness.room, roots[1].ts)])
    followed = threads_read(monkeypatch)

    page = connector.read_after(harness.room, place)

    assert told(page) == [("message", "to root 1"), ("message", "to root 2")]
    assert followed == [roots[1].ts, roots[2].ts]
    harness.slack.reply(roots[0], harness.person, "once more")
    assert told(connector.read_after(harness.room, page.cursor)) == [("message", "once more")]


def test_where_nothing_can_be_kept_all_threads_are_read_at_once(connector, harness, monkeypatch):
    roots = [harness.slack.say(harness.channel, harness.person, f"root {number}") for number in range(3)]
    place = connector.read_after(harness.room, None).cursor
    for root in roots:
        harness.slack.reply(root, harness.person, f"to {root.text}")
    monkeypatch.setattr(walking, "MOST_THREADS", 1)
    monkeypatch.setattr(walking, "cache", None)

    page = connector.read_after(harness.room, place)

    assert ([text for _, text in told(page)], page.more) == ([f"to root {n}" for n in range(3)], False)


@pytest.fixture
def far(connector, harness, monkeypatch):
    """A message that stands pages before the last item that was read, and that item's place."""
    monkeypatch.setattr(walking, "PAGE", 2)
    root = harness.slack.say(harness.channel, harness.person, "root")
    for number in range(6):
        harness.say(str(number))
    return root, connector.read_after(harness.room, None).cursor


@pytest.mark.usefixtures("either_way")
def test_answers_and_edits_far_back_are_found(connector, harness, far):
    root, place = far
    answer = harness.slack.reply(root, harness.person, "late")
    harness.slack.edit(root, "roots")

    page = connector.read_after(harness.room, place)

    assert told(page) == [("edit", "roots"), ("message", "late")]
    assert [event.id for event in page.events][1:] == [answer.ts]


def test_far_back_is_looked_at_now_and_then_and_nothing_passed_over(connector, harness, far, monkeypatch):
    root, place = far
    reads = harness.slack.core.called
    before = len(reads)
    place = connector.read_after(harness.room, place).cursor
    assert len(reads) - before == 4  # the first pages, and those behind them
    harness.slack.reply(root, harness.person, "late")
    harness.say("later")

    before = len(reads)
    page = connector.read_after(harness.room, place)
    assert (told(page), len(reads) - before) == ([("message", "later")], 1)
    cache.clear()  # as after ten minutes

    assert told(connector.read_after(harness.room, page.cursor)) == [("message", "late")]


def test_far_back_nothing_keeps_news_waiting(connector, harness, far):
    root, place = far
    harness.slack.reply(root, harness.person, "late")
    harness.say("news")
    harness.app.is_unlisted = True
    harness.slack.limit(minute=60.0)

    assert told(connector.read_after(harness.room, place)) == [("message", "news")]


def test_look_far_back_that_was_cut_off_is_taken_again_soon(connector, harness, far, hands, monkeypatch):
    monkeypatch.setattr(walking, "FAR_AGAIN", 0)
    root, place = far
    harness.slack.reply(root, harness.person, "late")
    harness.say("news")
    harness.app.is_unlisted = True
    harness.slack.limit(minute=1.0)
    page = connector.read_after(harness.room, place)
    harness.app.is_unlisted = False
    hands.turn(1.1)

    assert told(page) == [("message", "news")]
    assert told(connector.read_after(harness.room, page.cursor)) == [("message", "late")]


def test_newest_is_an_answer_where_that_was_said_last(connector, harness, far):
    root, place = far
    answer = harness.slack.reply(root, harness.person, "late")

    newest = connector.newest(harness.room, 2)

    assert [item.id for item in newest] == [place.id, answer.ts]


def test_what_was_edited_meanwhile_is_told_as_edited(connector, harness):
    before = harness.slack.say(harness.channel, harness.person, "helo")
    harness.say("x")
    place = connector.read_after(harness.room, None).cursor
    harness.slack.edit(before, "hello")
    fresh = harness.slack.say(harness.channel, harness.person, "nwe")
    harness.slack.edit(fresh, "new")

    page = connector.read_after(harness.room, place)

    assert told(page) == [("edit", "hello"), ("message", "new"), ("edit", "new")]
    assert [event.target for event in page.events] == [before.ts, None, fresh.ts]


def test_what_was_said_last_comes_with_its_last_edit(connector, harness):
    message = harness.slack.say(harness.channel, harness.person, "helo")
    harness.slack.edit(message, "hello")

    assert told(connector.recent(harness.room)) == [("message", "hello"), ("edit", "hello")]


def test_place_that_is_gone_is_gone_on_from_by_time(connector, harness):
    harness.say("one")
    gone = harness.slack.say(harness.channel, harness.person, "two")
    place = connector.read_after(harness.room, None).cursor
    harness.slack.delete(gone)
    harness.say("three")

    assert told(connector.read_after(harness.room, place)) == [("message", "three")]


def test_recent_has_answers_that_stand_in_threads_alone(connector, harness):
    root = harness.slack.say(harness.channel, harness.person, "root")
    harness.slack.reply(root, harness.person, "quiet")
    harness.say("last")

    recent = connector.recent(harness.room)

    assert ([plain.render(event.body) for event in recent.events], recent.whole) == (
        ["root", "quiet", "last"],
        True,
    )


def test_what_was_said_last_costs_no_call_for_threads_of_which_everything_is_known(
    connector, harness, monkeypatch
):
    a, b, c = (harness.slack.say(harness.channel, harness.person, text) for text in "abc")
    harness.slack.reply(a, harness.person, "long ago")
    time.sleep(0.01)
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + history.LATELY)
    walking.note_told(
        connector.login.server, [(harness.room, harness.slack.reply(b, harness.person, "known").ts)]
    )
    harness.slack.reply(c, harness.person, "new")
    read = threads_read(monkeypatch)

    recent = connector.recent(harness.room)

    assert [plain.render(event.body) for event in recent.events] == ["a", "b", "c", "new"]
    assert read == [c.ts]


def test_answers_since_a_moment_are_told_wherever_their_thread_began(connector, harness, far):
    root, _ = far
    harness.slack.reply(root, harness.person, "known")
    time.sleep(0.01)
    since = clock.now()
    answers = [harness.slack.reply(root, harness.person, text) for text in ("one", "two")]
    harness.slack.edit(answers[1], "three")

    found = connector.answers(harness.room, answers[0].ts, since)

    assert [(event.kind, plain.render(event.body)) for event in found] == [
        *((Kind.MESSAGE, "one"), (Kind.MESSAGE, "three"), (Kind.EDIT, "three")),
    ]
    assert connector.answers(harness.room, "1700000000.000001", since) == []


def test_recent_that_does_not_reach_the_beginning_says_so(connector, harness, monkeypatch):
    for number in range(3):
        harness.say(str(number))
    monkeypatch.setattr(history, "LATEST", 2)

    recent = connector.recent(harness.room)
    assert ([plain.render(event.body) for event in recent.events], recent.whole) == (["1", "2"], False)


def test_presence_in_a_history_is_what_it_was(connector, harness):
    bob = harness.slack.person("bob", display_name="Bob")
    harness.slack.join(harness.channel, bob)

    [event] = connector.read_after(harness.room, None).events
    assert (event.kind, event.is_presence, event.author.name) == (Kind.NOTICE, True, "Bob")


def test_one_that_nobody_can_name_is_read_all_the_same(connector, harness):
    harness.say("hello")
    harness.slack.fault("error", on="users.info", error="user_not_found")

    [event] = connector.read_after(harness.room, None).events
    assert event.author.name == harness.person.id


def test_channel_that_the_app_may_not_see_is_asked_for_once(connector, harness):
    hidden = harness.slack.channel("hidden", harness.person, is_private=True)
    for number in range(2):
        harness.slack.post(harness.channel, harness.person, f"{number} <#{hidden.id}|>")
        events = connector.read_after(harness.room, None).events

    assert [plain.render(event.body) for event in events] == [f"0 #{hidden.id}", f"1 #{hidden.id}"]
    assert harness.slack.core.called.count(("conversations.info", "channel_not_found")) == 1


def test_channel_that_the_app_was_put_out_of_is_gone_and_stays_so(connector, harness):
    harness.slack.leave(harness.channel, harness.bot)

    with pytest.raises(RoomGone, match="/invite @Sameroom"):
        connector.read_after(harness.room, None)
    with pytest.raises(RoomGone, match="/invite @Sameroom"):
        connector.room(harness.room)
    harness.slack.join(harness.channel, harness.bot)
    assert connector.room(harness.room).id == harness.room
    assert connector.read_after(harness.room, None).events == []


def test_limit_of_reading_is_kept_before_slack_says_so(connector, harness, monkeypatch):
    moment = clock.now()
    monkeypatch.setattr(clock, "now", lambda: moment)  # or a minute ends, and the next one has calls again
    with pytest.raises(RetryLater) as caught:
        any(connector.read_after(harness.room, None) is None for _ in range(60))

    assert 0 < caught.value.seconds <= 60
    assert ("conversations.history", "ratelimited") not in harness.slack.errors()


@pytest.fixture
def slow(harness, hands, monkeypatch):
    """An app that may read one page of 15 messages a second, where others read one a minute."""
    harness.app.is_unlisted = True
    monkeypatch.setattr(pace, "TIERS", {})
    harness.slack.limit(minute=1.0)
    return hands


def read_slowly(connector, room, place, hands):
    """What is read after a place, however often Slack wants fewer requests; and how often it did."""
    for refused in range(20):
        try:
            return connector.read_after(room, place), refused
        except RetryLater as error:
            hands.turn(min(error.seconds, 1.1))
    raise AssertionError("never read")


def test_slow_app_reads_on_where_it_was_told_to_wait(connector, harness, slow):
    ids = [harness.say(str(number)) for number in range(40)]

    page, refused = read_slowly(connector, harness.room, None, slow)

    assert [event.id for event in page.events] == ids
    assert refused == 2


def test_slow_app_follows_one_thread_after_the_other(connector, harness, slow):
    roots = [harness.slack.say(harness.channel, harness.person, f"root {number}") for number in range(3)]
    page, _ = read_slowly(connector, harness.room, None, slow)
    for root in (roots[2], *roots):
        harness.slack.reply(root, harness.person, f"to {root.text}")

    found = []
    for _ in range(10):
        page, _ = read_slowly(connector, harness.room, page.cursor, slow)
        found += [text for _, text in told(page)]
        if not page.more:
            break

    assert found == ["to root 2", "to root 0", "to root 1", "to root 2"]


def test_what_is_said_while_a_slow_app_reads_comes_next(connector, harness, slow):
    ids = [harness.say(str(number)) for number in range(20)]
    with pytest.raises(RetryLater):
        connector.read_after(harness.room, None)
    ids += [harness.say("more")]

    first, _ = read_slowly(connector, harness.room, None, slow)
    second, _ = read_slowly(connector, harness.room, first.cursor, slow)

    assert [event.id for page in (first, second) for event in page.events] == ids


def test_slow_app_comes_to_the_end_of_a_thread_of_several_pages(connector, harness, slow):
    root = harness.slack.say(harness.channel, harness.person, "root")
    place = connector.read_after(harness.room, None).cursor
    answers = [harness.slack.reply(root, harness.person, str(number)) for number in range(40)]
    slow.turn(1.1)

    page, refused = read_slowly(connector, harness.room, place, slow)

    assert [event.id for event in page.events] == [answer.ts for answer in answers]
    assert refused == 2


def test_messages_further_back_than_is_looked_count_as_standing(connector, harness, monkeypatch):
    monkeypatch.setattr(walking, "PAGE", 2)
    monkeypatch.setattr(history, "MOST_LOOKS", 2)
    harness.say("older")
    said = [harness.slack.say(harness.channel, harness.person, str(number)) for number in range(6)]
    ids = [one.ts for one in said]
    for gone in (said[0], said[4]):
        harness.slack.delete(gone)

    standing = history.History(connector.client, connector.directory, connector.reader).standing

    assert standing(harness.room, ids) == {ids[0], ids[1], ids[2], ids[3], ids[5]}
    assert standing(harness.room, ids[4:5]) == set()
    assert standing(harness.room, ids[5:]) == {ids[5]}


def test_reading_many_threads_leaves_calls_for_answers_that_are_posted(connector, harness, monkeypatch):
    hour = 3600.0  # a minute may end during the test
    monkeypatch.setitem(pace.TIERS, pace.REPLIES, Limit(10, hour))
    monkeypatch.setattr(pace, "THREADS_READ", Limit(6, hour))
    roots = [harness.slack.say(harness.channel, harness.person, f"root {number}") for number in range(12)]
    place = connector.read_after(harness.room, None).cursor
    for root in roots:
        harness.slack.reply(root, harness.person, f"to {root.text}")

    with pytest.raises(RetryLater, match="used up"):
        connector.read_after(harness.room, place)
    answer = OutgoingMessage("answer", plain.parse("answer"), reply_to=MessageId(roots[0].ts))
    sent = connector.send(harness.room, answer)

    assert [one.ts for one in roots[0].replies][-1] == sent


def test_walk_whose_cursor_slack_takes_no_more_is_begun_anew(connector, harness, monkeypatch):
    monkeypatch.setattr(walking, "PAGE", 2)
    ids = [harness.say(str(number)) for number in range(5)]
    refusals = [
        RetryLater("Fewer.", seconds=0.1),
        RetryLater("Slack answered with an error (invalid_cursor)."),
    ]
    begun, history_of = [], SlackClient.history

    def forgetful(client, channel, *, cursor="", **how):
        if cursor and refusals:
            raise refusals.pop(0)
        begun.extend([] if cursor else [channel])
        return history_of(client, channel, cursor=cursor, **how)

    monkeypatch.setattr(SlackClient, "history", forgetful)
    for _ in range(2):
        with pytest.raises(RetryLater):
            connector.read_after(harness.room, None)
    page = connector.read_after(harness.room, None)

    assert [event.id for event in page.events] == ids
    assert begun == [harness.room, harness.room]
