"""Logging in with NickServ where the server has no SASL, and getting our nick back. asyncio.

There is no standard for what NickServ says: what counts is the numeric 900 where the server tells it, else
the words of Atheme (Libera.Chat and others), of Anope and of OFTC.
"""

from __future__ import annotations

import re
from typing import Final

from connectors.errors import LoginRejected, RetryLater
from connectors.irc.link import Link
from connectors.irc.wire import Line

ANSWERS: Final = 8.0  # seconds that NickServ may take
CHANGES: Final = 3.0  # seconds until a nick has changed
_SERVICE: Final = "NickServ"
_NO: Final = re.compile(
    r"invalid|incorrect|wrong|fail|denied|not (?:a )?registered|isn.?t (?:a )?registered|frozen|suspended",
    re.IGNORECASE,
)
_YES: Final = re.compile(
    r"now (?:identified|logged)|accepted|recogni[sz]ed|success|already (?:identified|logged)", re.IGNORECASE
)
REFUSED: Final = "NickServ refused the account name or its password. Check both at the account."
NO_SERVICE: Final = (
    "This network has no NickServ, or it is away just now. Leave the password out where there is none."
)


async def log_in(link: Link, *, by_message: bool = True) -> None:
    """Identify with NickServ. LoginRejected; RetryLater where it does not answer, or is not there.

    Unless `by_message`, only by the server's own command: then nobody can have taken its name.
    """
    who = link.who
    account = [] if link.support.fold(who.account) == link.support.fold(link.nick) else [who.account]
    words = " ".join(["IDENTIFY", *account, who.password])
    # The server's own command first: nobody can take its place by taking a nick.
    commands = [("NICKSERV", words), *([("PRIVMSG", _SERVICE, words)] if by_message else [])]
    for command in commands:
        watch = link.watch(lambda line: False, lambda line: _answer(line) is not None)
        link.say(*command)
        [told] = await link.collected(watch, ANSWERS)
        match _answer(told):
            case "yes":
                return
            case "no":
                raise LoginRejected(REFUSED)
    raise RetryLater(NO_SERVICE)


def _answer(line: Line) -> str | None:
    """ "yes", "no", "nobody", or None where a line is no answer."""
    if line.command == "900":
        return "yes"
    if (line.command == "401" and line.param(1).lower() == _SERVICE.lower()) or (
        line.command == "421" and line.param(1).upper() == _SERVICE.upper()
    ):
        return "nobody"
    if line.command == "NOTICE" and line.nick.lower() == _SERVICE.lower():
        return "no" if _NO.search(line.text) else "yes" if _YES.search(line.text) else None
    return None


async def regain(link: Link) -> None:
    """Take our nick from whoever has it, where the services know it as ours. RetryLater."""
    who = link.who
    if link.has_its_nick:
        return
    for command in ("REGAIN", "GHOST"):  # Atheme; older ones and Anope, which only ends the other connection
        link.say("PRIVMSG", _SERVICE, f"{command} {who.nick} {who.password}".strip())
        if await _changed(link):
            return
        link.say("NICK", who.nick)
        if await _changed(link):
            return


async def _changed(link: Link) -> bool:
    if link.has_its_nick:
        return True
    watch = link.watch(lambda line: False, lambda line: link.has_its_nick)
    try:
        await link.collected(watch, CHANGES)
    except RetryLater:
        if link.ended.done():
            raise
        return False
    return True
