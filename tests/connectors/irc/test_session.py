"""A session at real servers, and at one that misbehaves: coming in, staying in, hearing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.base import Kind, RoomId
from connectors.errors import LoginRejected, RetryLater
from connectors.irc import channels, link, session, ticking
from connectors.irc.connector import IrcConnector
from connectors.markup.tree import Bold, Document, Italic, Paragraph, Text
from sameroom import clock
from tests import ircservers
from tests.certificates import self_signed
from tests.connectors.irc.fake import Fake, fake
from tests.connectors.irc.living import living, login
from tests.irchuman import people

pytestmark = pytest.mark.xdist_group("ircd")


@pytest.fixture(scope="module")
def ngircd() -> Iterator[ircservers.Ircd]:
    with ircservers.ngircd() as server:
        yield server


@pytest.fixture(scope="module")
def inspircd() -> Iterator[ircservers.Ircd]:
    with ircservers.inspircd_with_services() as server:
        assert server.services
        server.services.register("relay", "s3cret word".replace(" ", "-"))
        yield server


PASSWORD = "s3cret-word"


@pytest.fixture
def server() -> Iterator[Fake]:
    with fake() as running:
        yield running


# ----------------------------------------------------------------- coming in


def test_server_without_capabilities_lets_us_in(ngircd: ircservers.Ircd) -> None:
    with people(ngircd.url) as crowd, living(ngircd.url, "#plain") as us:
        ann = crowd.enter("ann", "#plain")
        ann.say("#plain", "hello")

        us.wait(lambda: us.texts == ["hello"])
        [(room, event)] = us.events
        assert (room, event.kind, event.author.id, event.author.name) == (
            "#plain",
            Kind.MESSAGE,
            "ann",
            "ann",
        )
        assert event.id == ""
        assert event.dedupe_key.endswith("-2")  # her coming was the first


def test_server_that_never_answers_cap_lets_us_in() -> None:
    with fake(caps=None) as server, living(server.url, "#room") as us:
        server.say("ann", "#room", "hello")

        us.wait(lambda: us.texts == ["hello"])


def test_tls_with_the_servers_own_certificate(ngircd: ircservers.Ircd) -> None:
    with (
        people(ngircd.url) as crowd,
        living(ngircd.tls_url, "#tls", ca_certificate=ngircd.certificate) as us,
    ):
        ann = crowd.enter("ann", "#tls")
        ann.say("#tls", "hello")

        us.wait(lambda: us.texts == ["hello"])
        us.insist("#tls", "hello yourself")
        ann.wait(lambda: ann.texts("#tls", by="relay") == ["hello yourself"])


def test_certificate_that_nobody_vouches_for_is_refused(ngircd: ircservers.Ircd) -> None:
    with living(ngircd.tls_url, "#tls") as us:
        assert isinstance(us.error, RetryLater)
        assert "certificate" in str(us.error)


def test_sasl_plain_logs_in(inspircd: ircservers.Ircd) -> None:
    with people(inspircd.url) as crowd:
        ann = crowd.enter("ann", "#sasl")
        with living(inspircd.url, "#sasl", password=PASSWORD) as us:
            ann.raw("WHOIS", "relay")

            ann.wait(lambda: [words for words in ann.saw("330") if "relay" in words])
            assert us.error is None


def test_sasl_with_a_wrong_password_is_refused(inspircd: ircservers.Ircd) -> None:
    with living(inspircd.url, "#sasl", password="not-it") as us:
        assert isinstance(us.error, LoginRejected)
        assert "account name" in str(us.error)
        assert "not-it" not in str(us.error)


def test_sasl_external_logs_in_by_certificate(inspircd: ircservers.Ircd, tmp_path: Path) -> None:
    made = self_signed("certified")
    pem = tmp_path / "client.pem"
    pem.write_text(made.certificate + made.key)
    assert inspircd.services
    inspircd.services.register("certified", PASSWORD, certificate=pem)
    with people(inspircd.url) as crowd:
        ann = crowd.enter("ann", "#external")
        with living(
            inspircd.tls_url,
            "#external",
            nick="certified",
            certificate=pem.read_text(),
            ca_certificate=inspircd.certificate,
        ) as us:
            assert us.error is None, us.error
            ann.raw("WHOIS", "certified")

            ann.wait(lambda: [words for words in ann.saw("330") if "certified" in words])


@pytest.mark.parametrize(
    ("password", "error"), [("right", type(None)), ("wrong", LoginRejected)], ids=["right", "wrong"]
)
def test_nickserv_where_there_is_no_sasl(password: str, error: type) -> None:
    with (
        fake(caps=None, accounts={"relay": "right"}) as server,
        living(server.url, "#room", password=password) as us,
    ):
        assert isinstance(us.error, error)
        assert "IDENTIFY" in [line.last.split()[0] for line in server.lines("PRIVMSG")]


@pytest.mark.parametrize("password", ["right", "wrong"])
def test_services_that_were_away_are_asked_again(password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "LOG_IN_AGAIN", 0.5)
    monkeypatch.setattr(ticking, "EVERY", 0.05)
    with fake(caps=None, nickserv=False, accounts={"relay": "right"}) as server:
        server.on("NICKSERV", lambda one, line: one.numeric(401, "NickServ", "No such nick") or True)
        with living(server.url, "#room", password=password) as us:
            server.on("NICKSERV", lambda one, line: one._ask_nickserv(line.last) or True)

            if password == "wrong":
                us.wait(lambda: isinstance(us.error, LoginRejected))
            else:
                us.wait(lambda: server.session("relay").account == "relay")
            said = [line for line in server.lines("PRIVMSG") if line.params[0] == "NickServ"]
            assert len([line for line in said if line.last.startswith("IDENTIFY")]) == 1  # whoever that is


def test_network_without_services_goes_on_without_them(ngircd: ircservers.Ircd) -> None:
    with people(ngircd.url) as crowd, living(ngircd.url, "#nobody", password="of no use") as us:
        crowd.enter("ann", "#nobody").say("#nobody", "hello")

        us.wait(lambda: us.texts == ["hello"])


@pytest.mark.parametrize(
    ("script", "error", "says"),
    [
        ({"banned": "You are banned: spam"}, LoginRejected, "spam"),
        ({"password": "welcome"}, LoginRejected, "server password"),
        ({"closing": "Closing Link: (Trying to reconnect too fast.)"}, RetryLater, "too fast"),
        ({"closing": "Closing Link: (Too many connections from your host)"}, RetryLater, "Too many"),
        ({"closing": "Closing Link: (K-Lined: open proxy)"}, LoginRejected, "open proxy"),
        ({"erroneous": {"relay", "relay_", "relay__"}}, LoginRejected, "nick"),
    ],
)
def test_server_that_does_not_let_us_in_says_why(script: dict, error: type, says: str) -> None:
    with fake(**script) as server, living(server.url, "#room") as us:
        assert isinstance(us.error, error)
        assert says in str(us.error)
        if error is RetryLater:
            assert us.error.seconds == 60


@pytest.mark.parametrize("made", [ircservers.ngircd, ircservers.inspircd])
def test_real_servers_password_is_asked_for(made) -> None:
    with made(password="welcome") as running:
        with living(running.url, "#room", server_password="wrong") as us:
            assert isinstance(us.error, LoginRejected)
            assert "server password" in str(us.error)
        with living(running.url, "#room", server_password="welcome") as us:
            assert us.error is None


@pytest.mark.parametrize("script", [{"hangs": True}, {"slow": 2.0}, {"drip": 0.2}])
def test_server_that_hangs_or_drips_is_left_in_time(script: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "OPENING", 1.0)
    began = time.monotonic()

    with fake(**script) as server, living(server.url, "#room") as us:
        assert isinstance(us.error, RetryLater)
        assert time.monotonic() - began < 4


def test_nobody_there_is_for_later() -> None:
    with living("irc://127.0.0.1:9", "#room") as us:
        assert isinstance(us.error, RetryLater)
        assert "refused the connection" in str(us.error)


# ----------------------------------------------------------------- nicks


def test_taken_nick_is_replaced_and_got_back(
    inspircd: ircservers.Ircd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "REGAIN", 1.0)
    with people(inspircd.url) as crowd:
        other = crowd.enter("wanted", "#nicks")
        with living(inspircd.url, "#nicks", nick="wanted") as us:
            assert other.people("#nicks") == {"wanted", "wanted_"}

            other.rename("done")
            other.wait(lambda: other.people("#nicks") == {"wanted", "done"})
            us.insist("#nicks", "here")
            other.wait(lambda: other.texts("#nicks", by="wanted") == ["here"])


def test_nick_that_somebody_keeps_is_asked_for_ever_more_rarely(
    server: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    times, told = [clock.monotonic()], set()
    monkeypatch.setattr(session, "REGAIN", 1.0)
    monkeypatch.setattr(ticking, "EVERY", 0.02)
    monkeypatch.setattr(clock, "monotonic", lambda: times[-1])
    server.script.taken.add("relay")
    with living(server.url, "#room") as us:
        live = us.connector._live[1]
        tick = live.tick
        monkeypatch.setattr(live, "tick", lambda at: (tick(at), told.add(at)))
        for seconds in (0.5, *[1.0] * 20):
            times.append(times[-1] + seconds)
            us.wait(lambda: told.issuperset(times[1:]))
        us.send("#room", "behind what was asked")
        asked = len([line for line in server.lines("NICK") if line.last == "relay"]) - 1
        assert asked == 4  # after 1, 3, 7, 15 seconds


def test_nick_that_the_network_has_cut_is_not_asked_for_again(
    server: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "REGAIN", 0.1)
    monkeypatch.setattr(ticking, "EVERY", 0.02)
    server.script.most_of_nick = 4
    with living(server.url, "#room"):
        time.sleep(0.5)
        assert [line.last for line in server.lines("NICK")] == ["relay"]


def test_nick_of_ours_is_taken_from_a_stranger(inspircd: ircservers.Ircd) -> None:
    with people(inspircd.url) as crowd:
        ann, _ = crowd.enter("ann", "#nicks"), crowd.enter("relay")
        with living(inspircd.url, "#nicks", password=PASSWORD):
            ann.wait(lambda: "relay" in ann.people("#nicks"))


def test_line_under_a_replacement_is_still_ours(ngircd: ircservers.Ircd) -> None:
    with people(ngircd.url) as crowd, living(ngircd.url, "#other", nick="reader") as reader:
        crowd.enter("poster", "#other")
        with living(ngircd.url, "#other", nick="poster") as us:
            us.insist("#other", "by a replacement")

            reader.wait(lambda: reader.texts == ["by a replacement"])
            assert reader.events[0][1].author.id == us.connector.login.user_id


def test_name_given_by_the_network_is_ours(server: Fake) -> None:
    server.script.renamed = "Guest1"
    with living(server.url, "#room") as us:
        assert us.send("#room", "hello") == ""
        assert us.events == []  # the echo is not news


def test_underscores_at_the_end_of_a_nick_do_not_count() -> None:
    with fake(caps=None) as server, living(server.url, "#room") as us:
        for nick in ("Poster__", "poster", "___"):
            server.say(nick, "#room", "hello")

        us.wait(lambda: len(us.events) == 3)
        assert [event.author.id for _, event in us.events] == ["poster", "poster", "___"]


def test_our_own_lines_are_no_news_whoever_wrote_them(server: Fake) -> None:
    with living(server.url, "#room") as us:
        server.say("relay", "#room", "by another client at the same bouncer")
        server.say("ann", "#room", "hello")

        us.wait(lambda: us.texts == ["hello"])


def test_line_under_a_name_given_by_the_network_is_known_as_ours() -> None:
    with fake(caps=None) as server, living(server.url, "#room", nick="reader") as reader:
        server.script.renamed = "Guest1"
        with living(server.url, "#room", nick="poster") as us:
            us.insist("#room", "by a guest")
            reader.wait(lambda: reader.texts == ["by a guest"])
        server.say("Guest1", "#room", "by somebody else, later")
        reader.wait(lambda: len(reader.texts) == 2)

        assert [event.author.id for _, event in reader.events] == ["poster", "guest1"]


# ----------------------------------------------------------------- channels


def test_channels_follow_what_matters(ngircd: ircservers.Ircd) -> None:
    with people(ngircd.url) as crowd, living(ngircd.url, "#one") as us:
        ann = crowd.enter("ann", "#one", "#two")
        us.rooms = frozenset({RoomId("#two")})

        ann.wait(lambda: "relay" in ann.people("#two") and "relay" not in ann.people("#one"))


def test_many_channels_are_all_joined_with_their_keys(inspircd: ircservers.Ircd) -> None:
    rooms = [f"#many{number}" for number in range(12)]
    with people(inspircd.url) as crowd:
        ann = crowd.enter("ann", *rooms)
        for room in rooms[::3]:
            ann.mode(room, "+k", f"key{room[5:]}")
        keys = {f"key of {room}": f"key{room[5:]}" for room in rooms[::3]}
        with living(inspircd.url, *rooms, nick="visitor", **keys) as us:
            ann.wait(lambda: all("visitor" in ann.people(room) for room in rooms))
            assert us.lost == {}


@pytest.mark.parametrize(
    ("modes", "says"),
    [(("+i",), "invited"), (("+k", "secret"), "key"), (("+b", "*!*@*"), "banned")],
    ids=["invite", "key", "ban"],
)
@pytest.mark.parametrize("kind", ["ngircd", "inspircd"])
def test_closed_channel_is_lost_with_its_reason(
    kind: str, modes: tuple[str, ...], says: str, request: pytest.FixtureRequest
) -> None:
    running = request.getfixturevalue(kind)
    with people(running.url) as crowd:
        ann = crowd.enter("ann", "#closed")
        ann.mode("#closed", *modes)
        ann.wait(lambda: ann.saw("MODE"))
        with living(running.url, "#closed", "#open", nick="visitor") as us:
            assert (list(us.lost), us.put_out) == (["#closed"], set())
            assert says in us.lost[RoomId("#closed")]


@pytest.mark.parametrize("number", [403, 405, 473, 474, 475, 476, 477, 489, 520])
def test_each_refusal_has_a_sentence(number: int, server: Fake) -> None:
    server.script.refused["#shut"] = number
    with living(server.url, "#shut") as us:
        assert us.lost[RoomId("#shut")].endswith(".")


def test_full_channel_is_tried_again(server: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "SETTLING", 0.1)
    server.script.refused["#full"] = 471
    with living(server.url, "#full") as us:
        server.wait(lambda: server.lines("JOIN"))
        channel = us.connector._live[1]._channels.by_room[RoomId("#full")]
        us.wait(lambda: channel.state is channels.State.WAITING)
        server.script.refused.clear()
        channel.due = 0.0

        us.wait(lambda: us.connector._live[1]._channels.is_in(RoomId("#full")))
        assert us.lost == {}


def test_forward_is_not_followed(server: Fake) -> None:
    server.script.forwards["#old"] = "##unregistered"
    with living(server.url, "#old") as us:
        assert "##unregistered" in us.lost[RoomId("#old")]
        server.wait(lambda: [line.params for line in server.lines("PART")] == [("##unregistered",)])


def test_kick_is_forgiven_once(server: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "REJOIN", 0.2)
    with living(server.url, "#room") as us:
        server.kick("#room", "relay", "behave")
        server.wait(lambda: len(server.lines("JOIN")) == 2)
        us.wait(lambda: us.connector._live[1]._channels.is_in(RoomId("#room")))
        server.say("ann", "#room", "back?")
        us.wait(lambda: us.texts == ["back?"])
        assert us.lost == {}

        server.kick("#room", "relay", "behave!")
        us.wait(lambda: us.lost)
        assert us.lost == {
            "#room": "We were put out of the channel by op: behave!. Ask its operators to let us back in."
        }
        assert us.put_out == {"#room"}


def test_names_of_channels_compare_as_the_server_says(ngircd: ircservers.Ircd) -> None:
    with people(ngircd.url) as crowd, living(ngircd.url, "#mixed") as us:
        crowd.enter("ann", "#MiXeD").say("#mIxEd", "same")

        us.wait(lambda: us.texts == ["same"])
        assert us.events[0][0] == "#mixed"


# ----------------------------------------------------------------- hearing


def test_what_is_said_becomes_events(inspircd: ircservers.Ircd) -> None:
    with people(inspircd.url) as crowd:
        ann = crowd.enter("ann", "#words")
        with living(inspircd.url, "#words", nick="visitor", scopes=["msgid"]) as us:
            ann.say("#words", "plain \x02bold\x02 \x0304red\x03 end")
            ann.act("#words", "waves")
            ann.notice("#words", "beep")
            ann.say("#words", "\x01VERSION\x01")
            ann.say("visitor", "just to you")
            ann.say("#words", "last")

            us.wait(lambda: us.texts[-1:] == ["last"])
            said, done, told, last = (event for _, event in us.events)
            assert said.body == Document(
                (Paragraph((Text("plain "), Bold((Text("bold"),)), Text(" red end"))),)
            )
            assert done.body == Document((Paragraph((Italic((Text("waves"),)),)),))
            assert (told.kind, last.kind) == (Kind.NOTICE, Kind.MESSAGE)
            assert len({event.id for _, event in us.events} - {""}) == 4


def test_registered_people_are_known_by_their_account(inspircd: ircservers.Ircd) -> None:
    assert inspircd.services
    inspircd.services.register("berta", PASSWORD)
    with people(inspircd.url) as crowd, living(inspircd.url, "#accounts", nick="visitor") as us:
        other = crowd.enter("somebody", "#accounts")
        other.raw("PRIVMSG", "NickServ", f"IDENTIFY berta {PASSWORD}")
        other.wait(lambda: other.saw("900"))
        other.say("#accounts", "it is me")

        us.wait(lambda: us.texts)
        author = us.events[0][1].author
        assert (author.id, author.name) == ("berta", "somebody")


def test_netsplit_and_the_servers_own_words_are_no_news(server: Fake) -> None:
    for number in range(20):
        server.join(f"user{number}", "#room")
    with living(server.url, "#room") as us:
        server.netsplit(*(f"user{number}" for number in range(20)))
        server.session("relay").numeric(404, "#elsewhere", "nothing to do with us")
        server.say("ann", "#room", "still here")

        us.wait(lambda: us.texts)
        assert us.texts == ["still here"]


def test_lines_of_other_encodings_and_nonsense_are_survived(server: Fake) -> None:
    with living(server.url, "#room") as us:
        connection = server.session("relay").connection
        connection.sendall(b":ann!a@h PRIVMSG #room :caf\xe9\r\n\r\n:\r\n@;;= \r\n:x\r\n@a=\\\r\n")
        connection.sendall(b":ann!a@h PRIVMSG\r\n:ann!a@h PRIVMSG #room :\x00\r\n")
        server.say("ann", "#room", "after")

        us.wait(lambda: us.texts == ["café", "after"])


def test_line_without_an_end_is_cut_off(server: Fake) -> None:
    with living(server.url, "#room") as us:
        server.session("relay").connection.sendall(b"x" * 40_000)

        us.wait(lambda: us.is_over)
        assert "too long" in str(us.error)


def test_silent_server_is_noticed(server: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    with living(server.url, "#room") as us:
        server.script.swallows.add("PING")
        monkeypatch.setattr(link, "SILENT", 0.5)
        monkeypatch.setattr(link, "ANSWERED", 0.5)

        us.wait(lambda: us.is_over)
        assert isinstance(us.error, RetryLater)
        assert "silent" in str(us.error)


def test_cut_connection_is_for_later(server: Fake) -> None:
    with living(server.url, "#room") as us:
        server.drop()

        us.wait(lambda: us.is_over)
        assert isinstance(us.error, RetryLater)


def test_pings_are_answered_and_lines_confirmed_while_a_batch_is_stored(server: Fake) -> None:
    with living(server.url, "#room") as us:
        us.holds.clear()
        server.say("ann", "#room", "hello")
        time.sleep(0.2)

        us.insist("#room", "while the database is away")
        assert server.texts("#room") == ["hello", "while the database is away"]
        us.holds.set()
        us.wait(lambda: us.texts == ["hello"])


def test_server_waits_while_nothing_is_stored(server: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "MOST_HELD", 50)
    with living(server.url, "#room") as us:
        us.holds.clear()
        for number in range(3000):
            server.say("ann", "#room", f"{number} {'x' * 200}")
        time.sleep(0.3)
        assert len(us.connector._live[1]._events) < 2500  # what one read of the socket holds, not more
        us.holds.set()
        us.wait(lambda: len(us.events) == 3000)
        assert [int(text.split()[0]) for text in us.texts] == list(range(3000))


def test_login_shows_no_secret() -> None:
    assert "hidden" not in repr(IrcConnector(login("irc://h:1", password="hidden")).login)
