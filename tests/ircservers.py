"""Throw-away IRC servers: ngIRCd, and InspIRCd with or without Atheme's services.

    with ngircd() as server: server.url
    with inspircd(Flood.DEFAULT) as server: server.url, server.tls_url, server.certificate
    with inspircd_with_services() as server: server.services.register("relay", "its password")

All listen on free ports of the loopback address, in the clear and by TLS with a certificate of their own
making, live in a temporary folder and end with us. `kill()` and `start()` again is a crash and a restart.
"""

import os
import pwd
import shutil
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from tests import servers
from tests.certificates import self_signed

HOST, NAME, SERVICES = "127.0.0.1", "irc.test.example", "services.test.example"
PROGRAMS = ("ngircd", "inspircd", "atheme-services")
PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])  # which no user's has
START = 30.0  # seconds; on a busy machine
PLENTY = 10_000


class Flood(StrEnum):
    """What InspIRCd does to who says much at once."""

    DEFAULT = "slows down"  # its own defaults: a command a second, what is more waits for its turn
    STRICT = "ends"  # the same with `fakelag` off: who says more is cut off
    NONE = "lets through"


def program(name: str) -> str:
    """The server's program. Unavailable where it is not installed."""
    found = shutil.which(name, path=PATH)
    if found:
        return found
    raise servers.Unavailable(f"no {name}: apt-get install {' '.join(PROGRAMS)}")


def programs() -> list[str]:
    """All of them. Unavailable where one is not installed."""
    return [program(name) for name in PROGRAMS]


def _unprivileged() -> str | None:
    """Who runs them where root runs the tests: InspIRCd and Atheme refuse root."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("irc", "nobody") if name in names), None)


def _answers(url: str) -> None:
    address = urlsplit(url)
    socket.create_connection((address.hostname, address.port), timeout=1).close()


@dataclass
class Ircd:
    """A running server."""

    server: servers.Server
    port: int
    tls_port: int
    certificate: str  # PEM; by it the server is known, as it vouches for itself
    services: "Services | None" = None

    @property
    def url(self) -> str:
        return f"irc://{HOST}:{self.port}"

    @property
    def tls_url(self) -> str:
        return f"ircs://{HOST}:{self.tls_port}"

    def kill(self) -> None:
        """As a crash: every connection is cut."""
        self.server.kill()

    def start(self) -> None:
        """Again, on the same ports; services link themselves anew."""
        self.server.start(START)


def _certificate(folder: Path) -> str:
    made = self_signed(NAME)
    (folder / "server.pem").write_text(made.certificate)
    (folder / "server.key").write_text(made.key)
    return made.certificate


@contextmanager
def _running(server: servers.Server) -> Iterator[None]:
    server.start(START)
    try:
        yield
    finally:
        server.stop()


# ----------------------------------------------------------------- ngIRCd

NGIRCD = """
[Global]
Name = {name}
Info = for tests
Network = Tests
Listen = {host}
Ports = {port}
MotdPhrase = hello
{password}
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 0
MaxNickLength = 30
{flood}
PingTimeout = 120
PongTimeout = 20
[Options]
DNS = no
Ident = no
PAM = no
[SSL]
Ports = {tls_port}
CertFile = {folder}/server.pem
KeyFile = {folder}/server.key
"""


@contextmanager
def ngircd(flood: Flood = Flood.DEFAULT, *, password: str = "") -> Iterator[Ircd]:
    """ngIRCd: no IRCv3, no services; it slows down, or lets through. `password` is everybody's."""
    found, user = program("ngircd"), _unprivileged()
    with servers._folder(user) as folder:
        port, tls_port = servers.free_port(), servers.free_port()
        certificate, settings = _certificate(folder), folder / "ngircd.conf"
        settings.write_text(
            NGIRCD.format(
                name=NAME,
                host=HOST,
                port=port,
                tls_port=tls_port,
                folder=folder,
                password=f"Password = {password}" if password else "",
                flood="MaxPenaltyTime = 0" if flood is Flood.NONE else "",
            )
        )
        command = [found, "-n", "-f", str(settings)]
        server = servers.Server(command, f"irc://{HOST}:{port}", folder, _answers, user)
        with _running(server):
            yield Ircd(server, port, tls_port, certificate)


