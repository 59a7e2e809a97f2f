"""The form: everything is tried before it is saved, and what does not work is said."""

import socket
import threading
from collections.abc import Iterator

import pytest

from connectors.irc.connector import IrcConnector
from connectors.irc.forms import IrcCredentialsForm
from tests import factories, ircservers
from tests.certificates import self_signed
from tests.connectors.irc.fake import Fake, fake
from tests.servers import free_port

pytestmark = pytest.mark.xdist_group("ircd")
FOLDED = ("realname", "plain", "lines_per_second", "server_password", "certificate", "ca_certificate")


def form_of(server: str, **typed: str) -> IrcCredentialsForm:
    data = {"network": "own", "server": server, "nick": "sameroom", **typed}
    return IrcCredentialsForm(data, connector_class=IrcConnector)


def error_of(server: str, **typed: str) -> str:
    """The one sentence that the form says."""
    form = form_of(server, **typed)
    assert not form.is_valid()
    [[sentence]] = form.errors.values()
    return str(sentence)


@pytest.fixture
def server() -> Iterator[Fake]:
    with fake() as running:
        yield running


@pytest.fixture(scope="module")
def network() -> Iterator[ircservers.Ircd]:
    with ircservers.inspircd_with_services() as running:
        assert running.services
        running.services.register("registered", "its-password")
        yield running


# ----------------------------------------------------------------- what works


def test_channel_is_joined_before_anything_is_saved(server: Fake) -> None:
    server.script.keys["#locked"] = "sesame"

    form = form_of(server.url, channel="#locked sesame")

    assert form.is_valid(), form.errors
    assert (form.identity.server, form.identity.user_name) == (server.url, "sameroom")
    assert [line.params for line in server.lines("JOIN")] == [("#locked", "sesame")]
    assert len(server.lines("NICK")) == 1  # all by one connection


def test_nothing_is_asked_for_but_a_nick(network: ircservers.Ircd) -> None:
    assert form_of(f"127.0.0.1:{network.port}", plain="on").is_valid()


def test_password_of_the_account_is_tried(network: ircservers.Ircd) -> None:
    seen = {"server": network.tls_url, "ca_certificate": network.certificate, "account": "registered"}

    form = form_of(**seen, password="its-password")

    assert form.is_valid(), form.errors
    assert "registered" in form.identity.user_id
    assert error_of(**seen, password="another").startswith("The network refused the account name")


def test_certificate_is_shown_instead_of_a_password(network: ircservers.Ircd, tmp_path) -> None:  # type: ignore[no-untyped-def]
    assert network.services
    path, pair = tmp_path / "own.pem", self_signed("certified")
    path.write_text(pair.both)
    network.services.register("certified", "its-password", certificate=path)

    form = form_of(
        network.tls_url, nick="certified", certificate=pair.both, ca_certificate=network.certificate
    )

    assert form.is_valid(), form.errors
    assert "certified" in form.identity.user_id
    assert form.secrets()["certificate"].strip() == pair.both.strip()


def test_pace_of_a_network_that_lets_us_is_kept(server: Fake) -> None:
    form = form_of(server.url, lines_per_second="20")

    assert form.is_valid(), form.errors
    assert form.secrets()["lines_per_second"] == "20.0"
    assert error_of(server.url, lines_per_second="0") == "Ensure this value is greater than or equal to 0.1."


def test_networks_with_a_name_need_no_address() -> None:
    form = IrcCredentialsForm(
        {"network": "libera", "nick": "sameroom", "account": "sameroom"}, connector_class=IrcConnector
    )
    form.verify = lambda login: logins.append(login)  # type: ignore[method-assign, assignment, func-returns-value]
    logins: list[object] = []

    assert form.is_valid()
    assert [login.server for login in logins] == ["ircs://irc.libera.chat:6697"]  # type: ignore[attr-defined]


# ----------------------------------------------------------------- what does not, and what is said


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"server": ""}, "Type the address of the network's server."),
        ({"server": "ircs://a/b"}, "This is no address of an IRC server."),
        ({"server": "https://irc.example.org"}, "This is no address of an IRC server."),
        ({"nick": "2fast"}, "A nick has letters without accents"),
        ({"nick": "anné"}, "A nick has letters without accents"),
        ({"account": "two words"}, "The name of an account has no blanks."),
        ({"password": "a\nb"}, "A password has no line breaks."),
        ({"certificate": "no certificate"}, "This is no certificate with its key."),
        ({"certificate": self_signed("x").certificate}, "This is no certificate with its key."),
        ({"certificate": self_signed("x").both, "plain": "on"}, "A certificate is shown by TLS only."),
        ({"network": "oftc", "plain": "on"}, "This network has TLS."),
    ],
)
def test_what_cannot_work_is_said_without_connecting(typed: dict[str, str], sentence: str) -> None:
    assert error_of(**({"server": "irc.example.org"} | typed)).startswith(sentence)


