"""What is asked of a server beside the session: by a short connection of its own.

It takes another nick where the session has ours. Blocking.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from connectors.base import Identity, Login, Recent, RoomId, RoomInfo
from connectors.errors import RetryLater, RoomGone
from connectors.irc import history, refusals, services
from connectors.irc.link import Link
from connectors.irc.reading import Reader, id_of
from connectors.irc.who import server_of, space_of, who_of
from connectors.irc.wire import Line

DEADLINE: Final = 25.0  # seconds for a whole errand
LISTING: Final = 45.0  # a list of many thousand channels comes slowly
ANSWERS: Final = 10.0  # seconds for one answer
MOST_ROOMS: Final = 10_000
_LISTED_MODES: Final = re.compile(r"^\[\+\w[^]]*\] ?")  # before the topic, by InspIRCd and others
_HIDDEN: Final = frozenset("sp")  # modes of channels that are not shown to others (secret, private)
_CLOSED: Final = frozenset("ik")  # for invited people, or by a key

Result = TypeVar("Result")


def run(login: Login, errand: Callable[[Link], Awaitable[Result]], deadline: float = DEADLINE) -> Result:
    """Connect, log in, do the errand and leave. LoginRejected, RetryLater, and what the errand raises."""

    async def whole() -> Result:
        link = Link(who_of(login))
        try:
            async with asyncio.timeout(deadline):
                await link.open(deadline - 1.0)
                if link.who.password and not link.account:
                    await services.log_in(link)
                return await errand(link)
        except TimeoutError:
            raise RetryLater(f"The IRC server took longer than {deadline:.0f} seconds.") from None
        finally:
            await link.close()

    with ThreadPoolExecutor(1, "irc-errand") as thread:  # the calling one may have an event loop already
        return thread.submit(asyncio.run, whole()).result()


async def identity(link: Link) -> Identity:
    """Who we are there."""
    who = link.who
    server = server_of(who.place)
    account = link.account if "account-tag" in link.granted else ""
    scopes = sorted(link.granted)
    if {"message-tags", "echo-message"} <= link.granted and await _gives_ids(link):
        scopes.append("msgid")
    return Identity(
        server=server,
        user_id=id_of(who.nick, account, link),
        user_name=who.nick,
        team_id=who.place.host.lower(),
        team_name=link.support.network or who.place.host.lower(),
        space=space_of(who.place),
        username=who.nick,
        scopes=scopes,
    )


async def _gives_ids(link: Link) -> bool:
    """Whether messages have ids here: shown by a word to ourselves."""

    def is_echo(line: Line) -> bool:
        return (
            line.command in ("NOTICE", "401", "404") and link.is_me(line.param(0)) and link.is_me(line.nick)
        )

    watch = link.watch(lambda line: False, lambda line: is_echo(line) or line.command == "PONG")
    link.say("NOTICE", link.nick, "Sameroom asks whether messages have ids here.")
    link.say("PING", "ids")
    try:
        [told] = await link.collected(watch, ANSWERS)
    except RetryLater:
        if link.ended.done():
            raise
        return False
    return bool(told.tags.get("msgid"))


async def enter(link: Link, address: str) -> RoomInfo:
    """Join a channel by `#name` or `#name key`, look at it, and leave it again. RoomGone, RetryLater."""
    name, _, key = address.strip().partition(" ")
    key = key.strip()
    if not link.support.is_channel(name) or " " in key or "," in key or key.startswith(":"):
        raise RoomGone(refusals.NO_CHANNEL)
    name, topic = await _joined(link, name, key)
    modes = await _modes(link, name)
    link.say("PART", name)
    return RoomInfo(
        id=RoomId(link.support.fold(name)),
        name=name,
        topic=topic,
        is_private=bool(modes & (_HIDDEN | _CLOSED)),
        key=key,
    )


async def recent(link: Link, room: RoomId, key: str) -> Recent:
    """What was said last in a channel, by joining it. RoomGone, RetryLater."""
    name, _ = await _joined(link, room, key)
    room = RoomId(link.support.fold(name))
    if not link.granted >= history.NEEDED:
        raise RetryLater(history.UNTOLD.format(why="it keeps no history any more"))
    told = Reader(link, has_ids=True).recent(*await history.latest(link, room))
    link.say("PART", room)
    return told


async def _joined(link: Link, name: str, key: str, *, renamed: bool = False) -> tuple[str, str]:
    """Join, also under the name that the channel has by now: that, and the topic."""
    folded = link.support.fold(name)

    def about(line: Line) -> bool:
        return any(link.support.fold(param) == folded for param in line.params[:-1] or line.params)

    def is_last(line: Line) -> bool:
        return (refusals.is_join_refusal(line) or line.command in ("366", "470")) and about(line)

    watch = link.watch(lambda line: line.command in ("332", "JOIN") and about(line), is_last)
    link.say("JOIN", name, *([key] if key else []))
    told = await link.collected(watch, ANSWERS)
    last = told[-1]
    if (new := refusals.renamed_to(last)) and not renamed and link.support.is_channel(new):
        return await _joined(link, new, key, renamed=True)
    if last.command == "470":
        raise RoomGone(
            f"The channel sends us on to {refusals.words(last.param(2))}, as it does not let our nick in. "
            "Register the nick with the network's NickServ, or link that channel instead."
        )
    if last.command != "366":
        raise refusals.join_refusal(last)
    return name, next((refusals.words(line.text) for line in told if line.command == "332"), "")


async def _modes(link: Link, name: str) -> frozenset[str]:
    folded = link.support.fold(name)
    watch = link.watch(
        lambda line: False,
        lambda line: (
            line.command in ("324", "403", "442", "482", "477") and link.support.fold(line.param(1)) == folded
        ),
    )
    link.say("MODE", name)
    [told] = await link.collected(watch, ANSWERS)
    return frozenset(told.param(2).lstrip("+")) if told.command == "324" else frozenset()


async def listed(link: Link) -> list[RoomInfo]:
    """The channels that the server lists, those with most people first; what came in time of a long list."""
    watch = link.watch(lambda line: line.command == "322", lambda line: line.command in ("323", "263"))
    link.say("LIST")
    try:
        await link.collected(watch, LISTING - 10.0)
    except RetryLater:
        if link.ended.done() or not watch.lines:
            raise
    told = [line for line in watch.lines if line.command == "322" and link.support.is_channel(line.param(1))]
    told.sort(key=lambda line: int(line.param(2)) if line.param(2).isdecimal() else 0, reverse=True)
    return [
        RoomInfo(
            id=RoomId(link.support.fold(line.param(1))),
            name=line.param(1),
            topic=refusals.words(_LISTED_MODES.sub("", line.text)) if len(line.params) > 3 else "",
        )
        for line in told[:MOST_ROOMS]
    ]