# ----------------------------------------------------------------- InspIRCd

MODULES = (
    *("ircv3", "ircv3_accounttag", "ircv3_batch", "ircv3_capnotify", "ircv3_ctctags"),
    *("ircv3_echomessage", "ircv3_invitenotify", "ircv3_labeledresponse", "ircv3_msgid", "ircv3_servertime"),
    *("banredirect", "cap", "chanhistory", "namesx", "redirect", "sslinfo", "ssl_gnutls", "services_account"),
    *("knock", "sapart", "uhnames"),
)
FOR_SERVICES = ("chghost", "deaf", "hidechans", "sasl", "servprotect", "spanningtree", "svshold")
FLOOD = {
    Flood.DEFAULT: "",
    Flood.STRICT: 'fakelag="no"',
    Flood.NONE: 'fakelag="no" threshold="10000" commandrate="1000000" recvq="1M" softsendq="1M"'
    ' hardsendq="8M"',
}
INSPIRCD = """
<server name="{name}" description="for tests" network="Tests" id="001">
<admin name="tests" nick="tests" email="tests@test.example">
<sslprofile name="own" provider="gnutls" certfile="{folder}/server.pem" keyfile="{folder}/server.key"
 hash="sha256" requestclientcert="yes">
<bind address="{host}" port="{port}" type="clients">
<bind address="{host}" port="{tls_port}" type="clients" sslprofile="own">
<connect allow="*" localmax="{plenty}" globalmax="{plenty}" maxchans="{plenty}" maxconnwarn="no"
 resolvehostnames="no" useident="no" timeout="60" pingfreq="120" {flood} {password}>
<class name="all" commands="*" privs="*" usermodes="*" chanmodes="*">
<type name="operator" classes="all">
<oper name="tests" password="tests" host="*@*" type="operator">
<cidr ipv4clone="32" ipv6clone="128">
<pid file="{folder}/inspircd.pid">
<log method="file" type="* -USERINPUT -USEROUTPUT" level="default" target="{folder}/ircd.log">
<options defaultmodes="not">
<performance nouserdns="yes" softlimit="12800" clonesonconnect="no">
<path datadir="{folder}" logdir="{folder}" configdir="{folder}">
"""
LINK = """
<bind address="{host}" port="{link_port}" type="servers">
<link name="{services}" ipaddr="{host}" port="{link_port}" allowmask="{host}/32"
 recvpass="link" sendpass="link">
<uline server="{services}" silent="yes">
<sasl target="{services}" requiressl="no">
"""


def _modules(names: tuple[str, ...]) -> str:
    return "\n".join(f'<module name="{name}">' for name in names)


@contextmanager
def inspircd(flood: Flood = Flood.NONE, *, password: str = "", link_port: int = 0) -> Iterator[Ircd]:
    """InspIRCd with IRCv3; `password` is asked of everybody, services are awaited at `link_port`.

    Its operator is "tests" with the password "tests".
    """
    found, user = program("inspircd"), _unprivileged()
    with servers._folder(user) as folder:
        port, tls_port = servers.free_port(), servers.free_port()
        certificate, settings = _certificate(folder), folder / "inspircd.conf"
        text = INSPIRCD.format(
            name=NAME,
            host=HOST,
            port=port,
            tls_port=tls_port,
            folder=folder,
            plenty=PLENTY,
            flood=FLOOD[flood],
            password=f'password="{password}"' if password else "",
        )
        text += _modules(MODULES)
        if link_port:
            text += LINK.format(host=HOST, link_port=link_port, services=SERVICES) + _modules(FOR_SERVICES)
        settings.write_text(text)
        command = [found, "--nofork", f"--config={settings}"]
        server = servers.Server(command, f"irc://{HOST}:{port}", folder, _answers, user)
        with _running(server):
            yield Ircd(server, port, tls_port, certificate)


# ----------------------------------------------------------------- Atheme