def test_nobody_at_the_address() -> None:
    assert error_of("irc.nowhere.invalid").endswith("Check how it is spelt.")
    assert error_of(f"127.0.0.1:{free_port()}") == (
        "The IRC server cannot be reached: 127.0.0.1 refused the connection. "
        "Check the port: 6697 is usual with TLS, 6667 without."
    )


def test_port_without_tls_and_port_with_tls_are_told_apart(network: ircservers.Ircd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as speaks_first:
        speaker = threading.Thread(target=_greet, args=(speaks_first,), daemon=True)
        speaker.start()
        without = error_of(f"127.0.0.1:{speaks_first.getsockname()[1]}")
        speaker.join(5)
    assert without.endswith("Perhaps no TLS is spoken at this port: 6697 is usual for it.")

    sealed = error_of(f"127.0.0.1:{network.tls_port}", plain="on")
    assert sealed.endswith("Perhaps it takes only connections with TLS, or only others.")


def _greet(server: socket.socket) -> None:
    """As servers do that look up who comes."""
    connection = server.accept()[0]
    with connection:
        connection.sendall(b":irc.example NOTICE * :*** Looking up your hostname...\r\n")
        connection.recv(1000)


def test_certificate_that_nobody_vouches_for(network: ircservers.Ircd) -> None:
    assert error_of(network.tls_url).endswith("enter it under “CA certificate”.")


def test_silent_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        held: list[socket.socket] = []
        threading.Thread(target=lambda: held.append(silent.accept()[0]), daemon=True).start()

        said = error_of(f"127.0.0.1:{silent.getsockname()[1]}", plain="on")

        for one in held:
            one.close()
    assert said.endswith("Check address and port (6697 is usual with TLS, 6667 without), or try again later.")


@pytest.mark.parametrize(
    ("script", "typed", "sentence"),
    [
        ({"erroneous": {"sameroom"}}, {}, "Somebody has the nick sameroom on this network, or it is kept"),
        ({"taken": {"sameroom"}}, {}, "Somebody has the nick sameroom on this network, or it is kept"),
        ({"password": "sesame"}, {}, "The IRC server refused the server password."),
        ({"banned": "no bots"}, {}, "The IRC server has banned us: no bots."),
        (
            {"closing": "Trying to reconnect too fast."},
            {},
            "The IRC server takes no connection now: Trying to reconnect too fast.",
        ),
        ({"accounts": {"sameroom": "right"}}, {"password": "wrong"}, "The network refused the account name"),
        ({"refused": {"#room": 474}}, {"channel": "#room"}, "The channel has banned our nick or address."),
        ({"refused": {"#room": 473}}, {"channel": "#room"}, "The channel is for invited people only."),
        ({"keys": {"#room": "sesame"}}, {"channel": "#room open"}, "The channel has a key"),
        ({"forwards": {"#room": "##room"}}, {"channel": "#room"}, "The channel sends us on to ##room"),
        ({}, {"channel": "room"}, "This is no name of a channel on this network."),
    ],
)
def test_refusals_are_told(script: dict[str, object], typed: dict[str, str], sentence: str) -> None:
    with fake(**script) as server:
        assert error_of(server.url, **typed).startswith(sentence)


def test_nick_that_the_network_cuts_is_told(server: Fake) -> None:
    """Libera.Chat and others cut a nick that is too long, without a word."""
    server.script.most_of_nick = 9

    assert error_of(server.url, nick="sameroom-acme").startswith("Nicks of this network have at most 9 signs")
    assert form_of(server.url, nick="sameroom9").is_valid()


def test_nick_that_our_own_session_has_is_no_trouble_when_a_login_is_renewed(server: Fake) -> None:
    server.script.taken.add("sameroom")
    form = form_of(server.url)
    form.known = {"nick"}

    assert form.is_valid(), form.errors


# ----------------------------------------------------------------- the page


def test_page_folds_away_what_few_need(client, db) -> None:  # type: ignore[no-untyped-def]
    client.force_login(factories.user("ann@example.org"))

    text = client.get("/accounts/add/irc/").text

    before, _, folded = text.partition('<details class="folded"')
    assert all(f'name="{name}"' in folded for name in FOLDED)
    assert all(f'name="{name}"' in before for name in ("network", "server", "nick", "password", "channel"))


def test_renewing_shows_no_secret(client, db) -> None:  # type: ignore[no-untyped-def]
    owner, pair = factories.user("ann@example.org"), self_signed("x")
    client.force_login(owner)
    secret = {"password": "hunter2", "server_password": "sesame", "certificate": pair.both}
    account = factories.account(
        owner,
        kind="irc",
        server="irc://irc.example.org:6667",
        credentials={"network": "own", "nick": "sameroom", "account": "", "realname": "", **secret},
    )

    text = client.get(f"/accounts/{account.code}/renew/").text

    assert [value for value in (*secret.values(), "PRIVATE KEY") if value in text] == []
    assert 'value="irc://irc.example.org:6667"' in text
