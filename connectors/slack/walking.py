"""A channel from a place on: page by page, then thread by thread, in as many turns as it takes. Blocking.

What stands in threads alone is told by `conversations.replies`; `latest_reply` of a thread's root says
where there is something new. A thread whose last answer a stream has told is not read: after a short
absence that is most of them, and Slack allows fifty reads a minute. A channel is read further back than to
the place, for roots and edits: always as far as the page reaches that has the place, now and then a whole
day. What was read is kept in the cache where Slack wants fewer requests: whose app reads one page a minute
would never come to an end otherwise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from django.core.cache import cache

from connectors.base import MessageId, RoomId
from connectors.budget import Use
from connectors.errors import RetryLater
from connectors.slack.client import SlackClient, next_cursor_of
from connectors.slack.refusals import Refused
from connectors.slack.shapes import Json, as_ts, moment, rows, table, text, ts_of

PAGE: Final = 200  # messages, as Slack recommends
MOST_PAGES: Final = 20  # of one turn: 4 000 messages; what was said before those is left out
MOST_THREADS: Final = 20  # of one turn
# So far before the place roots are looked at for new answers, and messages for edits.
BACK: Final = timedelta(days=1)
FAR_EVERY: Final = 600  # seconds between two looks at those beyond the page that has the place
FAR_AGAIN: Final = 120  # after one that Slack did not let come to its end
# What happened there so long before the place may not be known yet: longer than from one look to the next.
FAR_SINCE: Final = timedelta(seconds=900)
BEGUN_FOR: Final = 600  # seconds for which what was begun is kept
TOLD_FOR: Final = BACK.total_seconds()
SECOND: Final = 1_000_000  # microseconds: to so much the time of an edit is told


@dataclass(frozen=True, slots=True)
class Root:
    """A message that was answered in a thread: when last, and since when that may be news."""

    ts: str
    last: str
    since: str


@dataclass(slots=True)
class Walk:
    """What was read so far."""

    found: list[Json] = field(default_factory=list)  # messages of the channel, newest first
    far: list[Json] = field(default_factory=list)  # those of them that stand far before the place
    answers: list[Json] = field(default_factory=list)
    stands: str = ""  # what had been said last when the walk began
    cursor: str = ""  # of the page that comes next
    is_passed: bool = False  # nothing said after the place is missing among `found`
    is_read: bool = False  # no page is to be read any more
    roots: list[Root] | None = None  # of the threads that are to be followed; None: not known yet
    followed: int = 0  # of these
    within: str = ""  # the cursor of the next page of the thread that is being followed
    has_rested: bool = False  # it took several turns: what was said meanwhile is not in it


@dataclass(frozen=True, slots=True)
class Walker:
    """Walks through one channel from what was said after a `ts`; "": from its beginning."""

    client: SlackClient
    room: RoomId
    after: str

    @property
    def far_since(self) -> str:
        """Since when it may be news what happened to messages far before the place."""
        return as_ts(moment(self.after) - FAR_SINCE) if self.after else ""

    def walk(self) -> Walk | None:
        """Everything that is news; None, or RetryLater, where the next turn goes on."""
        walk = self._taken()
        try:
            if not walk.is_read:
                self._read(walk)
            if not self._follow(walk, MOST_THREADS):
                if self._keep(walk):
                    return None
                self._follow(walk)
        except RetryLater as error:
            # A later turn that is not just told to wait may hold a cursor that Slack takes no more.
            if error.seconds is not None or not walk.has_rested:
                self._keep(walk)
            raise
        return walk

    # ------------------------------------------------------------------ pages

    def _read(self, walk: Walk) -> None:
        looks_far, again = bool(self.after) and not _get(self._far_key), FAR_EVERY
        for _ in range(MOST_PAGES):
            try:
                self._read_page(walk)
            except RetryLater:
                if not walk.is_passed:
                    raise
                again = FAR_AGAIN
                break  # the far ones are not worth that news have to wait
            if not walk.cursor or (walk.is_passed and not looks_far):
                break
        walk.is_read = True
        if looks_far:
            _set(self._far_key, "looked", again)

    def _read_page(self, walk: Walk) -> None:
        oldest = as_ts(moment(self.after) - BACK) if self.after else ""
        page = self.client.history(self.room, count=PAGE, oldest=oldest, cursor=walk.cursor)
        messages, walk.cursor = rows(page.get("messages")), next_cursor_of(page)
        walk.stands = walk.stands or max(
            (ts for raw in messages for ts in times(raw)), key=number, default=""
        )
        if walk.is_passed:
            walk.far += [raw for raw in messages if _has_changed_since(raw, self.far_since)]
        else:
            walk.found += messages
        has_place = bool(messages) and time_of(messages[-1]) <= number(self.after)
        walk.is_passed = walk.is_passed or has_place or not walk.cursor

    # ------------------------------------------------------------------ threads

    def _follow(self, walk: Walk, most: int | None = None) -> bool:
        """Read the next threads, `most` of them at the most; whether that were all."""
        if walk.roots is None:
            walk.roots = self._roots(walk)
        roots = walk.roots
        for root in roots[walk.followed :][:most]:
            self._follow_one(walk, root)
        return walk.followed >= len(roots)

    def _follow_one(self, walk: Walk, root: Root) -> None:
        """Read one thread, on from the page at which an earlier turn was told to wait."""
        for found, following in _pages(self.client, self.room, root.ts, root.since, walk.within):
            # What was answered since the root was read comes with the next walk, in its order.
            walk.answers += [raw for raw in found if time_of(raw) <= number(root.last)]
            walk.within = following
        walk.followed, walk.within = walk.followed + 1, ""

    def _roots(self, walk: Walk) -> list[Root]:
        """The threads of which nobody has told the last answer, in the order of these."""
        roots = [*answered(walk.found, self.after), *answered(walk.far, self.far_since)]
        return sorted(untold(self.client.server, self.room, roots), key=lambda root: number(root.last))

    # ------------------------------------------------------------------ turns

    def _taken(self) -> Walk:
        """What an earlier turn has kept."""
        kept = _get(self._key)
        if not isinstance(kept, Walk):
            return Walk()
        with suppress(Exception):
            cache.delete(self._key)
        kept.has_rested = True
        return kept

    def _keep(self, walk: Walk) -> bool:
        """Have the next turn go on from here; whether it will."""
        has_begun = bool(walk.cursor or walk.is_read)
        return has_begun and _set(self._key, walk, BEGUN_FOR)

    @property
    def _key(self) -> str:
        return self._named("walk", self.after)

    @property
    def _far_key(self) -> str:
        return self._named("far", "")

    def _named(self, what: str, more: str) -> str:
        named = f"{self.client.server} {self.room} {more}"
        return f"slack:{what}:{hashlib.sha256(named.encode()).hexdigest()[:32]}"


def note_told(server: str, said: Iterable[tuple[RoomId, MessageId]]) -> None:
    """Note answers in threads that were told and stored, so that their threads need not be read. Cache I/O.

    Whoever tells them brings a room's past before what is said there since: so what was answered before the
    last one that is noted is stored too, or told again by Slack.
    """
    with suppress(Exception):
        cache.set_many({_told_key(server, room, ts): True for room, ts in said}, TOLD_FOR)


def untold(server: str, room: RoomId, roots: Sequence[Root]) -> list[Root]:
    """Those of which nobody has told the last answer, as `note_told` was called. Cache I/O."""
    keys = {_told_key(server, room, root.last): root.last for root in roots}
    told: set[str] = set()
    with suppress(Exception):
        told = {keys[key] for key in cache.get_many(keys)}
    return [root for root in roots if root.last not in told]


def _told_key(server: str, room: RoomId, ts: str) -> str:
    return f"slack:told:{hashlib.sha256(f'{server} {room} {ts}'.encode()).hexdigest()[:32]}"


def _get(key: str) -> object:
    with suppress(Exception):
        return cache.get(key)
    return None


def _set(key: str, value: object, seconds: int) -> bool:
    with suppress(Exception):
        cache.set(key, value, seconds)
        return True
    return False


def thread(client: SlackClient, room: RoomId, root: str, after: str) -> list[Json]:
    """The answers in a thread that were given after a `ts`, oldest first; none where it is gone.

    By this the fate of a send is found out; what is read otherwise leaves calls for it.
    """
    pages = _pages(client, room, root, after, use=Use.SETTLE)
    return [raw for found, _ in pages for raw in found]


def _pages(
    client: SlackClient,
    room: RoomId,
    root: str,
    after: str,
    cursor: str = "",
    use: Use = Use.POLL,
) -> Iterator[tuple[list[Json], str]]:
    """The same page by page, each with the cursor of the next one."""
    for _ in range(MOST_PAGES):
        try:
            page = client.replies(room, root, count=PAGE, oldest=after, cursor=cursor, use=use)
        except Refused:
            return
        cursor = next_cursor_of(page)
        found = [raw for raw in rows(page.get("messages")) if text(raw.get("ts")) != root]
        yield [raw for raw in found if time_of(raw) > number(after)], cursor
        if not cursor:
            return


def answered(found: Sequence[Json], after: str = "") -> list[Root]:
    """Roots of threads that were answered after a `ts`; the one that was answered last comes last."""
    told = (Root(ts_of(raw.get("ts")), ts_of(raw.get("latest_reply")), after) for raw in found)
    roots = [root for root in told if root.ts and number(root.last) > number(after)]
    return sorted(roots, key=lambda root: number(root.last))


def times(raw: Json) -> list[str]:
    """When a message was said, and answered last in its thread."""
    return [ts for ts in (ts_of(raw.get("ts")), ts_of(raw.get("latest_reply"))) if ts]


def time_of(raw: Json) -> int:
    """When a message was said, to compare by."""
    return number(text(raw.get("ts")))


def is_edited_since(raw: Json, after: str) -> bool:
    """Whether a message was edited after a `ts`, or may have been."""
    edited = number(text(table(raw.get("edited")).get("ts")))
    return edited > 0 and edited // SECOND >= number(after) // SECOND


def _has_changed_since(raw: Json, after: str) -> bool:
    return is_edited_since(raw, after) or number(ts_of(raw.get("latest_reply"))) > number(after)


def number(ts: str) -> int:
    """A `ts` to compare by, in microseconds; 0 for what is none."""
    return int(ts.replace(".", "")) if ts_of(ts) else 0
