"""What is asked beside the session, by a short connection: who we are, what channels there are."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from connectors.base import RoomId, RoomInfo
from connectors.errors import ConnectorError, LoginRejected, RetryLater, RoomGone
from connectors.irc import errands
from connectors.irc.connector import IrcConnector
from tests import ircservers
from tests.connectors.irc.fake import Fake, fake
from tests.connectors.irc.living import living, login
from tests.irchuman import people

pytestmark = pytest.mark.xdist_group("ircd")
PASSWORD = "s3cret-word"


@pytest.fixture(scope="module")
def inspircd() -> Iterator[ircservers.Ircd]:
    with ircservers.inspircd_with_services() as server:
        assert server.services
        server.services.register("relay", PASSWORD)
        yield server


@pytest.fixture(scope="module")
def ngircd() -> Iterator[ircservers.Ircd]:
    with ircservers.ngircd() as server:
        yield server


@pytest.fixture
def server() -> Iterator[Fake]:
    with fake() as running:
        yield running


@contextmanager
def within(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


# ----------------------------------------------------------------- who


def test_identity_without_services(ngircd: ircservers.Ircd) -> None:
    identity = IrcConnector(login(ngircd.url, "Relay")).verify()

    assert (identity.user_id, identity.user_name, identity.username) == ("relay", "Relay", "Relay")
    assert (identity.server, identity.space, identity.scopes) == (ngircd.url, ngircd.url, [])
    assert (identity.team_id, identity.team_name) == ("127.0.0.1", "Tests")


def test_identity_is_the_account_and_tells_what_the_server_can(inspircd: ircservers.Ircd) -> None:
    identity = IrcConnector(login(inspircd.url, "Nick", account="relay", password=PASSWORD)).verify()

    assert (identity.user_id, identity.user_name) == ("relay", "Nick")
    assert {"msgid", "echo-message", "labeled-response", "message-tags"} <= set(identity.scopes)


def test_identity_is_the_same_while_the_session_has_the_nick(ngircd: ircservers.Ircd) -> None:
    with living(ngircd.url, "#room") as us:
        assert us.connector.verify().user_id == "relay"


def test_capabilities_are_those_the_server_granted(inspircd: ircservers.Ircd) -> None:
    identity = IrcConnector(login(inspircd.url, "visitor")).verify()

    assert IrcConnector(login(inspircd.url, "visitor", identity.scopes)).capabilities.message_ids
    assert not IrcConnector(login(inspircd.url, "visitor")).capabilities.message_ids


def test_wrong_password_is_refused_by_sasl_and_by_nickserv(inspircd: ircservers.Ircd) -> None:
    with pytest.raises(LoginRejected, match="account name"):
        IrcConnector(login(inspircd.url, password="wrong")).verify()
    with (
        fake(caps=None, accounts={"relay": "right"}) as server,
        pytest.raises(LoginRejected, match="NickServ"),
    ):
        IrcConnector(login(server.url, password="wrong")).verify()


def test_password_at_a_network_without_services_is_told(ngircd: ircservers.Ircd) -> None:
    with pytest.raises(RetryLater, match="no NickServ"):
        IrcConnector(login(ngircd.url, password="of no use")).verify()


def test_address_that_is_none_is_refused() -> None:
    for server in (
        "https://irc.example.org",
        "irc.example.org",
        "ircs://a:b@host",
        "ircs://host:x",
        "ircs://",
    ):
        with pytest.raises(LoginRejected, match="ircs://"):
            IrcConnector(login(server)).verify()


# ----------------------------------------------------------------- channels


def test_entering_tells_the_channel_and_leaves_it_again(ngircd: ircservers.Ircd) -> None:
    with people(ngircd.url) as crowd:
        ann = crowd.enter("ann", "#Enter")
        ann.topic("#Enter", "\x02All\x02 about it.")
        ann.mode("#Enter", "+sk", "sesame")
        ann.wait(lambda: ann.saw("TOPIC") and ann.saw("MODE"))

        info = IrcConnector(login(ngircd.url)).enter(" #Enter  sesame ")

        assert info == RoomInfo(RoomId("#enter"), "#Enter", "All about it", is_private=True, key="sesame")
        ann.wait(lambda: ann.people("#Enter") == {"ann"})


def test_room_is_entered_with_the_key_that_is_kept(ngircd: ircservers.Ircd) -> None:
    with people(ngircd.url) as crowd:
        ann = crowd.enter("ann", "#keyed")
        ann.mode("#keyed", "+k", "sesame")
        ann.wait(lambda: ann.saw("MODE"))

        with pytest.raises(RoomGone, match="key"):
            IrcConnector(login(ngircd.url)).room(RoomId("#keyed"))
        kept = {"key of #keyed": "sesame"}
        assert IrcConnector(login(ngircd.url, **kept)).room(RoomId("#keyed")).key == "sesame"


@pytest.mark.parametrize("address", ["room", "#a,b", "#", "#a two words", "", "#x :y"])
def test_address_that_is_no_channel_is_gone(address: str, server: Fake) -> None:
    with pytest.raises(RoomGone, match="no name of a channel"):
        IrcConnector(login(server.url)).enter(address)


@pytest.mark.parametrize("number", [403, 405, 473, 474, 475, 476, 477, 489, 520])
def test_channel_that_does_not_let_us_in_is_gone(number: int, server: Fake) -> None:
    server.script.refused["#shut"] = number

    with pytest.raises(RoomGone, match=r"\.$"):
        IrcConnector(login(server.url)).enter("#shut")


def test_full_channel_is_for_later_and_a_forward_is_told(server: Fake) -> None:
    server.script.refused["#full"] = 471
    server.script.forwards["#old"] = "##new"

    with pytest.raises(RetryLater, match="full"):
        IrcConnector(login(server.url)).enter("#full")
    with pytest.raises(RoomGone, match="##new"):
        IrcConnector(login(server.url)).enter("#old")


def test_channels_are_listed_with_their_topics(inspircd: ircservers.Ircd) -> None:
    with people(inspircd.url) as crowd:
        ann = crowd.enter("ann", "#Listed", "#secret")
        crowd.enter("ben", "#Listed")
        ann.topic("#Listed", "a topic")
        ann.mode("#secret", "+s")
        ann.wait(lambda: ann.saw("TOPIC") and ann.saw("MODE"))

        assert list(IrcConnector(login(inspircd.url, "visitor")).list_rooms()) == [
            RoomInfo(RoomId("#listed"), "#Listed", "a topic")
        ]


# ----------------------------------------------------------------- servers in trouble


@pytest.mark.parametrize("script", [{"hangs": True}, {"drip": 0.1}, {"slow": 1.0}])
def test_errand_has_a_total_time_limit(script: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errands, "DEADLINE", 1.5)
    with fake(**script) as server, within(4), pytest.raises(RetryLater):
        errands.run(login(server.url), errands.identity, 1.5)


@pytest.mark.parametrize("command", ["JOIN", "MODE", "LIST"])
def test_question_that_is_not_answered_is_for_later(
    command: str, server: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(errands, "ANSWERS", 0.5)
    monkeypatch.setattr(errands, "LISTING", 10.5)
    server.script.swallows.add(command)
    connector = IrcConnector(login(server.url))

    with within(6), pytest.raises(RetryLater):
        list(connector.list_rooms()) if command == "LIST" else connector.enter("#room")


def test_no_error_holds_a_secret() -> None:
    for script in ({"closing": f"Closing Link: you said {PASSWORD}"}, {"banned": f"no {PASSWORD}"}):
        with fake(**script) as server:
            connector = IrcConnector(login(server.url, password=PASSWORD, server_password=PASSWORD))
            with pytest.raises(ConnectorError) as caught:
                connector.verify()
        assert PASSWORD not in str(caught.value) + repr(caught.value) + repr(connector.login)
