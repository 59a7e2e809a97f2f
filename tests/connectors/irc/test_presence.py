"""Who comes and goes in a channel, and what becomes of its topic."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.base import Kind
from connectors.irc import presence
from connectors.markup import plain
from connectors.markup.tree import Document, Italic, Paragraph, Text
from tests.connectors.irc.fake import Fake, fake, source_of
from tests.connectors.irc.lines import Line
from tests.connectors.irc.living import Living, living


@pytest.fixture
def server() -> Iterator[Fake]:
    with fake() as running:
        yield running


def told(us: Living) -> list[tuple[str, str, str]]:
    """Channel, who, and what of them."""
    return [(room, event.author.name, plain.render(event.body)) for room, event in us.presence if event.body]


def heard(server: Fake, us: Living, *, by: str = "last") -> None:
    """Until all that was told before has come."""
    server.say(by, "#room", f"{by} words")
    us.wait(lambda: us.texts[-1:] == [f"{by} words"])


def test_coming_and_going_is_told(server: Fake) -> None:
    with living(server.url, "#room", "#other") as us:
        server.join("ann", "#room")
        server.tell("#room", Line("PART", ("#room", "to \x02lunch\x02"), source_of("ann")))
        server.tell("#room", Line("PART", ("#room",), source_of("bob")))
        server.tell("#room", Line("KICK", ("#room", "eve", "spam"), source_of("op")))
        heard(server, us)

        assert told(us) == [
            ("#room", "ann", "has joined"),
            ("#room", "ann", "has left (to lunch)"),
            ("#room", "bob", "has left"),
            ("#room", "eve", "was put out by op (spam)"),
        ]
        first = us.presence[0][1]
        assert (first.kind, first.is_presence, first.id) == (Kind.NOTICE, True, "")
        assert first.author.id == "ann"
        assert first.body == Document((Paragraph((Italic((Text("has joined"),)),)),))
        assert len({event.dedupe_key for _, event in us.presence}) == 4


def test_topics_are_told(server: Fake) -> None:
    with living(server.url, "#room") as us:
        for topic in ("\x0304Lunch\x03 at noon", ""):
            server.tell("#room", Line("TOPIC", ("#room", topic), source_of("ann")))
        server.tell("#room", Line("TOPIC", ("#room", "as it was"), "irc.fake.example"))
        heard(server, us)

        assert told(us) == [
            ("#room", "ann", "has set the topic to: Lunch at noon"),
            ("#room", "ann", "has cleared the topic"),
        ]


def test_who_quits_or_takes_another_nick_is_told_where_they_were_noticed(server: Fake) -> None:
    with living(server.url, "#room", "#other", "#third") as us:
        server.join("ann", "#room")
        server.say("ann", "#other", "hello")
        us.wait(lambda: us.texts)
        server.everybody(Line("NICK", ("anna",), source_of("ann")))
        server.leave("anna")
        server.leave("lurker")
        heard(server, us)

        assert told(us) == [
            ("#room", "ann", "has joined"),
            ("#room", "ann", "is now known as anna"),
            ("#other", "ann", "is now known as anna"),
            ("#room", "anna", "has left (bye)"),
            ("#other", "anna", "has left (bye)"),
        ]


def test_netsplits_are_no_news_nor_who_comes_back_from_them(
    server: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    with living(server.url, "#room") as us:
        server.join("ann", "#room")
        server.netsplit("ann", "bob")
        server.join("ann", "#room")
        server.join("bob", "#room")
        heard(server, us)
        assert told(us) == [("#room", "ann", "has joined")]

        server.leave("bob")
        server.join("bob", "#room")
        heard(server, us, by="other")
        assert told(us)[1:] == [("#room", "bob", "has left (bye)"), ("#room", "bob", "has joined")]

        monkeypatch.setattr(presence, "BACK", 0.0)
        server.netsplit("bob")
        server.join("bob", "#room")
        heard(server, us, by="third")
        assert told(us)[3:] == [("#room", "bob", "has joined")]


def test_we_ourselves_are_no_news(server: Fake) -> None:
    with living(server.url, "#room") as us:
        server.rename("relay", "relay2")
        server.tell("#room", Line("TOPIC", ("#room", "ours"), source_of("relay2")))
        heard(server, us)

        assert told(us) == []


def test_two_sessions_tell_the_same_by_one_key(server: Fake) -> None:
    with living(server.url, "#room") as us, living(server.url, "#room", nick="second") as other:
        us.wait(lambda: us.presence)
        server.tell(
            "#room",
            Line("JOIN", ("#room", "*", "ann"), source_of("ann"), {"time": "2026-11-22T12:00:00.000Z"}),
        )
        us.wait(lambda: len(us.presence) == 2 and other.presence)

        assert us.presence[1][1].dedupe_key == other.presence[0][1].dedupe_key
        assert us.presence[0][1].author.id == "second"


def test_those_noticed_longest_ago_are_forgotten(server: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "MOST_NOTICED", 2)
    with living(server.url, "#room") as us:
        for nick in ("ann", "bob", "eve"):
            server.join(nick, "#room")
        server.leave("ann")
        server.leave("eve")
        heard(server, us)

        assert told(us)[3:] == [("#room", "eve", "has left (bye)")]
