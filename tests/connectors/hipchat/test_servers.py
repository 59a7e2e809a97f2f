"""HipChat Servers as they stand in companies: certificates of their own, addresses with a path."""

import ipaddress
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cheroot.ssl.builtin import BuiltinSSLAdapter
from cheroot.wsgi import PathInfoDispatcher, Server
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.core.cache import cache

from connectors.base import Login, OutgoingMessage
from connectors.errors import RetryLater
from connectors.hipchat.connector import HipChatConnector
from connectors.hipchat.forms import HipChatCredentialsForm
from connectors.net import pools
from sandbox.wsgi import make_application
from tests.connectors.hipchat.harness import SCOPES, HipChatHarness

HOOK = "http://127.0.0.1:9/hooks/code/secret/"
KEPT = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


@dataclass
class Authority:
    """A company's own certificate authority, with one certificate that it has signed for 127.0.0.1."""

    pem: str
    certificate: Path
    key: Path


def authority(folder: Path) -> Authority:
    folder.mkdir()
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Example Inc")])
    leaf = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hipchat")])
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = {
        "root": _certificate(root, root, root_key).add_extension(x509.BasicConstraints(True, 0), True),
        "leaf": _certificate(leaf, root, key).add_extension(here, False),
    }
    pems = {
        name: builder.sign(root_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        for name, builder in signed.items()
    }
    made = Authority(pems["root"].decode(), folder / "server.pem", folder / "key.pem")
    made.certificate.write_bytes(pems["leaf"])
    made.key.write_bytes(key.private_bytes(*KEPT))
    return made


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("tls") / "ours")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("tls") / "theirs")


@contextmanager
def served(hipchat: HipChatHarness, *, path: str = "", by: Authority | None = None) -> Iterator[str]:
    """The same sandbox at a second address: below a path, or with a certificate."""
    application = PathInfoDispatcher({path or "/": make_application(hipchat.world)})
    server = Server(("127.0.0.1", 0), application, numthreads=4, shutdown_timeout=0.5)
    if by is not None:
        server.ssl_adapter = BuiltinSSLAdapter(str(by.certificate), str(by.key))
    server.prepare()
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield f"{'https' if by else 'http'}://127.0.0.1:{server.bind_addr[1]}{path}"
    finally:
        for pem in (None, by.pem if by else None):
            pools.adapter_for(pem).close()
        server.stop()
        thread.join(5)


def form(hipchat: HipChatHarness, server: str, certificate: str = "") -> HipChatCredentialsForm:
    cache.clear()
    token = hipchat.world.create_token(hipchat.ann.id, [*SCOPES, "admin_room", "view_group"]).token
    filled = {"server": server, "token": token, "ca_certificate": certificate}
    return HipChatCredentialsForm(filled, connector_class=HipChatConnector)


def everything(connector: HipChatConnector, hipchat: HipChatHarness) -> None:
    """Every call there is, each with an answer that proves it came from the sandbox."""
    room, name = hipchat.room, hipchat.room_record.name
    assert connector.granted().scopes
    assert name in [info.name for info in connector.list_rooms()]
    assert connector.room(room).name == name
    said = hipchat.say("hello")
    sent = connector.send(room, OutgoingMessage(text="[Ann, Acme] hello"))
    [cursor] = connector.newest(room)
    assert cursor.id == sent
    assert [event.id for event in connector.recent(room).events] == [said, sent]
    assert [event.id for event in connector.read_after(room, None).events] == [said, sent]
    assert len(connector._client.history(room, until="recent", count=5)) == 2
    hook = connector.subscribe(room, HOOK)
    assert len(hipchat.world.webhooks.of_room(hipchat.room_record.id)) == 3
    connector.unsubscribe(room, hook)
    assert hipchat.world.webhooks.of_room(hipchat.room_record.id) == []


# ----------------------------------------------------------------- certificates of their own


