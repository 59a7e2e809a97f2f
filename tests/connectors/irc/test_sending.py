"""Posting by the session: one confirmed line after the other, none lost, none shuffled."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import OutgoingMessage, RoomId
from connectors.errors import DeliveryUnknown, MessageRejected, RetryLater, RoomGone
from connectors.irc import outbox, refusals
from connectors.irc.connector import IrcConnector
from connectors.irc.pace import BURST, COMMAND, SLOWEST, Pace
from connectors.irc.text import lines_of, size
from connectors.markup.tree import Bold, Document, Mention, Paragraph, Text
from tests import ircservers
from tests.connectors.irc.fake import NAME, Fake, fake
from tests.connectors.irc.lines import Line
from tests.connectors.irc.living import FAST, living, login
from tests.irchuman import people

pytestmark = pytest.mark.xdist_group("ircd")
PLAIN = {"caps": None}
ECHO = {"caps": {"echo-message": "", "message-tags": ""}}
LABELS: dict[str, object] = {}  # everything
WAYS = pytest.mark.parametrize("script", [PLAIN, ECHO, LABELS], ids=["fence", "echo", "labels"])


@pytest.fixture
def server() -> Iterator[Fake]:
    with fake() as running:
        yield running


# ----------------------------------------------------------------- all, in order


Made = Callable[[], AbstractContextManager[ircservers.Ircd]]


def flooded(made: Made, lines: Sequence[str], **pace: str) -> list[str]:
    """What arrives of lines that wait to be said all at once."""
    with made() as running, people(running.url) as crowd, living(running.url, "#flood", **pace) as us:
        ann = crowd.enter("ann", "#flood")
        for line in lines:
            us.insist("#flood", line)
        ann.wait(lambda: len(ann.texts("#flood")) >= len(lines))
        assert us.error is None
        return ann.texts("#flood")


def test_hundred_lines_at_once_all_arrive_in_order() -> None:
    """At the defaults of servers that brake, and of one that cuts off; all at once, as each takes minutes."""
    lines = [f"line {number}" for number in range(100)]
    servers: list[Made] = [
        ircservers.ngircd,
        lambda: ircservers.inspircd(ircservers.Flood.DEFAULT),
        lambda: ircservers.inspircd(ircservers.Flood.STRICT),
    ]

    with ThreadPoolExecutor(len(servers)) as threads:
        told = list(threads.map(lambda made: flooded(made, lines), servers))

    assert told == [lines] * 3


def test_server_that_brakes_is_followed_however_fast_we_would_go() -> None:
    lines = [f"line {number}" for number in range(30)]

    assert flooded(lambda: ircservers.inspircd(ircservers.Flood.DEFAULT), lines, **FAST) == lines


def test_channels_share_the_connection_fairly(server: Fake) -> None:
    rooms = ["#a", "#b", "#c"]
    with living(server.url, *rooms, lines_per_second="20") as us:
        lanes = [
            threading.Thread(target=lambda room=room: [us.insist(room, str(n)) for n in range(15)])
            for room in rooms
        ]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join(60)

        said = [line.params[0] for line in server.lines("PRIVMSG")]
        assert [server.texts(room) for room in rooms] == [[str(n) for n in range(15)]] * 3
        for room in rooms:  # none has to wait until another one is through
            assert said.index(room, 6) < 30


@WAYS
def test_line_is_confirmed(script: dict) -> None:
    with fake(**script) as server, living(server.url, "#room") as us:
        us.insist("#room", "hello")

        assert server.texts("#room") == ["hello"]
        assert us.events == []


@WAYS
def test_one_line_is_on_its_way_at_a_time(script: dict) -> None:
    with fake(**script) as server, living(server.url, "#room", **FAST) as us:
        server.script.slow = 0.05
        lanes = [threading.Thread(target=us.insist, args=("#room", str(n))) for n in range(5)]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join(30)

        ends = [line for line in server.got if line.command in ("PRIVMSG", "PING")]
        said = [line.command for line in ends]
        assert said == (["PRIVMSG", "PING"] * 5 if script is PLAIN else ["PRIVMSG"] * 5)


def test_ids_are_given_where_the_server_gives_them(server: Fake) -> None:
    with living(server.url, "#room", scopes=["msgid"]) as us:
        sent = us.send("#room", "hello")

        assert sent == server.history["#room"][0].id
        assert us.connector.capabilities.message_ids


def test_line_of_another_client_of_ours_is_not_taken_for_the_echo(server: Fake) -> None:
    """Bouncers, and servers where several clients share a nick, tell us what the others say."""
    with living(server.url, "#room", scopes=["msgid"]) as us:
        others: list[str] = []

        def meanwhile(session, line: Line) -> bool:
            server.rules.clear()
            others.append(server.say("relay", "#room", "from my phone"))
            return False

        server.on("PRIVMSG", meanwhile)
        sent = us.send("#room", "hello")

        assert sent == server.history["#room"][1].id
        assert others == [server.history["#room"][0].id]


def test_echo_within_an_answer_of_several_lines_is_known_by_its_label(server: Fake) -> None:
    with living(server.url, "#room", scopes=["msgid"]) as us:

        def answer(session, line: Line) -> bool:
            server.say("relay", "#room", "from my phone")
            label, source = {"label": line.tags["label"]}, session.source
            session.send(Line("BATCH", ("+r", "labeled-response"), NAME, label))
            echo = {"batch": "r", "msgid": "mine"}
            session.send(Line("PRIVMSG", ("#room", line.last), source, echo))
            session.send(Line("BATCH", ("-r",), NAME))
            return True

        server.on("PRIVMSG", answer)
        assert us.send("#room", "hello") == "mine"


def test_echo_that_has_lost_its_label_counts_in_the_end(
    server: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "NO_ECHO", 0.2)
    with living(server.url, "#room", scopes=["msgid"]) as us:

        def answer(session, line: Line) -> bool:
            session.send(Line("PRIVMSG", ("#room", line.last), session.source, {"msgid": "mine"}))
            return True

        server.on("PRIVMSG", answer)
        assert us.send("#room", "hello") == "mine"


# ----------------------------------------------------------------- cut off, refused, not there


@WAYS
def test_line_that_is_cut_off_may_have_arrived(script: dict) -> None:
    with fake(**script) as server, living(server.url, "#room") as us:

        def cut(session, line: Line) -> bool:
            session.cut()
            return True

        server.on("PRIVMSG", cut)

        with pytest.raises(DeliveryUnknown, match="before it had confirmed"):
            us.send("#room", "hello")


@WAYS
def test_line_that_is_never_confirmed_may_have_arrived(script: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "CONFIRMED", 0.2)
    with fake(**script, swallows={"PRIVMSG"}) as server, living(server.url, "#room") as us:
        server.script.swallows.add("PING")
        began = time.monotonic()

        with pytest.raises(DeliveryUnknown):
            us.send("#room", "hello", not_after=time.monotonic() + 2)
        with pytest.raises(RetryLater, match="earlier"):  # no other one goes before that is known
            us.send("#room", "next", not_after=time.monotonic() + 2)

        assert time.monotonic() - began < 2 * 2 + 4
        server.wait(lambda: server.lines("PRIVMSG"))
        assert len(server.lines("PRIVMSG")) == 1


def test_late_confirmation_lets_the_next_line_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "CONFIRMED", 0.2)
    with fake(**PLAIN, swallows={"PING"}) as server, living(server.url, "#room") as us:
        with pytest.raises(DeliveryUnknown):
            us.send("#room", "first", not_after=time.monotonic() + 3)

        server.wait(lambda: server.lines("PING"))
        server.script.swallows.clear()
        server.session("relay").send(Line("PONG", ("irc.fake.example", server.lines("PING")[0].last)))
        us.insist("#room", "second")
        assert server.texts("#room") == ["first", "second"]


@pytest.mark.parametrize("script", [ECHO, LABELS], ids=["echo", "labels"])
def test_line_that_is_swallowed_in_silence_is_rejected(script: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "NO_ECHO", 0.2)
    with fake(**script) as server, living(server.url, "#room") as us:
        server.on("PRIVMSG", lambda session, line: True)

        with pytest.raises(MessageRejected, match="did not pass"):
            us.send("#room", "hello")


@WAYS
def test_refused_line_is_rejected_with_the_servers_words(script: dict) -> None:
    with fake(**script, mute={"#room": "You are muted"}) as server, living(server.url, "#room") as us:
        with pytest.raises(MessageRejected, match="You are muted"):
            us.insist("#room", "hello")

        server.script.mute.clear()
        us.insist("#room", "again")
        assert server.texts("#room") == ["again"]


@pytest.mark.parametrize(
    ("number", "error"),
    [
        *((number, RetryLater) for number in (401, 403, 442, 439, 263)),
        *((number, MessageRejected) for number in (408, 412, 482)),
        (477, RoomGone),
    ],
)
@WAYS
def test_each_refusal_is_a_next_step(script: dict, number: int, error: type) -> None:
    with fake(**script) as server, living(server.url, "#room") as us:

        def refuse(session, line: Line) -> bool:
            about = "PRIVMSG" if number == 263 else "#room"
            session.numeric(number, about, "no")
            return True

        server.on("PRIVMSG", refuse)
        with pytest.raises(error, match=r"[A-Z].*\.$"):
            us.send("#room", "hello")


def test_formatting_is_left_out_where_it_is_refused(server: Fake) -> None:
    with living(server.url, "#room", **FAST) as us:

        def refuse(session, line: Line) -> bool:
            if "\x02" in line.last:
                session.numeric(404, "#room", "Can't send colors to channel (+c is set)")
            return "\x02" in line.last

        server.on("PRIVMSG", refuse)
        body = Document((Paragraph((Bold((Text("[Ann]"),)), Text(" hello"))),))
        for _ in range(2):
            us.send("#room", "[Ann] hello", body=body)

        assert server.texts("#room") == ["[Ann] hello"] * 2
        assert len(server.lines("PRIVMSG")) == 3  # from then on it is known


def test_send_before_the_stream_stands_and_after_its_end_is_for_later(server: Fake) -> None:
    connector = IrcConnector(login(server.url))
    with pytest.raises(RetryLater, match="does not stand"):
        connector.send(RoomId("#room"), OutgoingMessage("hello"))

    with living(server.url, "#room") as us:
        with pytest.raises(RetryLater, match="not in this channel"):
            us.send("#elsewhere", "hello")
        with pytest.raises(RetryLater, match="turn had passed"):
            us.send("#room", "late", not_after=time.monotonic() - 1)
    with pytest.raises(RetryLater, match="does not stand"):
        us.send("#room", "hello")
    assert server.texts("#room") == []


def test_lines_wait_for_the_way_back_into_a_channel(server: Fake) -> None:
    with living(server.url, "#room") as us:
        server.kick("#room", "relay")
        us.wait(lambda: not us.connector._live[1]._channels.is_in(RoomId("#room")))

        with pytest.raises(RetryLater):
            us.send("#room", "hello")


# ----------------------------------------------------------------- how fast


def test_server_that_cuts_us_off_for_flooding_is_told_less_from_then_on() -> None:
    with fake(flood=8) as server:
        with living(server.url, "#room", **FAST) as us:
            with suppress(DeliveryUnknown, RetryLater):
                for number in range(1000):
                    us.send("#room", str(number))
            us.wait(lambda: us.is_over)
        assert "Flood" in str(us.error)

        after = Pace(server.url)
        after.recall()
        assert after.slowed == 2.0


def test_joining_many_channels_and_posting_keep_to_one_pace(server: Fake) -> None:
    """InspIRCd counts two for a JOIN, one for a line, forgets one each second, and ends whoever has ten."""
    rooms = [f"#many{number}" for number in range(50)]
    counted, most, at = 0.0, 0.0, time.monotonic()

    def count(session, line: Line) -> bool:
        nonlocal counted, most, at
        counted, at = max(counted - (time.monotonic() - at), 0.0), time.monotonic()
        counted += 2 if line.command == "JOIN" else 1
        most = max(most, counted)
        return False

    server.on("JOIN", count)
    server.on("PRIVMSG", count)
    with living(server.url, *rooms) as us:
        began = time.monotonic()
        while time.monotonic() < began + 7:
            us.insist("#many0", "line")

        assert most < 10
        assert len(server.lines("JOIN")) + len(server.lines("PRIVMSG")) > 6


@pytest.mark.parametrize("words", ["Excess Flood", "RecvQ exceeded", "Closing link: (Flooding)"])
def test_words_of_servers_that_were_flooded(words: str) -> None:
    assert refusals.is_flooding(words)


def test_pace_is_a_burst_and_then_an_interval() -> None:
    pace, now, gone = Pace("irc://h"), 1000.0, []
    while len(gone) < 20:
        now += pace.due(now)
        pace.took(now)
        gone.append(now - 1000)

    assert gone[: int(BURST)] == [0.0] * int(BURST)
    steps = [round(after - before, 6) for before, after in pairwise(gone[6:])]
    assert set(steps) == {COMMAND}


def test_pace_counts_the_ping_behind_each_line() -> None:
    pace = Pace("irc://h")
    pace.commands = 2

    assert pace.interval == 2 * COMMAND
    for _ in range(int(BURST) // 2):
        assert pace.due(0.0) == 0.0
        pace.took(0.0)
    assert pace.due(0.0) == pytest.approx(2 * COMMAND)


def test_pace_gets_no_slower_than_a_bound() -> None:
    for _ in range(10):
        pace = Pace("irc://slow")
        pace.recall()
        pace.slow_down()

    pace.recall()
    assert pace.slowed == SLOWEST


# ----------------------------------------------------------------- what a line holds


def test_longest_lines_arrive_whole_and_longer_ones_are_rejected() -> None:
    with (
        ircservers.inspircd() as running,
        people(running.url) as crowd,
        living(running.url, "#long", **FAST) as us,
    ):
        ann = crowd.enter("ann", "#long")
        most = us.connector.capabilities.max_text_length
        widest = "👩" * (most // 4) + "x" * (most % 4)

        us.insist("#long", "x" * most)
        us.insist("#long", widest)
        us.insist("#long", "y" * (most + 1))  # cut by a measure that holds no more
        with pytest.raises(MessageRejected, match="too long"):
            us.insist("#long", "x" * (most + 100))

        ann.wait(lambda: len(ann.texts("#long")) == 4)
        assert ann.texts("#long") == ["x" * most, widest, "y" * most, "y"]


@given(st.text(max_size=80))
def test_text_is_lines_and_nothing_else(text: str) -> None:
    for message in (OutgoingMessage(text), OutgoingMessage(text, body=Document((Paragraph((Text(text),)),)))):
        for line in lines_of(message):
            assert line
            assert not {"\r", "\n", "\0", "\x01"} & set(line)
            assert size(line) == len(line.encode("utf-8", "replace"))


def test_message_that_shows_nothing_is_rejected(server: Fake) -> None:
    with living(server.url, "#room") as us, pytest.raises(MessageRejected):
        us.send("#room", "\n \n")


def test_mentions_are_the_bare_name() -> None:
    body = Document((Paragraph((Mention("ann", "ann"), Text(" hello"))),))

    assert lines_of(OutgoingMessage("@ann hello", body=body)) == ["@ann hello"]


def test_name_before_a_message_does_not_call_its_bearer() -> None:
    connector = IrcConnector(login("irc://h:1"))

    assert connector.escape("[Ann, Acme] ") == "[A\u200bnn, Acme] "
    assert connector.escape("(12:00 UTC) ") == "(12:00 UTC) "
