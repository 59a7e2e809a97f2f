"""What a server says of itself in RPL_ISUPPORT, and names as it compares them. No I/O.

modern.ircdocs.horse "RPL_ISUPPORT Parameters". Whatever is not said has the value that RFC 1459 gives it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_UPPER: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_FOLDS: Final = {
    "ascii": str.maketrans(_UPPER, _UPPER.lower()),
    "rfc1459": str.maketrans(_UPPER + "[]\\~", _UPPER.lower() + "{}|^"),
    "rfc1459-strict": str.maketrans(_UPPER + "[]\\", _UPPER.lower() + "{}|"),
}
_HEX: Final = re.compile(r"\\x([0-9A-Fa-f]{2})")
_UNFIT: Final = re.compile(r"[\s,:\x00-\x1f]")


@dataclass(slots=True)
class Support:
    """One server's ways."""

    casemapping: str = "rfc1459"
    channel_types: str = "#&"
    network: str = ""
    nick_length: int = 0  # 0: not said
    channel_length: int = 0
    status_signs: str = "@+"  # before a channel's name: to those of that rank only
    bot_mode: str = ""  # the user mode of programs
    history_page: int = 0  # messages of one CHATHISTORY answer; 0: not said
    history_by_id: bool = False  # places in it may be named by the id of a message
    brakes: bool = False  # lets those wait who say much, and cuts nobody off (ngIRCd's PENALTY)

    def learn(self, tokens: Iterable[str]) -> None:
        """Take in the tokens of one line; what is not understood changes nothing."""
        for token in tokens:
            name, _, value = token.partition("=")
            value = _HEX.sub(lambda found: chr(int(found[1], 16)), value)
            match name:
                case "CASEMAPPING":
                    # Those of other alphabets (rfc7613, national ones) agree with this one about ours.
                    self.casemapping = value if value in _FOLDS else "ascii"
                case "CHANTYPES":
                    self.channel_types = value
                case "NETWORK":
                    self.network = value[:64]
                case "NICKLEN" | "MAXNICKLEN":
                    self.nick_length = _number(value)
                case "CHANNELLEN":
                    self.channel_length = _number(value)
                case "STATUSMSG":
                    self.status_signs = value
                case "PENALTY":
                    self.brakes = True
                case "BOT" if len(value) == 1:
                    self.bot_mode = value
                case "MSGREFTYPES":
                    self.history_by_id = "msgid" in value.split(",")
                case "CHATHISTORY" | "draft/CHATHISTORY":
                    self.history_page = _number(value)

    def fold(self, name: str) -> str:
        """A name in the one spelling by which the server compares it."""
        return name.translate(_FOLDS[self.casemapping])

    def is_channel(self, name: str) -> bool:
        """Whether this may be the name of a channel here."""
        longest = self.channel_length or 200
        return 1 < len(name) <= longest and name[0] in self.channel_types and not _UNFIT.search(name)


def _number(value: str) -> int:
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 6 else 0