def test_a_server_with_its_own_authority_works_with_its_certificate(
    hipchat: HipChatHarness, ours: Authority
) -> None:
    with served(hipchat, by=ours) as server:
        filled = form(hipchat, server, certificate=f"\n {ours.pem}\n")
        assert filled.is_valid(), filled.errors
        login = Login(server, filled.secrets(), hipchat.login.user_id, scopes=("admin_room",))

        everything(HipChatConnector(login), hipchat)

    assert filled.secrets()["ca_certificate"] == ours.pem.strip()


def test_without_the_certificate_the_form_says_what_to_do(hipchat: HipChatHarness, ours: Authority) -> None:
    with served(hipchat, by=ours) as server:
        filled = form(hipchat, server)
        assert not filled.is_valid()

    host = server.removeprefix("https://")
    assert filled.non_field_errors() == [
        f"{host} could not be reached: the certificate of 127.0.0.1 could not be verified: "
        "unable to get local issuer certificate. If the server has a certificate of its own making, "
        "enter the CA certificate when you link or renew the account."
    ]
    assert hipchat.world.request_counts() == {}


def test_the_certificate_of_another_authority_does_not_do(
    hipchat: HipChatHarness, ours: Authority, theirs: Authority
) -> None:
    with served(hipchat, by=ours) as server:
        assert not form(hipchat, server, certificate=theirs.pem).is_valid()

    assert hipchat.world.request_counts() == {}


def test_a_certificate_that_changes_later_sends_nothing(
    hipchat: HipChatHarness, ours: Authority, theirs: Authority
) -> None:
    login = {"token": hipchat.token, "ca_certificate": ours.pem}
    with served(hipchat, by=theirs) as server:
        connector = HipChatConnector(Login(server, login))
        with pytest.raises(RetryLater, match="could not be verified"):
            connector.send(hipchat.room, OutgoingMessage(text="hello"))

    assert hipchat.texts() == []


@pytest.mark.parametrize(
    ("pem", "words"),
    [
        ("hello", "This is no certificate."),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "This is no certificate."),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "This holds a private key"),
        ("x" * 70_000, "at most 65536 characters"),
    ],
)
def test_what_is_no_certificate_is_refused_before_anybody_is_called(
    pem: str, words: str, hipchat: HipChatHarness
) -> None:
    filled = form(hipchat, hipchat.server.url, certificate=pem)

    assert not filled.is_valid()
    assert [list(filled.errors), words in filled.errors["ca_certificate"][0]] == [["ca_certificate"], True]
    assert hipchat.world.request_counts() == {}


def test_no_certificate_is_kept_where_none_is_given(hipchat: HipChatHarness) -> None:
    filled = form(hipchat, hipchat.server.url)

    assert filled.is_valid()
    assert sorted(filled.secrets()) == ["team_name", "token"]


# ----------------------------------------------------------------- addresses with a path


@pytest.mark.parametrize("typed", ["", "/", "/v2", "/v2/", "//"])
@pytest.mark.parametrize("path", ["", "/chat", "/apps/hip-chat"])
def test_any_base_address_leads_to_every_call(path: str, typed: str, hipchat: HipChatHarness) -> None:
    with served(hipchat, path=path) as server:
        filled = form(hipchat, f"{server}{typed}")
        assert filled.is_valid(), filled.errors
        assert (filled.identity.server, filled.identity.space) == (server, f"{server}#77")
        login = Login(
            filled.identity.server, filled.secrets(), filled.identity.user_id, scopes=("admin_room",)
        )

        everything(HipChatConnector(login), hipchat)


def test_a_long_list_of_rooms_is_read_to_its_end_below_a_path(
    hipchat: HipChatHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.hipchat.connector.ROOMS_PER_PAGE", 2)
    with served(hipchat, path="/chat") as server:
        connector = HipChatConnector(Login(server, {"token": hipchat.token}))

        names = [info.name for info in connector.list_rooms()]

    rooms = hipchat.world.rooms.of_group(hipchat.ann.group_id)
    enters = [room.name for room in rooms if hipchat.world.rooms.may_enter(room, hipchat.ann)]
    assert sorted(names) == sorted(enters)
    assert len(names) > 2
