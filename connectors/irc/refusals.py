"""What servers refuse, as the next step. No I/O.

Numerics as on modern.ircdocs.horse and defs.ircdocs.horse; the words of servers are shown cleaned and short.
"""

from __future__ import annotations

import re
from typing import Final

from connectors.errors import ConnectorError, LoginRejected, MessageRejected, RetryLater, RoomGone
from connectors.irc.wire import Line
from connectors.markup import irc, plain
from connectors.net import NetError

BROKEN: Final = "The connection to the IRC server has ended: {why}."
NOT_YET: Final = "The connection to the IRC server does not stand yet."
NOT_JOINED: Final = "We are not in this channel yet."
REFUSED: Final = "The IRC server refused the server password. Check it, or leave it out."
NO_CHANNEL: Final = "This is no name of a channel on this network. It begins with a sign such as #."
_FULL_PAUSE: Final = 60.0  # seconds until a server that is full, or throttles us, is tried again
_FLOOD: Final = re.compile(r"flood|\brecvq\b", re.IGNORECASE)  # RecvQ exceeded: InspIRCd, UnrealIRCd
_BANNED: Final = re.compile(r"\b[gkz]-?lined?\b|\bbanned|\bakill", re.IGNORECASE)
_PASSWORD: Final = re.compile(r"(bad|incorrect|invalid|wrong) (server )?password", re.IGNORECASE)  # ngIRCd
_DENIED: Final = re.compile(r"access denied|password", re.IGNORECASE)  # InspIRCd, where PASS is missing
_THROTTLED: Final = re.compile(
    r"too (fast|many)|throttl|try(ing)? (again|to reconnect)|more connections|server.{0,9} full|allowed per",
    re.IGNORECASE,
)

# Why a channel does not let us in, for good as far as we can tell.
_SHUT: Final = {
    "403": "There is no channel of this name on the network.",
    "405": "This account is in as many channels as the server allows. Leave one, or use another account.",
    "473": "The channel is for invited people only. Ask one of its operators to invite our nick, or to put "
    "it on the list of exceptions (mode +I).",
    "474": "The channel has banned our nick or address. Ask one of its operators to lift the ban.",
    "475": "The channel has a key, and the one we have is not it. Enter the channel again as “#channel key”.",
    "476": NO_CHANNEL,
    "477": "The channel lets in registered nicks only. Register our nick with the network's NickServ, and "
    "enter its password at the account.",
    "479": NO_CHANNEL,
    "489": "The channel is only for connections with TLS. Link the account by TLS.",
    "520": "The channel is for the network's operators only.",
}
# Those that may let us in a little later.
_LATER: Final = {
    "437": "The channel is not available for the moment.",
    "471": "The channel is full.",
    "480": "The channel lets nobody in for the moment.",
    "495": "The channel does not let us in again so soon after we were put out.",
}
_RENAMED: Final = "CHANNEL_RENAMED"  # ircv3.net/specs/extensions/channel-rename
# Errors that name a channel and are about something else that was done there.
_OTHERS: Final = frozenset({"401", "404", "408", "441", "442", "443", "467", "470", "482"})
# A line was not passed on. With 401 and 403 the channel is gone, with 442 we are out of it.
SEND_REFUSALS: Final = frozenset(
    {"401", "403", "404", "408", "412", "415", "417", "439", "442", "477", "482", "531", "FAIL", "263"}
)
_COLOURS: Final = re.compile(r"colou?r|format|\+c\b|\bcontrol", re.IGNORECASE)


def words(text: str) -> str:
    """What a server says, without codes, short, and without a full stop."""
    return plain.render(irc.parse(text)).replace("\n", " ").strip().rstrip(".")[:200]


def is_join_refusal(line: Line) -> bool:
    """Whether this may say that we are not let into a channel: known errors, and what servers invent."""
    if line.command == "FAIL":
        return line.param(0) == "JOIN"
    is_error = len(line.command) == 3 and line.command[0] in "459" and line.command.isdecimal()
    return is_error and line.command not in _OTHERS


def renamed_to(line: Line) -> str:
    """The channel that the one that was to be joined is now, by the server's word; "" for any other line."""
    is_told = (line.command, *line.params[:2]) == ("FAIL", "JOIN", _RENAMED)
    return line.param(3) if is_told else ""


def join_refusal(line: Line) -> RoomGone | RetryLater:
    """Why we are not let into a channel."""
    if line.command in _LATER:
        return RetryLater(_LATER[line.command], seconds=30.0)
    return RoomGone(_SHUT.get(line.command) or f"The channel does not let us in: {words(line.text)}.")


def send_refusal(line: Line) -> ConnectorError:
    """Why a line was not passed on: in all cases it surely was not."""
    said = words(line.text)
    match line.command:
        case "401" | "403" | "442":
            return RetryLater(NOT_JOINED)
        case "263" | "439":
            return RetryLater(f"The IRC server asks us to wait: {said}.", seconds=10.0)
        case "477":
            return RoomGone(
                "The channel takes messages from registered nicks only. Register our nick with the network's "
                "NickServ, and enter its password at the account."
            )
        case _:
            return MessageRejected(f"The IRC server did not pass the message on: {said}.")


def is_about_formatting(line: Line) -> bool:
    """Whether a line was refused for its formatting codes, so that without them it may pass."""
    return line.command in ("404", "408", "FAIL") and bool(_COLOURS.search(line.text))


def is_flooding(text: str) -> bool:
    """Whether these words of a server say that we wrote too fast."""
    return bool(_FLOOD.search(text))


def ended(text: str, *, registered: bool) -> ConnectorError:
    """What the words of ERROR mean: that a server closes the connection, and why."""
    said = words(text)
    if _BANNED.search(said) and not registered:
        return LoginRejected(f"The IRC server has banned us: {said}. Ask the people who run the network.")
    if _PASSWORD.search(said) and not registered:
        return LoginRejected(REFUSED)
    if _THROTTLED.search(said):
        return RetryLater(f"The IRC server takes no connection now: {said}.", seconds=_FULL_PAUSE)
    if _DENIED.search(said) and not registered:
        return LoginRejected(
            f"The IRC server does not let us in: {said}. Check the server password, or ask the people who "
            "run it."
        )
    return RetryLater(BROKEN.format(why=said or "it gave no reason"))


def broken(error: NetError) -> RetryLater:
    """A connection that did not come about, or broke."""
    return RetryLater(f"The IRC server cannot be reached: {error}.")


def registration_refusal(line: Line) -> ConnectorError | None:
    """What ends a registration; None for any other line."""
    said = words(line.text)
    match line.command:
        case "464":
            return LoginRejected(REFUSED)
        case "463":
            return LoginRejected(f"The IRC server does not let our address in: {said}.")
        case "465":
            return LoginRejected(f"The IRC server has banned us: {said}. Ask the people who run the network.")
        case "904" | "905" | "906" | "902":
            return LoginRejected(
                "The network refused the account name with its password or certificate. Check them: the "
                "account is the nick that is registered with NickServ."
            )
        case "ERROR":
            return ended(line.text, registered=False)
        case _:
            return None
