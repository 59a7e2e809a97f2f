"""Channels that are not what they were, or say in words of their own that they let nobody in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.base import RoomId
from connectors.errors import RoomGone
from connectors.irc import channels, session
from connectors.irc.connector import IrcConnector
from tests.connectors.irc.fake import MODERN, NAME, Fake, fake, source_of
from tests.connectors.irc.lines import Line
from tests.connectors.irc.living import living, login

OLD, NEW = RoomId("#old"), RoomId("#new")


@pytest.fixture
def server() -> Iterator[Fake]:
    with fake(caps={**MODERN, "draft/channel-rename": ""}) as running:
        yield running


def rename(server: Fake, old: str, new: str) -> None:
    """A channel gets another name: whoever is in it is in the new one."""
    for one in list(server.sessions):
        if old in one.channels:
            one.send(Line("RENAME", (old, new, "because"), source_of("op")))
            one.channels[new] = one.channels.pop(old)


def test_channel_that_is_renamed_goes_on_as_the_new_one(server: Fake) -> None:
    with living(server.url, OLD) as us:
        us.holds.clear()
        server.say("ann", "#old", "before")
        rename(server, "#old", "#new")
        server.say("ann", "#new", "after")
        us.wait(lambda: us.connector._live[1]._channels.now(OLD) == NEW)
        us.send(OLD, "still posted by its former name")
        us.holds.set()

        us.wait(lambda: us.texts == ["before", "after"])
        assert [room for room, _ in us.events] == [OLD, NEW]
        assert us.moved == {OLD: NEW}
        # What was said under the new name is told once the new name is known.
        assert [one for batch in us.told for one in batch] == [OLD, "moved", NEW]
        assert us.told[-1] == [NEW]
        us.rooms = frozenset({NEW})
        us.send(NEW, "and by the new one")
        assert server.texts("#new") == ["after", "still posted by its former name", "and by the new one"]
        assert (server.lines("PART"), len(server.lines("JOIN"))) == ([], 1)


def test_channel_that_was_renamed_meanwhile_is_followed(server: Fake) -> None:
    def renamed(fake_session, line: Line) -> bool:
        if line.params[0].lower() == "#old":
            told = ("JOIN", "CHANNEL_RENAMED", line.params[0], "#new", "The channel has been renamed")
            fake_session.send(Line("FAIL", told, NAME))
        return line.params[0].lower() == "#old"

    server.on("JOIN", renamed)
    with living(server.url, OLD) as us:
        server.wait(lambda: len(server.lines("JOIN")) == 2)
        us.wait(lambda: us.connector._live[1]._channels.is_in(NEW))
        server.say("ann", "#new", "hello")

        us.wait(lambda: us.texts == ["hello"])
        assert (us.moved, us.events[0][0], us.lost) == ({OLD: NEW}, NEW, {})
    assert IrcConnector(login(server.url)).enter("#Old").id == NEW


def test_channel_that_is_renamed_to_and_fro_is_where_it_began(server: Fake) -> None:
    with living(server.url, OLD) as us:
        us.holds.clear()
        rename(server, "#old", "#new")
        rename(server, "#new", "#old")
        server.say("ann", "#old", "hello")
        us.holds.set()

        us.wait(lambda: us.texts == ["hello"])
        assert (us.events[0][0], us.moved.get(OLD)) == (OLD, None)


def test_channel_whose_names_lead_to_each_other_is_given_up(
    server: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "MOST_TRIES", 3)
    monkeypatch.setattr(session, "SETTLING", 0.1)

    def renamed(fake_session, line: Line) -> bool:
        other = "#new" if line.params[0] == "#old" else "#old"
        fake_session.send(Line("FAIL", ("JOIN", "CHANNEL_RENAMED", line.params[0], other, "no"), NAME))
        return True

    server.on("JOIN", renamed)
    with living(server.url, OLD) as us:
        us.wait(lambda: us.lost)
        assert len(server.lines("JOIN")) == 3
    with pytest.raises(RoomGone):
        IrcConnector(login(server.url)).enter("#old")


def test_change_of_case_is_no_other_name(server: Fake) -> None:
    with living(server.url, OLD) as us:
        server.session("relay").send(Line("RENAME", ("#old", "#OLD", ""), source_of("op")))
        server.say("ann", "#old", "hello")

        us.wait(lambda: us.texts == ["hello"])
        assert us.moved == {}


@pytest.mark.parametrize(
    "refusal",
    [
        Line("448", ("relay", "#shut", "Cannot join channel: reserved"), NAME),
        Line("926", ("relay", "#shut", "Channel is forbidden: reserved"), NAME),
        Line("FAIL", ("JOIN", "ACCOUNT_REQUIRED", "#shut", "It is reserved"), NAME),
    ],
    ids=["unrealircd", "inspircd", "standard-reply"],
)
def test_refusal_in_words_of_their_own_is_told(refusal: Line, server: Fake) -> None:
    server.on("JOIN", lambda fake_session, line: fake_session.send(refusal) or True)
    with living(server.url, "#shut") as us:
        assert "reserved" in us.lost[RoomId("#shut")]
    with pytest.raises(RoomGone, match="reserved"):
        IrcConnector(login(server.url)).enter("#shut")


def test_channels_with_long_names_are_joined_by_lines_that_are_not_cut(server: Fake) -> None:
    rooms = [f"#{name * 180}" for name in "abcde"]
    keys = {f"key of {room}": name * 30 for room, name in zip(rooms, "abcde", strict=True)}
    server.script.keys = {room: room[1] * 30 for room in rooms}
    with living(server.url, *rooms, **keys) as us:
        us.wait(lambda: all(us.connector._live[1]._channels.is_in(room) for room in us.rooms))
        assert all(len(str(line).encode()) <= 510 for line in server.lines("JOIN"))


def test_channel_that_is_never_joined_nor_refused_is_told(
    server: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "MOST_TRIES", 2)
    monkeypatch.setattr(channels, "PATIENCE", 0.1)
    monkeypatch.setattr(session, "SETTLING", 0.1)
    server.script.swallows.add("JOIN")
    with living(server.url, "#silent") as us:
        us.wait(lambda: us.lost)
        assert "does not answer" in us.lost[RoomId("#silent")]
        assert len(server.lines("JOIN")) == 2
