"""Lines of channels as events. No I/O."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final

from connectors.base import Author, IncomingEvent, Kind, MessageId, Recent, RoomId, UserId
from connectors.irc import presence
from connectors.irc.link import Link
from connectors.irc.text import said
from connectors.irc.wire import Line
from sameroom import clock

KINDS: Final = {"PRIVMSG": Kind.MESSAGE, "NOTICE": Kind.NOTICE}
_LONGEST_ID: Final = 200  # characters


# Sessions of this process that a network has given another nick: by what id the relay knows them.
_renamed: dict[tuple[str, str], UserId] = {}


def id_of(nick: str, account: str, link: Link) -> UserId:
    """Who somebody is: the account that a server vouches for, else the nick.

    Underscores at its end do not count: they stand there while the nick itself is taken, by a connection of
    the same user that is not gone yet.
    """
    folded = link.support.fold(account or nick)
    if account:
        return UserId(folded)
    return _renamed.get((link.where, folded)) or UserId(folded.rstrip("_") or folded)


def known_as(link: Link, before: str, user: UserId) -> str:
    """Have lines under the link's nick known as this user's, "" for no longer; the nick, folded.

    `before` is what this returned last. Without it another account of ours in the channel would take such
    lines for somebody's, where there are no ids.
    """
    _renamed.pop((link.where, before), None)
    nick = link.support.fold(link.nick)
    if nick and user:
        _renamed[link.where, nick] = user
    return nick


class Reader:
    """One session's. Where the server gives no ids, each line gets a number of the session's own."""

    def __init__(self, link: Link, *, has_ids: bool) -> None:
        self._link, self._has_ids = link, has_ids
        self._session, self._numbers = uuid.uuid4().hex[:16], count(1)

    def event(self, line: Line) -> IncomingEvent | None:
        """What somebody said to a channel, or did; None where that is nothing for people. ValueError."""
        if line.command in presence.COMMANDS:
            return self._presence(line)
        body = said(line.text)
        if body is None:
            return None
        msgid = line.tags.get("msgid", "")[:_LONGEST_ID]
        reply_to = line.tags.get("+reply") or line.tags.get("+draft/reply") or ""
        return IncomingEvent(
            kind=KINDS[line.command],
            dedupe_key=msgid or f"{self._session}-{next(self._numbers)}",
            id=MessageId(msgid if self._has_ids else ""),
            author=self._author(line),
            said_at=said_at(line),
            body=body,
            reply_to=MessageId(reply_to[:_LONGEST_ID]) if reply_to and self._has_ids else None,
        )

    def _presence(self, line: Line) -> IncomingEvent:
        nick, at = presence.about(line), line.tags.get("time", "")
        # Other sessions of ours in the channel tell the same: where there are no ids, the time is one.
        shared = line.tags.get("msgid") or (at and f"{line.command} {self._link.support.fold(nick)} {at}")
        is_own = nick == line.nick
        return IncomingEvent(
            kind=Kind.NOTICE,
            dedupe_key=shared[:_LONGEST_ID] or f"{self._session}-{next(self._numbers)}",
            id=MessageId(""),
            author=self._author(line) if is_own else Author(id_of(nick, "", self._link), nick, nick),
            said_at=said_at(line),
            body=presence.told(line),
            is_presence=True,
        )

    def recent(self, lines: Sequence[Line], whole: bool) -> Recent:
        """The end of a channel's history."""
        events = [event for line in lines if (event := self._readable(line))]
        return Recent(events, whole=whole)

    def _readable(self, line: Line) -> IncomingEvent | None:
        try:
            return self.event(line)
        except ValueError:
            return None

    def _author(self, line: Line) -> Author:
        account = line.tags.get("account", "") if "account-tag" in self._link.granted else ""
        return Author(id=id_of(line.nick, account, self._link), name=line.nick, username=line.nick)


def said_at(line: Line) -> datetime:
    """When a line was said, by its server's word, but never later than now."""
    now = clock.now()
    try:
        told = datetime.fromisoformat(line.tags["time"])
    except (KeyError, ValueError):
        return now
    told = told if told.tzinfo else told.replace(tzinfo=UTC)
    # Clocks of servers go wrong: what comes as said just now is told as just now.
    return min(told, now) if now - told < timedelta(days=366) else now


def is_to(line: Line, link: Link) -> RoomId | None:
    """The channel that a line is for; None where it is for us, or for those of some rank only."""
    target = line.param(0)
    return RoomId(link.support.fold(target)) if link.support.is_channel(target) else None
