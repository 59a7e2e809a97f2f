"""How a connection becomes a user: capabilities, password, nick. No I/O of its own: lines in, lines out.

IRCv3 "Capability Negotiation" and "SASL", modern.ircdocs.horse "Connection Registration". A server that
knows no CAP answers it with an error or not at all, and registers us all the same.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Final

from connectors.errors import ConnectorError, LoginRejected, RetryLater
from connectors.irc.refusals import registration_refusal
from connectors.irc.support import Support
from connectors.irc.who import Who
from connectors.irc.wire import Line

WANTED: Final[tuple[str, ...]] = (
    *("account-tag", "batch", "chghost", "echo-message", "labeled-response", "message-tags", "server-time"),
    *("draft/channel-rename", "draft/chathistory", "draft/multiline"),
)
USER: Final = "sameroom"
_PIECE: Final = 400  # bytes of one AUTHENTICATE
_NICKS_TRIED: Final = 3
_TAKEN: Final = ("433", "436", "437")


class Registration:
    """One registration. `error` tells why it failed, `is_done` that the server has said all it says first."""

    def __init__(self, who: Who, support: Support, say: Callable[..., None]) -> None:
        self.is_done = False
        self.error: ConnectorError | None = None
        self.nick, self.account = "", ""
        self.granted: set[str] = set()
        self._who, self._support, self._say = who, support, say
        self._nicks = who.nicks()
        self.offered: dict[str, str] = {}
        self._asked: set[str] = set()  # answers to requests of capabilities that are awaited
        self._mechanisms: list[str] = []
        self._not_allowed = 0
        self._is_open = True  # capabilities are still negotiated

    def begin(self) -> None:
        """The first lines."""
        self._say("CAP", "LS", "302")
        if self._who.server_password:
            self._say("PASS", self._who.server_password)
        self._say("NICK", next(self._nicks))
        self._say("USER", USER, "0", "*", self._who.real_name)

    def handle(self, line: Line) -> None:
        """Go on by a line that came."""
        match line.command:
            case "CAP":
                self._capabilities(line)
            case "AUTHENTICATE":
                self._authenticate(line)
            case "900":
                self.account = line.param(2)
            case "903" | "907":
                self._end_capabilities()
            case "902" | "904" | "905" | "906":
                self._refused(line)
            case "001":
                self.nick = line.param(0)
            case "376" | "422":
                self.is_done = bool(self.nick)
            case _:
                self._trouble(line)

    def _trouble(self, line: Line) -> None:
        if self.nick:  # what is refused from now on is refused to a user
            return
        if line.command in _TAKEN:
            self._say("NICK", next(self._nicks))
        elif line.command in ("431", "432"):
            # Also where services keep a nick for its owner; then a longer one is allowed.
            self._not_allowed += 1
            if self._not_allowed < _NICKS_TRIED:
                self._say("NICK", next(self._nicks))
            else:
                self.error = LoginRejected("The network does not allow this nick. Choose another one.")
        else:
            self.error = registration_refusal(line)

    # ------------------------------------------------------------------ capabilities

    def _capabilities(self, line: Line) -> None:
        if not self._is_open:
            return
        told = line.text.split()
        match line.param(1).upper():
            case "LS":
                for one in told:
                    name, _, value = one.partition("=")
                    self.offered[name] = value
                if line.param(2) != "*":
                    self._request()
            case "ACK":
                self.granted |= {name for name in told if not name.startswith("-")}
                self._answered(told)
            case "NAK":
                self._answered(told)
                if len(told) > 1:  # one of them it was: each by itself
                    for name in told:
                        self._ask(name)

    def _request(self) -> None:
        wanted = [name for name in WANTED if name in self.offered]
        if self._who.has_services and "sasl" in self.offered:
            wanted.append("sasl")
        if wanted:
            self._ask(" ".join(wanted))
        else:
            self._end_capabilities()

    def _ask(self, names: str) -> None:
        self._asked |= set(names.split())
        self._say("CAP", "REQ", names)

    def _answered(self, names: list[str]) -> None:
        self._asked -= {name.lstrip("-") for name in names}
        if self._asked:
            return
        if "labeled-response" in self.granted and "batch" not in self.granted:
            self.granted.discard("labeled-response")
        if "sasl" in self.granted and not self._mechanisms:
            self._mechanisms = self._possible()
            if self._mechanisms:
                self._say("AUTHENTICATE", self._mechanisms[0])
                return
        self._end_capabilities()

    def _end_capabilities(self) -> None:
        if self._is_open:
            self._is_open = False
            self._say("CAP", "END")

    # ------------------------------------------------------------------ SASL

    def _possible(self) -> list[str]:
        """The ways to log in that both sides know, best first; a server may not say which it knows."""
        known = {name.upper() for name in self.offered.get("sasl", "").split(",") if name}
        ways = ["EXTERNAL"] if self._who.place.certificate else []
        ways += ["PLAIN"] if self._who.password else []
        return [way for way in ways if not known or way in known]

    def _authenticate(self, line: Line) -> None:
        # The sign may come as a trailing parameter: `AUTHENTICATE :+` (InspIRCd).
        if line.text != "+" or not self._mechanisms:
            return
        who = self._who
        if self._mechanisms[0] == "EXTERNAL":
            said = (
                b""  # whomever the certificate belongs to: Atheme refuses even the very name of the account
            )
        else:
            said = b"\0".join(part.encode() for part in (who.account, who.account, who.password))
        encoded = base64.b64encode(said).decode()
        pieces = [encoded[at : at + _PIECE] for at in range(0, len(encoded), _PIECE)]
        if not pieces or len(pieces[-1]) == _PIECE:
            pieces.append("+")
        for piece in pieces:
            self._say("AUTHENTICATE", piece)

    def _refused(self, line: Line) -> None:
        if not self._is_open:
            return
        self._mechanisms = self._mechanisms[1:]
        if self._mechanisms:
            self._say("AUTHENTICATE", self._mechanisms[0])
        elif line.command == "906":
            self.error = RetryLater("The network's services broke off our login.")
        else:
            self.error = registration_refusal(line)
