"""The servers of the tests, real and scripted, in the eyes of a client that nobody here wrote."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pydle
import pytest

from tests import ircservers
from tests.connectors.irc.fake import Fake, fake
from tests.irchuman import Crowd, Quiet, people


def talk(url: str, room: str, password: str = "", client: type[Any] = Quiet) -> None:
    """Two people meet, talk and part."""
    with people(url, password, client) as crowd:
        ann, ben = crowd.all([f"ann{room[1:]}", f"ben{room[1:]}"], room)
        ann.wait(lambda: ann.people(room) == {ann.nick, ben.nick})

        ann.say(room, "hello \x02bold\x02 ünï: code")
        ann.act(room, "waves")
        ann.notice(room, "beep")
        ann.paste(room, ["one", "two", "three"])
        ben.wait(lambda: len(ben.heard) == 6)
        ben.rename("benjamin")
        ann.wait(lambda: ann.people(room) == {ann.nick, "benjamin"})
        ben.leave(room, "so long")
        ann.wait(lambda: ann.people(room) == {ann.nick})

        assert ben.texts(room, by=ann.nick) == [
            *("hello \x02bold\x02 ünï: code", "waves", "beep", "one", "two", "three"),
        ]
        assert [(one.command, one.is_emote) for one in ben.heard][:3] == [
            *(("PRIVMSG", False), ("PRIVMSG", True), ("NOTICE", False)),
        ]


@pytest.mark.xdist_group("ircd")
def test_people_talk_at_ngircd_by_either_port() -> None:
    with ircservers.ngircd(password="welcome") as server:
        talk(server.url, "#clear", "welcome")
        talk(server.tls_url, "#tls", "welcome")


@pytest.mark.xdist_group("ircd")
def test_people_talk_at_inspircd_by_either_port() -> None:
    with ircservers.inspircd(ircservers.Flood.DEFAULT) as server:
        talk(server.url, "#clear")
        talk(server.tls_url, "#tls")


@pytest.mark.xdist_group("ircd")
def test_inspircd_ends_who_says_too_much_at_once_where_it_is_told_to() -> None:
    with ircservers.inspircd(ircservers.Flood.STRICT) as server, people(server.url) as crowd:
        ann = crowd.enter("ann", "#room")

        with suppress(ConnectionError):
            ann.paste("#room", [str(number) for number in range(40)])

        ann.wait(lambda: any("Excess Flood" in words[-1] for words in ann.saw("ERROR")))


@pytest.mark.parametrize("client", [Quiet, pydle.Client], ids=["plain", "ircv3"])
def test_people_talk_at_the_fake(client: type[Any]) -> None:
    with fake() as server:
        talk(server.url, "#room", client=client)

        assert server.texts("#room")[0] == "hello \x02bold\x02 ünï: code"
        assert [line.params for line in server.lines("PART")] == [("#room", "so long")]


# ----------------------------------------------------------------- what the fake does on demand


@pytest.fixture
def server() -> Iterator[Fake]:
    with fake() as running:
        yield running


@pytest.fixture
def crowd(server: Fake) -> Iterator[Crowd]:
    with people(server.url) as crowd:
        yield crowd


def test_people_whom_the_test_plays_come_talk_and_are_split_off(server: Fake, crowd: Crowd) -> None:
    ann = crowd.enter("ann", "#room")

    server.join("ben", "#room")
    server.say("ben", "#room", "hello")
    ann.wait(lambda: ann.texts("#room", by="ben") == ["hello"])
    ann.wait(lambda: ann.people("#room") == {"ann", "ben"})

    server.netsplit("ben")
    ann.wait(lambda: ann.saw("QUIT"))
    ann.wait(lambda: ann.people("#room") == {"ann"})


def test_taken_nick_is_refused_and_another_one_may_be_forced(server: Fake, crowd: Crowd) -> None:
    server.script.taken.add("ann")
    ann = crowd.enter("ann", "#room")
    ann.wait(lambda: ann.people("#room") == {"ann_"})

    server.rename("ann_", "Guest1")

    ann.wait(lambda: ann.saw("NICK") == [("Guest1",)])
    ann.wait(lambda: ann.people("#room") == {"Guest1"})


def test_channels_refuse_and_lead_on(server: Fake, crowd: Crowd) -> None:
    server.script.refused["#banned"] = 474
    server.script.keys["#locked"] = "sesame"
    server.script.forwards["#old"] = "#new"
    ann = crowd.enter("ann")

    ann.raw("JOIN", "#banned")
    ann.raw("JOIN", "#locked")
    ann.raw("JOIN", "#old")
    ann.wait(lambda: ann.is_in("#new"))
    ann.join("#locked", "sesame")

    assert [ann.saw(number)[0][1] for number in ("474", "475", "470")] == ["#banned", "#locked", "#old"]


def test_moderators_kick_and_kill(server: Fake, crowd: Crowd) -> None:
    ann = crowd.enter("ann", "#room")

    server.kick("#room", "ann")
    ann.wait(lambda: ann.saw("KICK") == [("#room", "ann", "out")])
    server.kill("ann")

    # Whoever is killed need not read what is said after it.
    ann.wait(lambda: ann.saw("KILL") == [("ann", "Killed (op (out))")])


def test_flood_is_ended(server: Fake, crowd: Crowd) -> None:
    ann = crowd.enter("ann", "#room")
    server.script.flood = 10

    with suppress(ConnectionError):
        ann.paste("#room", [str(number) for number in range(40)])

    ann.wait(lambda: ann.saw("ERROR") == [("Closing Link: ann (Excess Flood)",)])
    assert server.texts("#room") == [str(number) for number in range(len(server.texts("#room")))]


def test_slow_and_dripping_server_says_the_same_in_the_end(server: Fake, crowd: Crowd) -> None:
    server.script.slow, server.script.drip = 0.01, 0.0002

    ann = crowd.enter("ann", "#room")

    assert ann.people("#room") == {"ann"}


def test_server_that_knows_no_capabilities_answers_nothing_to_cap(server: Fake) -> None:
    server.script.caps = None

    talk(server.url, "#room")

    assert server.lines("AUTHENTICATE") == []


def test_history_tells_what_was_said_while_nobody_was_there(server: Fake) -> None:
    ids = [server.say("ben", "#room", text) for text in ("one", "two", "three", "four")]
    with people(server.url, client=pydle.Client) as crowd:
        ann = crowd.enter("ann", "#room")
        ann.raw("CAP", "REQ", "draft/chathistory")

        ann.raw("CHATHISTORY", "AFTER", "#room", f"msgid={ids[1]}", "10")
        ann.wait(lambda: len(ann.saw("BATCH")) == 2)
        assert ann.texts("#room") == ["three", "four"]
        ann.raw("CHATHISTORY", "BEFORE", "#room", f"msgid={ids[2]}", "1")
        ann.wait(lambda: len(ann.saw("BATCH")) == 4)
        assert ann.texts("#room")[2:] == ["two"]
        ann.raw("CHATHISTORY", "LATEST", "#room", "*", "2")
        ann.wait(lambda: len(ann.saw("BATCH")) == 6)
        assert ann.texts("#room")[3:] == ["three", "four"]

        assert ann.saw("BATCH")[0][1:] == ("chathistory", "#room")
