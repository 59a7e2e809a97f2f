"""What was said before, at servers that keep it (IRCv3 draft/chathistory). asyncio.

Each answer is a batch of lines with their times and ids. Servers answer with as many lines as they like, at
most what they say in RPL_ISUPPORT.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from connectors.base import RoomId
from connectors.errors import RetryLater
from connectors.irc import refusals
from connectors.irc.link import Link
from connectors.irc.reading import KINDS
from connectors.irc.wire import Line

log = logging.getLogger(__name__)

CAPABILITY: Final = "draft/chathistory"
NEEDED: Final = frozenset({CAPABILITY, "batch", "server-time", "message-tags"})
PAGE: Final = 100  # lines
MOST_PAGES: Final = 50  # of one gap
ANSWERS: Final = 15.0  # seconds for one page
TRIES: Final = 3  # of a page of a gap
AGAIN: Final = 5.0  # seconds between them
UNTOLD: Final = "The IRC server does not tell what was said: {why}."


class Untold(RetryLater):
    """The server keeps no such history, or not for us."""


class _Answer:
    """Which lines belong to the answer that is waited for."""

    def __init__(self, link: Link, room: RoomId) -> None:
        self._link, self._room, self._batch = link, room, ""

    def takes(self, line: Line) -> bool:
        if line.command == "BATCH" and line.param(1) == "chathistory":
            if self._link.support.fold(line.param(2)) == self._room:
                self._batch = line.param(0)[1:]
            return False
        return bool(self._batch) and line.tags.get("batch") == self._batch

    def is_end(self, line: Line) -> bool:
        if line.command == "FAIL":
            return line.param(0) == "CHATHISTORY"
        return line.command == "BATCH" and bool(self._batch) and line.param(0) == f"-{self._batch}"


async def latest(link: Link, room: RoomId, most: int = PAGE) -> tuple[list[Line], bool]:
    """What was said last in a channel we are in, oldest first; whether that is all there is. RetryLater."""
    size = _size(link, most)
    told = await _page(link, room, "LATEST", room, "*", str(size))
    return _said(told), len(told) < size


async def after(link: Link, room: RoomId, moment: str) -> list[Line]:
    """What was said after a moment (as server-time has it), oldest first; of a gap that breaks off, so far.

    RetryLater where nothing is told.
    """
    found: list[Line] = []
    place = f"timestamp={moment}"
    for _ in range(MOST_PAGES):
        size = _size(link, PAGE)
        try:
            told = await _patiently(link, room, "AFTER", room, place, str(size))
        except RetryLater as error:
            if not found or link.ended.done():
                raise
            log.warning("%s: a gap is told in part only: %s", link.who.place.host, error)
            break
        found += told
        before, place = place, _place(link, told[-1]) if told else ""
        if len(told) < size or place in ("", before):
            break
    return _said(found)


def _place(link: Link, line: Line) -> str:
    """Where to go on behind a line: by its id where that is known, since several may be of one moment."""
    msgid, moment = line.tags.get("msgid", ""), line.tags.get("time", "")
    if msgid and link.support.history_by_id:
        return f"msgid={msgid}"
    return moment and f"timestamp={moment}"


async def _patiently(link: Link, room: RoomId, *words: str) -> list[Line]:
    """A page; asked for again where the server has trouble just now."""
    for _ in range(TRIES - 1):
        try:
            return await _page(link, room, *words)
        except Untold:
            raise
        except RetryLater:
            if link.ended.done():
                raise
            await asyncio.sleep(AGAIN)
    return await _page(link, room, *words)


def _size(link: Link, most: int) -> int:
    return min(most, link.support.history_page or PAGE)


def _said(lines: list[Line]) -> list[Line]:
    return [line for line in lines if line.command in KINDS]


async def _page(link: Link, room: RoomId, *words: str) -> list[Line]:
    answer = _Answer(link, room)
    watch = link.watch(answer.takes, answer.is_end)
    link.say("CHATHISTORY", *words)
    *told, last = await link.collected(watch, ANSWERS)
    if last.command == "FAIL":
        kind = RetryLater if last.param(1) == "MESSAGE_ERROR" else Untold
        raise kind(UNTOLD.format(why=refusals.words(last.text)))
    return told
