"""What was said while we were away, at servers that keep it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from connectors.base import Cursor, RoomId
from connectors.errors import RoomGone
from connectors.irc import history
from connectors.irc.connector import IrcConnector
from connectors.markup import plain
from tests.connectors.irc.fake import Fake, fake
from tests.connectors.irc.lines import Line
from tests.connectors.irc.living import living, login
from tests.connectors.irc.test_sending import PLAIN

SCOPES = ["batch", "draft/chathistory", "message-tags", "msgid", "server-time"]
ROOM = RoomId("#room")


@pytest.fixture
def server() -> Iterator[Fake]:
    with fake() as running:
        yield running


def test_history_is_claimed_where_it_was_granted(server: Fake) -> None:
    assert set(SCOPES) <= set(IrcConnector(login(server.url)).verify().scopes)
    assert IrcConnector(login(server.url, scopes=SCOPES)).capabilities.history
    assert not IrcConnector(login(server.url, scopes=["msgid"])).capabilities.history


def test_gap_is_told_in_order_before_what_is_said_now(server: Fake) -> None:
    with living(server.url, "#room", scopes=SCOPES) as us:
        server.say("ann", "#room", "before")
        us.wait(lambda: us.texts == ["before"])
        token = us.token
    for number in range(250):
        server.say("ann", "#room", f"away {number}")

    with living(server.url, "#room", scopes=SCOPES, token=token) as us:
        server.say("ann", "#room", "now")
        us.wait(lambda: us.texts[-1:] == ["now"])

    told = dict.fromkeys(zip(us.ids, us.texts, strict=True))
    assert [text for _, text in told] == ["before", *(f"away {number}" for number in range(250)), "now"]


def test_first_stream_tells_what_was_said_last(server: Fake) -> None:
    server.say("ann", "#room", "earlier")

    with living(server.url, "#room", scopes=SCOPES) as us:
        assert us.texts == ["earlier"]


def test_what_is_said_while_the_gap_is_read_comes_once_and_behind_it(
    server: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "PAGE", 2)
    for number in range(5):
        server.say("ann", "#room", f"old {number}")

    def meanwhile(session, line) -> bool:
        server.say("ben", "#room", "meanwhile")
        server.rules.pop("CHATHISTORY")
        return False

    server.on("CHATHISTORY", meanwhile)
    token = "2020-01-01T00:00:00.000Z"
    with living(server.url, "#room", scopes=SCOPES, token=token) as us:
        us.wait(lambda: len(us.texts) >= 6)
        assert us.texts == [*(f"old {number}" for number in range(5)), "meanwhile"]


def test_messages_of_one_moment_are_all_told_where_pages_end_between_them(
    server: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "PAGE", 2)
    for number in range(7):
        server.say("ann", "#room", f"old {number}")
    told = server.history["#room"]
    told[:] = [replace(one, at=told[0].at) for one in told]

    with living(server.url, "#room", scopes=SCOPES, token="2020-01-01T00:00:00.000Z") as us:
        assert us.texts == [f"old {number}" for number in range(7)]


def test_gap_is_asked_for_again_where_the_server_has_trouble(
    server: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "PAGE", 2)
    monkeypatch.setattr(history, "AGAIN", 0.05)
    for number in range(5):
        server.say("ann", "#room", f"old {number}")

    def trouble(session, line) -> bool:
        asked = len(server.lines("CHATHISTORY"))
        if asked in (1, 3):
            told = ("CHATHISTORY", "MESSAGE_ERROR", "AFTER", "#room", "Messages could not be retrieved")
            session.send(Line("FAIL", told, "irc.fake.example"))
        return asked in (1, 3)

    server.on("CHATHISTORY", trouble)
    with living(server.url, "#room", scopes=SCOPES, token="2020-01-01T00:00:00.000Z") as us:
        assert us.texts == [f"old {number}" for number in range(5)]


def test_gap_that_is_told_in_part_is_told_so_far(server: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "PAGE", 2)
    for number in range(5):
        server.say("ann", "#room", f"old {number}")

    def trouble(session, line) -> bool:
        asked = len(server.lines("CHATHISTORY"))
        if asked == 2:
            told = ("CHATHISTORY", "INVALID_TARGET", "AFTER", "#room", "Messages could not be retrieved")
            session.send(Line("FAIL", told, "irc.fake.example"))
        return asked == 2

    server.on("CHATHISTORY", trouble)
    with living(server.url, "#room", scopes=SCOPES, token="2020-01-01T00:00:00.000Z") as us:
        assert us.texts == ["old 0", "old 1"]


def test_server_without_history_tells_nothing_of_before() -> None:
    with fake(**PLAIN) as server:
        server.say("ann", "#room", "earlier")
        with living(server.url, "#room", token="2020-01-01T00:00:00.000Z") as us:
            server.say("ann", "#room", "now")
            us.wait(lambda: us.texts)

            assert (us.texts, us.token) == (["now"], "live")


@pytest.mark.parametrize("by_session", [True, False], ids=["session", "errand"])
def test_end_of_a_channel_with_our_own_lines(by_session: bool, server: Fake) -> None:
    for number in range(3):
        server.say("ann", "#room", str(number))
    with living(server.url, "#room", scopes=SCOPES) as us:
        mine = us.send("#room", "mine")
        asked = us.connector if by_session else IrcConnector(login(server.url, scopes=SCOPES))

        recent = asked.recent(ROOM)
        assert [plain.render(event.body) for event in recent.events if event.body] == ["0", "1", "2", "mine"]
        assert (recent.events[-1].id, recent.events[-1].author.id) == (mine, "relay")
        assert recent.whole
        [last] = asked.newest(ROOM)
        assert last == Cursor(mine, recent.events[-1].said_at)


def test_end_that_is_not_all_says_so(server: Fake) -> None:
    for number in range(120):
        server.say("ann", "#room", str(number))

    recent = IrcConnector(login(server.url, scopes=SCOPES)).recent(ROOM)
    assert (len(recent.events), recent.whole) == (100, False)


def test_end_of_a_closed_channel_is_gone(server: Fake) -> None:
    server.script.refused["#room"] = 473

    with pytest.raises(RoomGone):
        IrcConnector(login(server.url, scopes=SCOPES)).recent(ROOM)
