"""Nobody leads us into our own network: every way an address comes in by, with every address known for it.

What counts is whom the process connected to, heard at the system call; the attacker's server is a real one.
"""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.cache import cache

from connectors import net
from connectors.base import Attachment, Login, UserId
from connectors.errors import ConnectorError
from connectors.files import fetch_public
from connectors.hipchat.connector import HipChatConnector
from connectors.hipchat.forms import HipChatCredentialsForm
from connectors.irc.connector import IrcConnector
from connectors.irc.forms import IrcCredentialsForm
from connectors.matrix import ghosts
from connectors.matrix.connector import MatrixConnector
from connectors.matrix.forms import MatrixCredentialsForm
from connectors.net import pools
from connectors.net.waiting import connections
from connectors.slack import files as slack_files
from connectors.slack.connector import SlackConnector
from tests import loops
from tests.security.targets import ATTACKER, TARGETS, Names, canary, listening
from tests.waiting import PATIENCE

TOKEN = "s3cret" * 7
FILE = Attachment("plan.pdf", reference="F1")


@dataclass
class Attacker:
    """A chat server of the attacker's: every answer leads to the target."""

    port: int
    target: str = ""
    redirects: bool = False

    @property
    def url(self) -> str:
        return f"http://{ATTACKER}:{self.port}"

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        if self.redirects:
            return 302, {"Location": self.target}, b""
        if path == "/leads-on":
            return 302, {"Location": self.target}, b""
        told = {
            "ok": True,
            "file": {"url_private_download": self.target},
            "url": self.target.replace("http", "ws", 1),
            "m.homeserver": {"base_url": self.target},
            "temp_download_url": self.target,
            "versions": ["v1.11"],
            "links": {"self": self.target, "next": self.target},
            "items": [],
        }
        if "/media/download/" in path:
            return 307, {"Location": self.target}, b""
        return 200, {"Content-Type": "application/json"}, json.dumps(told).encode()


