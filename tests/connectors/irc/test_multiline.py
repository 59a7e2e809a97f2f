"""Messages of several lines that are one (IRCv3 draft/multiline), both ways."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import OutgoingMessage, RoomId
from connectors.errors import DeliveryUnknown, MessageRejected, RetryLater
from connectors.irc import multiline, outbox
from connectors.irc.connector import IrcConnector
from connectors.irc.multiline import Gathering, Limits, Piece, Refused, pieces_of
from connectors.irc.pace import BURST, Pace
from connectors.irc.text import size
from connectors.irc.wire import Line
from connectors.markup import irc, plain
from connectors.markup.tree import Bold, Document, LineBreak, Paragraph, Text
from tests.connectors.irc import lines
from tests.connectors.irc.fake import MODERN, Fake, fake
from tests.connectors.irc.living import FAST, living, login
from tests.connectors.irc.test_past import SCOPES

UNECHOED = {key: value for key, value in MODERN.items() if key not in ("echo-message", "labeled-response")}
UNLABELED = {key: value for key, value in MODERN.items() if key != "labeled-response"}
WAYS = pytest.mark.parametrize("caps", [UNECHOED, UNLABELED, MODERN], ids=["fence", "echo", "labels"])


@pytest.fixture
def server() -> Iterator[Fake]:
    with fake() as running:
        yield running


def body(*said: str) -> Document:
    inlines = [part for line in said for part in (LineBreak(), Text(line))]
    return Document((Paragraph(tuple(inlines[1:])),))


def batches(server: Fake) -> list[list[lines.Line]]:
    """What came in of batches, each with its brackets."""
    found: list[list[lines.Line]] = []
    for line in server.got:
        if line.command == "BATCH" and line.params[0].startswith("+"):
            found.append([])
        if line.command == "BATCH" or "batch" in line.tags:
            found[-1].append(line)
    return found


# ----------------------------------------------------------------- heard


def test_batch_is_one_message(server: Fake) -> None:
    with living(server.url, "#room", scopes=["msgid"]) as us:
        said = server.paste("ann", "#room", "one", "two ", "still two", "", "four", goes_on=(2,))
        server.say("ann", "#room", "after")

        us.wait(lambda: us.texts == ["one\ntwo still two\n\nfour", "after"])
        event = us.events[0][1]
        assert (event.id, event.dedupe_key, event.author.id) == (said, said, "ann")
        assert event.said_at == server.history["#room"][0].at


def test_batch_has_what_its_opening_says(server: Fake) -> None:
    with living(server.url, "#room", scopes=["msgid"]) as us:
        first = server.say("ben", "#room", "question")
        server.paste("ann", "#room", "one", "two", account="Anna", **{"+reply": first})

        us.wait(lambda: len(us.events) == 2)
        event = us.events[1][1]
        assert (event.author.id, event.author.name, event.reply_to) == ("anna", "ann", first)


def test_batches_of_two_people_at_once_are_told_apart(server: Fake) -> None:
    with living(server.url, "#room") as us:
        session = server.session("relay")
        for line in (
            ":ann!a@h BATCH +1 draft/multiline #room",
            ":ben!b@h BATCH +2 draft/multiline #room",
            "@batch=1 :ann!a@h PRIVMSG #room :a1",
            "@batch=2 :ben!b@h PRIVMSG #room :b1",
            ":kim!k@h PRIVMSG #room :between",
            "@batch=1 :ann!a@h PRIVMSG #room :a2",
            "BATCH -1",
            "@batch=2;draft/multiline-concat :ben!b@h PRIVMSG #room :b2",
            "BATCH -2",
        ):
            session.send(lines.Line.parse(line))

        us.wait(lambda: us.texts == ["between", "a1\na2", "b1b2"])
        assert [event.author.id for _, event in us.events] == ["kim", "ann", "ben"]


def test_batch_that_never_ends_is_not_told_and_holds_nothing_up(server: Fake) -> None:
    with living(server.url, "#room") as us:
        for number in range(100):
            server.session("relay").send(
                lines.Line("BATCH", (f"+{number}", "draft/multiline", "#room"), "ann!a@h")
            )
        server.paste("ann", "#room", "one", "two")

        us.wait(lambda: us.texts == ["one\ntwo"])
        assert len(us.connector._live[1]._gathering._begun) <= multiline.MOST_OPEN


def test_gathering_leaves_other_lines_and_batches_alone() -> None:
    gathering = Gathering()
    netsplit = Line("BATCH", ("+n", "netsplit", "a.b", "c.d"))
    inside = Line("QUIT", ("a.b c.d",), "ann!a@h", {"batch": "n"})

    for line in (netsplit, inside, Line("BATCH", ("-n",)), Line("BATCH"), Line("PRIVMSG", ("#a", "x"))):
        assert gathering.take(line) is line
    assert gathering.take(Line("BATCH", ("+m", "draft/multiline", "#a"))) is None
    assert gathering.take(Line("BATCH", ("-m",))) is None


def test_gap_is_told_with_its_messages_of_several_lines(server: Fake) -> None:
    with living(server.url, "#room", scopes=SCOPES) as us:
        server.say("ann", "#room", "before")
        us.wait(lambda: us.texts == ["before"])
        token = us.token
    said = server.paste("ann", "#room", "away 1", "away 2 ", "still 2", goes_on=(2,))
    server.say("ann", "#room", "away 3")

    with living(server.url, "#room", scopes=SCOPES, token=token) as us:
        server.paste("ann", "#room", "now", "and then")
        us.wait(lambda: us.texts[-1:] == ["now\nand then"])

    assert us.texts == ["before", "away 1\naway 2 still 2", "away 3", "now\nand then"]
    assert us.ids[1] == said


def test_end_of_a_channel_has_our_own_message_of_several_lines(server: Fake) -> None:
    with living(server.url, "#room", scopes=SCOPES) as us:
        mine = us.send("#room", "one\ntwo", body=body("one", "two"))

        for connector in (us.connector, IrcConnector(login(server.url, scopes=SCOPES))):
            [event] = connector.recent(RoomId("#room")).events
            assert (event.id, plain.render(event.body or Document())) == (mine, "one\ntwo")


# ----------------------------------------------------------------- said


@WAYS
def test_several_lines_are_one_batch(caps: dict) -> None:
    with fake(caps=caps) as server, living(server.url, "#room", scopes=["msgid"]) as us:
        sent = us.send("#room", "one\ntwo\nthree", body=body("one", "two", "three"))

        assert server.texts("#room") == ["one\ntwo\nthree"]
        assert sent == (server.history["#room"][0].id if caps is not UNECHOED else "")
        [batch] = batches(server)
        assert [line.command for line in batch] == ["BATCH", *["PRIVMSG"] * 3, "BATCH"]
        assert us.events == []


@WAYS
def test_line_that_is_too_long_is_one_batch(caps: dict) -> None:
    words = " ".join(f"word{number}" for number in range(300))
    with fake(caps=caps) as server, living(server.url, "#room") as us:
        us.send("#room", words, body=body(words))

        assert server.texts("#room") == [words]
        [[_, first, *others, _]] = batches(server)
        assert "draft/multiline-concat" not in first.tags
        assert all("draft/multiline-concat" in line.tags for line in others)
        assert all(line.last.endswith(" ") for line in (first, *others[:-1]))


def test_measure_is_that_of_a_batch(server: Fake) -> None:
    with living(server.url, "#room") as us:
        can = us.connector.capabilities
        most = "x" * can.max_text_length

        assert (can.one_line, can.max_text_length) == (False, 4096)
        assert us.connector.length(OutgoingMessage(most, body=body(most))) == 4096
        us.send("#room", most, body=body(most))
        assert server.texts("#room") == [most]


def test_measure_counts_lines_too(server: Fake) -> None:
    with living(server.url, "#room") as us:
        can, length = us.connector.capabilities, us.connector.length
        fitting, longer = body(*["x"] * 24), body(*["x"] * 25)

        assert length(OutgoingMessage("", body=fitting)) == can.max_text_length
        assert length(OutgoingMessage("", body=longer)) > can.max_text_length
        us.send("#room", "", body=fitting)
        assert server.texts("#room") == ["\n".join(["x"] * 24)]


def test_keeps_to_lines_where_there_is_no_such_thing() -> None:
    for caps in ({**MODERN, "draft/multiline": "max-lines=5"}, {"draft/multiline": "max-bytes=4096"}):
        with fake(caps=caps) as server, living(server.url, "#room") as us:
            assert us.connector.capabilities.one_line
            us.send("#room", "one\ntwo", body=body("one", "two"))
            assert server.texts("#room") == ["one two"]


@WAYS
def test_refused_batch_may_go_otherwise_and_nothing_of_it_stands_there(caps: dict) -> None:
    with fake(caps=caps, multiline_lines=3) as server, living(server.url, "#room", **FAST) as us:
        with pytest.raises(RetryLater, match="as one"):
            us.send("#room", "", body=body("1", "2", "3", "4", "5"))
        us.wait(lambda: us.connector.length(OutgoingMessage("", body=body("1", "2", "3"))) == 4096)
        us.send("#room", "", body=body("1", "2", "3"))

        assert server.texts("#room") == ["1\n2\n3"]


@WAYS
def test_everything_that_is_said_against_a_batch_is_about_it_alone(caps: dict) -> None:
    """Ergo says FAIL for each line behind the one that was too many."""
    with fake(caps=caps) as server, living(server.url, "#room", **FAST) as us:

        def refuse(session, line: lines.Line) -> bool:
            if not line.params[0].startswith("-"):
                return False
            for _ in range(3):
                told = ("BATCH", "MULTILINE_MAX_LINES", "5", "Too many")
                session.send(lines.Line("FAIL", told, "irc.fake.example"))
                server.over.wait(0.1)
            server.rules.clear()
            session.batches.clear()
            return True

        server.on("BATCH", refuse)
        with pytest.raises(RetryLater):
            us.send("#room", "", body=body(*"12345678"))
        for number in range(3):
            us.insist("#room", "", body=body("line", str(number)))

        assert server.texts("#room") == [f"line\n{number}" for number in range(3)]


@pytest.mark.parametrize(
    ("code", "lines_left"),
    [("MULTILINE_INVALID", None), ("TIMEOUT", None), ("MULTILINE_PASTE_LIMIT", 24)],
)
def test_what_a_refusal_leaves(code: str, lines_left: int | None, server: Fake) -> None:
    with living(server.url, "#room") as us:

        def refuse(session, line: lines.Line) -> bool:
            if line.params[0].startswith("-"):
                session.send(lines.Line("FAIL", ("BATCH", code, "said-1", "no"), "irc.fake.example"))
            return line.params[0].startswith("-")

        server.on("BATCH", refuse)
        with pytest.raises(RetryLater) as error:
            us.send("#room", "", body=body("1", "2"))

        left = us.connector._live[1].limits
        assert (left.most_lines if left else None) == lines_left
        assert error.value.seconds == (10.0 if lines_left else 0.2)


@WAYS
def test_batch_that_the_channel_refuses_is_rejected(caps: dict) -> None:
    with fake(caps=caps, mute={"#room": "You are muted"}) as server, living(server.url, "#room") as us:
        with pytest.raises(MessageRejected, match="You are muted"):
            us.send("#room", "", body=body("1", "2"))

        server.script.mute.clear()
        us.insist("#room", "", body=body("3", "4"))
        assert server.texts("#room") == ["3\n4"]


def test_formatting_of_a_batch_is_left_out_where_it_is_refused(server: Fake) -> None:
    with living(server.url, "#room", **FAST) as us:

        def refuse(session, line: lines.Line) -> bool:
            kept = session.batches.get(line.params[0][1:], [])
            if line.params[0].startswith("-") and any("\x02" in one.last for one in kept):
                session.batches.clear()
                session.numeric(404, "#room", "Can't send colors to channel (+c is set)")
                return True
            return False

        server.on("BATCH", refuse)
        said = Document((Paragraph((Bold((Text("one"),)), LineBreak(), Text("two"))),))
        us.send("#room", "", body=said)
        us.insist("#room", "", body=said)

        assert server.texts("#room") == ["one\ntwo"] * 2
        assert len(batches(server)) == 3


@WAYS
def test_batch_that_is_cut_off_may_have_arrived(caps: dict) -> None:
    with fake(caps=caps) as server, living(server.url, "#room") as us:

        def cut(session, line: lines.Line) -> bool:
            session.cut()
            return True

        server.on("BATCH", cut)
        with pytest.raises(DeliveryUnknown):
            us.send("#room", "", body=body("1", "2"))


def test_answer_to_the_beginning_alone_is_no_answer(server: Fake) -> None:
    """labeled-response: a server may acknowledge the opening, as nothing else is to be said of it."""
    with living(server.url, "#room", scopes=["msgid"]) as us:

        def acknowledge(session, line: lines.Line) -> bool:
            if line.params[0].startswith("+"):
                session.send(lines.Line("ACK", (), "irc.fake.example", {"label": line.tags["label"]}))
            return False

        server.on("BATCH", acknowledge)
        assert us.send("#room", "", body=body("1", "2")) == server.history["#room"][0].id


def test_server_that_swallows_a_batch_is_not_believed(server: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "NO_ECHO", 0.2)
    with living(server.url, "#room") as us:
        server.on("BATCH", lambda session, line: True)
        server.on("PRIVMSG", lambda session, line: True)

        with pytest.raises(MessageRejected, match="did not pass"):
            us.send("#room", "", body=body("1", "2"))


def test_server_that_takes_the_lines_but_no_batch_is_told_nothing_twice(server: Fake) -> None:
    with living(server.url, "#room", **FAST) as us:
        server.on("BATCH", lambda session, line: session.numeric(421, "BATCH", "Unknown command") or True)

        us.send("#room", "", body=body("1", "2"))
        us.insist("#room", "3")
        assert server.texts("#room") == ["1", "2", "3"]


def test_limits_that_change_are_kept_to(server: Fake) -> None:
    with living(server.url, "#room") as us:
        session = server.session("relay")
        session.send(lines.Line.parse(":s CAP relay NEW :draft/multiline=max-bytes=1000,max-lines=5"))
        us.wait(lambda: us.connector.capabilities.max_text_length == 1000)
        session.send(lines.Line.parse(":s CAP relay DEL :draft/multiline"))
        us.wait(lambda: us.connector.capabilities.one_line)


def test_what_was_cut_for_a_batch_goes_apart_where_none_is_taken_any_more(server: Fake) -> None:
    with living(server.url, "#room", **FAST) as us:
        words = [" ".join(f"{name}{number}" for number in range(60)) for name in ("one", "two")]
        us.connector._live[1].limits = None
        us.send("#room", "", body=body(*words))

        assert " ".join(text.strip() for text in server.texts("#room")) == " ".join(words)


def test_of_what_goes_apart_nothing_is_said_twice(server: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    with living(server.url, "#room", **FAST) as us:
        us.connector._live[1].limits = None

        def refuse(session, line: lines.Line) -> bool:
            if len(server.texts("#room")) == 1:
                session.numeric(404, "#room", "no")
            return len(server.texts("#room")) == 1

        server.on("PRIVMSG", refuse)
        with pytest.raises(MessageRejected, match="part of it"):
            us.send("#room", "", body=body("x" * 300, "y" * 300))


def test_server_that_was_flooded_is_told_lines() -> None:
    with fake() as server:
        Pace(server.url).slow_down()
        with living(server.url, "#room") as us:
            assert us.connector.capabilities.one_line


def test_pace_counts_what_a_batch_says() -> None:
    pace = Pace("irc://h")
    pace.took(0.0, 12)

    assert pace.due(0.0) == pytest.approx((12 - BURST + 1) * pace.interval)


# ----------------------------------------------------------------- cut


STYLED = st.text(st.sampled_from("ab \x02\x1d\x0f\u0301é👩🏽\u200d🚀"), max_size=120)


@given(STYLED, st.integers(30, 60))
def test_parts_of_a_line_say_what_it_says(line: str, most: int) -> None:
    pieces = pieces_of([line], most)

    assert [piece.goes_on for piece in pieces] == [False, *[True] * (len(pieces) - 1)]
    assert all(size(piece.text) <= most for piece in pieces)
    assert all(piece.text for piece in pieces[1:])
    assert irc.parse("".join(piece.text for piece in pieces)) == irc.parse(line)


def test_part_has_its_formatting_where_lines_stand_below_each_other() -> None:
    line = f"\x02{'bold ' * 10}\x0f"

    for piece in pieces_of([line], 40):
        assert irc.parse(piece.text.strip(" \x0f") + "\x0f").blocks[0].inlines[0].__class__ is Bold


def test_lines_of_any_length_are_cut_in_linear_time() -> None:
    began = time.thread_time()
    pieces = pieces_of(["x" * 1_000_000], 300)

    assert len(pieces) == 3334
    assert time.thread_time() - began < 10  # one, unless time grows with the square


@pytest.mark.parametrize(
    ("value", "limits"),
    [
        ("max-bytes=4096,max-lines=10", Limits(4096, 10)),
        ("max-bytes=40000", Limits(multiline.MOST_BYTES, multiline.MOST_LINES)),
        ("max-lines=10,max-bytes=1000,else,other=1", Limits(1000, 10)),
        *((value, None) for value in ("", "max-bytes=", "max-bytes=x", "max-bytes=300", "max-lines=9")),
        ("max-bytes=4096,max-lines=1", None),
        ("max-bytes=²", None),
    ],
)
def test_limits_are_what_the_capability_says(value: str, limits: Limits | None) -> None:
    assert Limits.of(value) == limits


@pytest.mark.parametrize(
    ("refusal", "left"),
    [
        (Refused("MULTILINE_MAX_LINES", "5"), Limits(4096, 5)),
        (Refused("MULTILINE_MAX_LINES", "24"), Limits(4096, 9)),
        (Refused("MULTILINE_MAX_LINES", "1"), None),
        (Refused("MULTILINE_MAX_BYTES", "800"), Limits(800, 24)),
        (Refused("MULTILINE_MAX_BYTES", "4096"), Limits(3008, 24)),
        (Refused("MULTILINE_MAX_BYTES", "100"), None),
        (Refused("MULTILINE_INVALID_TARGET", "#a"), None),
    ],
)
def test_each_refusal_lowers_the_limits(refusal: Refused, left: Limits | None) -> None:
    tried = [Piece("x" * 300)] * 10

    assert Limits(4096, 24).lowered(refusal, tried) == left
