"""IRC for the contract suite: ngIRCd, which has next to nothing, and InspIRCd with services and IRCv3."""

import atexit
import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache, partial

import pytest

from connectors.base import Login, MessageId, RoomId
from tests import ircservers
from tests.connectors.irc.living import FAST, login
from tests.irchuman import Crowd, people
from tests.ircservers import Flood, Ircd

# One server of each maker for all who need it, in one process of pytest-xdist; see tests/conftest.py.
MARKS = (pytest.mark.xdist_group("ircd"),)
NUMBERS = itertools.count()


@cache
def shared() -> tuple[Ircd, Ircd]:
    """The servers of this test process, started once: ngIRCd and InspIRCd, neither slowing anybody down."""
    running = ExitStack()
    atexit.register(running.close)
    simple = running.enter_context(ircservers.ngircd(Flood.NONE, password="welcome"))
    modern = running.enter_context(ircservers.inspircd_with_services())
    assert modern.services
    modern.services.register("relay", "its-password")
    return simple, modern


class IrcHarness:
    """A server, with an empty channel that two people are in: one speaks, the other one listens."""

    nowhere = "irc://127.0.0.1:9"

    def __init__(self, login: Login, bad_login: Login, crowd: Crowd) -> None:
        self.login, self.bad_login = login, bad_login
        secrets = (login.credentials[name] for name in ("password", "server_password"))
        self.secrets = list(filter(None, secrets))
        number = next(NUMBERS)
        self.room, self.missing_room = RoomId(f"#contract{number}"), RoomId(f"#locked{number}")
        self.ann, self.ben = crowd.all([f"ann{number}", f"ben{number}"], self.room)
        self.ann.join(self.missing_room)
        self.ann.mode(self.missing_room, "+k", "sesame")
        self.ann.wait(lambda: any("sesame" in words for words in self.ann.saw("MODE")))

    def say(self, text: str) -> MessageId:
        before = len(self.texts())
        self.ann.say(self.room, text)
        self.ben.wait(lambda: len(self.texts()) > before)
        return MessageId("")

    def texts(self) -> list[str]:
        """What somebody who was there all the time has heard, up to now: behind it the server answers."""
        self.ben.people(self.room)
        return self.ben.texts(self.room)


@contextmanager
def at_ngircd() -> Iterator[IrcHarness]:
    """No accounts: what is refused is the server's own password."""
    server, _ = shared()
    with people(server.url, "welcome") as crowd:
        given = partial(login, server.url, **FAST)
        yield IrcHarness(given(server_password="welcome"), given(server_password="wrong"), crowd)


@contextmanager
def at_inspircd() -> Iterator[IrcHarness]:
    """By TLS, with an account by SASL."""
    _, server = shared()
    with people(server.url) as crowd:
        given = partial(login, server.tls_url, ca_certificate=server.certificate, **FAST)
        yield IrcHarness(given(password="its-password"), given(password="another"), crowd)


VARIANTS: Mapping[str, Callable[[], AbstractContextManager[IrcHarness]]] = {
    "ngircd": at_ngircd,
    "inspircd": at_inspircd,
}
start = at_ngircd