@pytest.fixture
def attacker() -> Iterator[Attacker]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, headers, body = running.answer(urlsplit(self.path).path)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, "".join(char for char in value if ord(char) > 31))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = answer

        def send_header(self, keyword: str, value: str) -> None:
            super().send_header(keyword, value.encode().decode("latin-1"))

    with ThreadingHTTPServer((ATTACKER, 0), Handler) as server:
        server.daemon_threads = True
        running = Attacker(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield running
        server.shutdown()
        thread.join(5)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with canary() as port:
        yield port


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Names:
    """The attacker's server may be called, and nothing else of this machine."""
    settings.ALLOWED_PRIVATE_NETWORKS = [f"{ATTACKER}/32"]
    pools.forget()
    cache.clear()
    names = Names()
    monkeypatch.setattr("socket.getaddrinfo", names)
    return names


# ------------------------------------------------------------------------------ ways in


def hipchat_server(address: str, attacker: Attacker) -> None:
    data = {"server": address, "token": "a" * 40, "team_name": "Acme"}
    HipChatCredentialsForm(data, connector_class=HipChatConnector).is_valid()


def hipchat_redirects(address: str, attacker: Attacker) -> None:
    attacker.target, attacker.redirects = address, True
    hipchat_server(attacker.url, attacker)


def hipchat_file(address: str, attacker: Attacker) -> None:
    """A file's address in a message."""
    connector = HipChatConnector(Login(attacker.url, {"token": TOKEN}, UserId("1")))
    connector.fetch(Attachment("plan.pdf", url=address), io.BytesIO(), most=9, deadline=PATIENCE)


def hipchat_file_by_reference(address: str, attacker: Attacker) -> None:
    """The address that the server names for a file."""
    attacker.target = address
    connector = HipChatConnector(Login(attacker.url, {"token": TOKEN}, UserId("1")))
    connector.fetch(Attachment("plan.pdf", reference="abc"), io.BytesIO(), most=9, deadline=PATIENCE)


def matrix_server(address: str, attacker: Attacker) -> None:
    data = {"server": address, "user": "@ann:example.org", "password": TOKEN}
    MatrixCredentialsForm(data, connector_class=MatrixConnector).is_valid()


def matrix_well_known(address: str, attacker: Attacker) -> None:
    attacker.target = address
    matrix_server(attacker.url, attacker)


def matrix_redirects(address: str, attacker: Attacker) -> None:
    attacker.target, attacker.redirects = address, True
    matrix_server(attacker.url, attacker)


def matrix_media(address: str, attacker: Attacker) -> None:
    attacker.target = address
    connector = MatrixConnector(Login(attacker.url, {"token": TOKEN}, UserId("@me:example.org")))
    connector.fetch(
        Attachment("plan.pdf", reference="mxc://example.org/abc"), io.BytesIO(), most=9, deadline=PATIENCE
    )


def picture_of_an_author(address: str, attacker: Attacker) -> None:
    """Shown by a ghost: fetched, and given to the homeserver."""
    ghosts.forget()
    credentials = {"token": TOKEN, "service_token": TOKEN, "ghosts": "sameroom_"}
    connector = MatrixConnector(Login(attacker.url, credentials, UserId("@me:example.org")))
    assert connector._ghosts is not None
    connector._ghosts.enter("!room:example.org", "Bob", address)  # type: ignore[arg-type]


def irc_server(address: str, attacker: Attacker) -> None:
    parts = address.partition("://")[2].partition("/")[0] or address
    data = {"network": "own", "server": parts, "nick": "sameroom", "plain": "on"}
    IrcCredentialsForm(data, connector_class=IrcConnector).is_valid()


def irc_server_as_an_address(address: str, attacker: Attacker) -> None:
    scheme, _, rest = "".join(address.split()).partition("://")
    server = f"{scheme.replace('http', 'irc', 1)}://{rest.removesuffix('/secret')}"
    loops.run(_irc(server))


async def _irc(server: str) -> None:
    connector = IrcConnector(
        Login(server, {"nick": "sameroom", "account": "", "password": ""}, UserId("sameroom"))
    )
    async with aclosing(connector.stream("", list)) as stream:
        await anext(stream)


def slack_file(address: str, attacker: Attacker) -> None:
    """The address that Slack tells of a file: the token would go along."""
    attacker.target = address
    fetch_from_slack(attacker)


def slack_fetches(address: str, attacker: Attacker) -> None:
    attacker.target = address
    slack(attacker).fetch(FILE, io.BytesIO(), most=9, deadline=PATIENCE)


def slack_file_that_leads_on(address: str, attacker: Attacker) -> None:
    attacker.target = f"{attacker.url}/leads-on"
    fetch_from_slack(attacker, then=address)


def fetch_from_slack(attacker: Attacker, then: str = "") -> None:
    connector = slack(attacker)
    url = slack_files._address(connector.client, FILE, PATIENCE)
    attacker.target = then or attacker.target
    net.download(
        url, io.BytesIO(), deadline=PATIENCE, max_bytes=9, headers={"Authorization": f"Bearer {TOKEN}"}
    )


def slack_socket(address: str, attacker: Attacker) -> None:
    """The address that Slack tells for a connection of Socket Mode."""
    attacker.target = address
    loops.run(_opened(slack(attacker)))


def slack_socket_that_leads_on(address: str, attacker: Attacker) -> None:
    attacker.target = address
    loops.run(_opened_at(f"{attacker.url}/leads-on"))


def slack(attacker: Attacker) -> SlackConnector:
    return SlackConnector(Login(f"{attacker.url}/api", {"token": TOKEN, "app_token": TOKEN}, UserId("U1")))


async def _opened(connector: SlackConnector) -> None:
    async with aclosing(connector.stream("", list)) as stream:
        await anext(stream)


async def _opened_at(address: str) -> None:
    async with connections(None) as http:
        await http.websocket(address, deadline=PATIENCE, heartbeat=1, max_bytes=99)


def file_anywhere(address: str, attacker: Attacker) -> None:
    fetch_public(address, io.BytesIO(), most=9, deadline=PATIENCE)


def file_that_redirects(address: str, attacker: Attacker) -> None:
    attacker.target, attacker.redirects = address, True
    fetch_public(attacker.url, io.BytesIO(), most=9, deadline=PATIENCE)


def long_poll(address: str, attacker: Attacker) -> None:
    loops.run(_polled(address))


def long_poll_that_redirects(address: str, attacker: Attacker) -> None:
    attacker.target, attacker.redirects = address, True
    loops.run(_polled(attacker.url))


async def _polled(address: str) -> None:
    async with connections(None) as http:
        await http.get(address, deadline=PATIENCE)


# By these it is the attacker's own server that is called, and that leads on.
REDIRECTS = (hipchat_redirects, matrix_redirects, long_poll_that_redirects)
# To Slack's own hosts only, whatever the operator opens.
AT_HOME = (slack_file,)
WAYS: list[Callable[[str, Attacker], None]] = [
    hipchat_server,
    hipchat_redirects,
    hipchat_file,
    hipchat_file_by_reference,
    matrix_server,
    matrix_well_known,
    matrix_redirects,
    matrix_media,
    picture_of_an_author,
    irc_server,
    irc_server_as_an_address,
    slack_file,
    slack_file_that_leads_on,
    slack_socket,
    slack_socket_that_leads_on,
    file_anywhere,
    file_that_redirects,
    long_poll,
    long_poll_that_redirects,
]

# By these whoever leads names the very address that is called.
ANYWHERE = [way for way in WAYS if way not in (*REDIRECTS, *AT_HOME)]


def led(way: Callable[[str, Attacker], None], address: str, attacker: Attacker) -> set[str]:
    """Whom we called besides the attacker when they led us to this address."""
    attacker.target, attacker.redirects = "", False
    with listening() as called, suppress(ConnectorError, net.NetError):
        way(address, attacker)
    return called.hosts() - {ATTACKER, f"::ffff:{ATTACKER}"}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_no_address_leads_into_our_own_network(
    way: Callable[[str, Attacker], None], attacker: Attacker, port: int
) -> None:
    reached = {target: led(way, target.format(port=port), attacker) for target in TARGETS}

    assert {target: hosts for target, hosts in reached.items() if hosts} == {}


@pytest.mark.parametrize(
    "way", [way for way in WAYS if way not in (*REDIRECTS, *AT_HOME)], ids=lambda way: way.__name__
)
def test_a_name_that_is_another_address_the_second_time_leads_nowhere_else(
    way: Callable[[str, Attacker], None], attacker: Attacker, port: int, names: Names
) -> None:
    reached = led(way, f"http://rebind.example:{attacker.port}/secret", attacker)

    assert reached == set()
    assert "rebind.example" in names.asked


@pytest.mark.parametrize(
    "way", [way for way in WAYS if way not in (*REDIRECTS, *AT_HOME)], ids=lambda way: way.__name__
)
def test_an_operator_may_open_a_network_of_theirs(
    way: Callable[[str, Attacker], None], attacker: Attacker, port: int, settings: Any
) -> None:
    settings.ALLOWED_PRIVATE_NETWORKS = [f"{ATTACKER}/32", "127.0.0.1/32"]

    assert led(way, f"http://127.0.0.1:{port}/secret", attacker) == {"127.0.0.1"}
    assert led(way, "http://10.0.0.1/secret", attacker) == set()


@pytest.mark.parametrize(
    ("opened", "address"),
    [
        ("169.254.0.0/16", "169.254.169.254"),
        ("0.0.0.0/0", "169.254.169.254"),
        ("100.64.0.0/10", "100.100.100.200"),
        ("fc00::/7", "[fd00:ec2::254]"),
        ("::/0", "[fd20:ce::254]"),
        ("0.0.0.0/0", "[::ffff:169.254.169.254]"),
    ],
)
@pytest.mark.parametrize(
    "way", [file_anywhere, long_poll, irc_server, hipchat_server], ids=lambda w: w.__name__
)
def test_the_keys_of_a_machine_in_a_cloud_are_not_opened_with_a_network(
    way: Callable[[str, Attacker], None], opened: str, address: str, attacker: Attacker, settings: Any
) -> None:
    settings.ALLOWED_PRIVATE_NETWORKS = [opened]

    assert led(way, f"http://{address}/latest/meta-data/", attacker) == set()


def test_a_token_goes_along_to_nobody_but_its_own_server(
    attacker: Attacker, port: int, settings: Any
) -> None:
    settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
    heard: list[bytes] = []

    class Ear(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            heard.append(str(self.headers).encode() + self.path.encode())
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with ThreadingHTTPServer(("127.0.0.3", 0), Ear) as ear:
        ear.daemon_threads = True
        threading.Thread(target=ear.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        address = f"http://127.0.0.3:{ear.server_address[1]}/"
        for way in (
            hipchat_file,
            hipchat_file_by_reference,
            matrix_media,
            matrix_redirects,
            hipchat_redirects,
        ):
            led(way, address, attacker)
        # To one reader of addresses a host of Slack's, to another one the ear.
        at_home = f"x.{ATTACKER}:{attacker.port}"
        for between in ("\\@", "\\.", "\t@", " @", "#@", "?@"):
            led(slack_fetches, f"{address.rstrip('/')}{between}{at_home}/plan.pdf", attacker)
        ear.shutdown()

    assert len(heard) >= 3
    assert [one for one in heard if TOKEN.encode() in one or b"a" * 40 in one] == []


def test_who_is_led_by_the_errors_learns_nothing_of_the_network(attacker: Attacker, port: int) -> None:
    """A port where somebody is at home, one where nobody is, and an address that is not there sound alike."""
    said = []
    for place in (f"127.0.0.1:{port}", "127.0.0.1:9", "10.255.255.1:80"):
        form = HipChatCredentialsForm(
            {"server": f"https://{place}", "token": "a" * 40}, connector_class=HipChatConnector
        )
        assert not form.is_valid()
        said.append(str(form.errors).replace(place, "…").replace(place.partition(":")[0], "…"))

    assert len(set(said)) == 1
    assert "not at a public address" in said[0]