ATHEME = """
{modules}
serverinfo {{
  name = "{services}"; desc = "Services for tests"; numeric = "00A"; recontime = 1; netname = "Tests";
  adminname = "tests"; adminemail = "tests@test.example"; registeremail = "noreply@test.example";
  mta = "/bin/true"; loglevel = {{ error; info; }}; maxlogins = 1000; maxusers = 0; auth = none;
  casemapping = rfc1459;
}};
uplink "{name}" {{ host = "{host}"; port = {link_port}; send_password = "link"; receive_password = "link"; }};
nickserv {{ nick = "NickServ"; user = "NickServ"; host = "{services}"; real = "Nickname services"; }};
saslserv {{ nick = "SaslServ"; user = "SaslServ"; host = "{services}"; real = "SASL"; }};
chanserv {{ nick = "ChanServ"; user = "ChanServ"; host = "{services}"; real = "Channel services"; }};
general {{ commit_interval = 5; uflags = {{ hidemail; }}; }};
"""
ATHEME_MODULES = (
    *("protocol/inspircd", "backend/opensex", "crypto/pbkdf2v2", "chanserv/main"),
    *("nickserv/main", "nickserv/register", "nickserv/identify", "nickserv/enforce", "nickserv/cert"),
    *("saslserv/main", "saslserv/plain", "saslserv/external"),
)


@dataclass
class Services:
    """Atheme: NickServ and the accounts behind SASL."""

    server: servers.Server
    ircd_port: int
    ircd_tls_port: int
    registered: list[str] = field(default_factory=list)

    def register(self, account: str, password: str, *, certificate: Path | None = None) -> None:
        """Make an account, whose nick it also is; it is known by a certificate (PEM with its key) too."""
        with _Asking(self, account, certificate) as talk:
            # Any line to the nick may hold a word; services that are not linked yet register nobody.
            talk.ask(f"REGISTER {password} {account}@test.example", " is now registered to ")
            if certificate:
                talk.ask("CERT ADD", "Added fingerprint")
        self.registered.append(account)


class _Asking:
    """Somebody at the server who asks NickServ, in plain lines."""

    def __init__(self, services: Services, nick: str, certificate: Path | None) -> None:
        port = services.ircd_tls_port if certificate else services.ircd_port
        self.socket: socket.socket = socket.create_connection((HOST, port), timeout=START)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket)
        self.lines = self.socket.makefile("r", encoding="utf-8", errors="replace")
        self.nick = nick

    def __enter__(self) -> "_Asking":
        self._send(f"NICK {self.nick}", f"USER {self.nick} 0 * :{self.nick}")
        self._until(" 001 ")
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._send("QUIT")
        self.lines.close()
        self.socket.close()

    def ask(self, command: str, expected: str) -> None:
        """Ask until it is answered so; services may not be linked yet."""
        ends = time.monotonic() + START
        while time.monotonic() < ends:
            self._send(f"PRIVMSG NickServ :{command}")
            told = self._until(expected, " 401 ", "Services are currently unavailable")
            if expected in told:
                return
            time.sleep(0.2)
        raise RuntimeError(f"NickServ did not say {expected!r}")

    def _send(self, *lines: str) -> None:
        self.socket.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def _until(self, *parts: str) -> str:
        for line in self.lines:
            if line.startswith("PING"):
                self._send(f"PONG{line.rstrip()[4:]}")
            elif any(part in line for part in parts):
                return line
        raise RuntimeError(f"cut off before {parts}")


@contextmanager
def inspircd_with_services(flood: Flood = Flood.NONE) -> Iterator[Ircd]:
    """InspIRCd with Atheme linked to it; `services.register` makes accounts."""
    found, user, link_port = program("atheme-services"), _unprivileged(), servers.free_port()
    with inspircd(flood, link_port=link_port) as ircd, servers._folder(user) as folder:
        modules = "\n".join(f'loadmodule "modules/{name}";' for name in ATHEME_MODULES)
        settings = folder / "atheme.conf"
        settings.write_text(
            ATHEME.format(modules=modules, services=SERVICES, name=NAME, host=HOST, link_port=link_port)
        )
        files = {"-c": settings, "-D": folder, "-l": folder / "atheme.log", "-p": folder / "pid"}
        command = [found, "-n", *(str(word) for pair in files.items() for word in pair)]
        server = servers.Server(command, ircd.url, folder, _answers, user)
        with _running(server):
            ircd.services = Services(server, ircd.port, ircd.tls_port)
            yield ircd
