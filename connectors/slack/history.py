"""A channel's history: what was said after a place, what was said last. Blocking.

`conversations.history` tells what stands in the channel, newest first; what stands in threads alone is told
by `conversations.replies`, thread by thread, and `latest_reply` of a thread's root says where there is
something new.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from django.core.cache import cache

from connectors.base import Cursor, IncomingEvent, Kind, MessageId, Page, Recent, RoomId
from connectors.budget import Use
from connectors.errors import RetryLater
from connectors.slack.client import SlackClient, next_cursor_of
from connectors.slack.events import Malformed, Reader, is_edited, untold_files
from connectors.slack.people import Directory
from connectors.slack.shapes import Json, as_ts, moment, rows, table, text, ts_of

log = logging.getLogger(__name__)

PAGE: Final = 200  # messages, as Slack recommends
MOST_PAGES: Final = 20  # of one read: 4 000 messages; what was said before those is left out
THREADS_BACK: Final = timedelta(
    days=1
)  # so far before the last item read roots are looked at for new answers
MOST_THREADS: Final = 20  # that one read follows
SECOND: Final = 1_000_000  # microseconds: to so much the time of an edit is told
BEGUN_FOR: Final = 600  # seconds for which what was begun is kept
MOST_FILES: Final = 10  # of one message that are asked for
LATEST: Final = 100  # messages that are looked at for what was said last


@dataclass(frozen=True, slots=True)
class Begun:
    """What was read of a channel after a `ts`, page by page, when Slack wanted fewer requests. Cache I/O.

    Whose app reads one page a minute would never come to an end otherwise.
    """

    server: str
    room: RoomId
    after: str

    def take(self) -> tuple[list[Json], str]:
        """The messages, and the cursor of the next page; nothing where nothing was begun."""
        with suppress(Exception):
            if kept := cache.get(self._key):
                cache.delete(self._key)
                return list(kept[0]), str(kept[1])
        return [], ""

    def keep(self, found: list[Json], cursor: str) -> None:
        """Have the next read go on from here."""
        if cursor:
            with suppress(Exception):
                cache.set(self._key, (found, cursor), BEGUN_FOR)

    @property
    def _key(self) -> str:
        named = f"{self.server} {self.room} {self.after}"
        return f"slack:begun:{hashlib.sha256(named.encode()).hexdigest()[:32]}"


@dataclass(frozen=True, slots=True)
class History:
    """One account's way to look into channels."""

    client: SlackClient
    directory: Directory
    reader: Reader

    def newest(self, room: RoomId, count: int) -> Sequence[Cursor]:
        """As `Connector.newest`."""
        found = rows(self.client.history(room, count=count, use=Use.OTHER).get("messages"))
        return [_cursor(ts) for raw in reversed(found) if (ts := ts_of(raw.get("ts")))]

    def recent(self, room: RoomId) -> Recent:
        """As `Connector.recent`, with the answers in threads whose roots are still to be seen."""
        page = self.client.history(room, count=LATEST, use=Use.SETTLE)
        found = rows(page.get("messages"))
        roots = _answered(found)[-MOST_THREADS:]
        answers = [one for root in roots for one in self._answers(room, root.ts, "")]
        events = [one for one in self.events([*found, *answers]) if one.kind in (Kind.MESSAGE, Kind.EDIT)]
        return Recent(events, whole=not next_cursor_of(page) and page.get("has_more") is not True)

    def read_after(self, room: RoomId, cursor: Cursor | None) -> Page:
        """As `Connector.read_after`. What was said before the cursor and edited after it is an edit."""
        after = _ts_of(cursor) if cursor else ""
        found, is_whole = self._pages(room, after)
        stands = max((ts for raw in found for ts in _times(raw)), key=_number, default=after)
        roots = _answered(found, after)
        answers, followed = self._followed(room, roots, after)
        if more := followed < len(roots):
            stands = roots[followed - 1].last
        fresh = [raw for raw in found if _time(raw) > _number(after) or _is_edited(raw, after)]
        place = _cursor(stands) if _number(stands) > _number(after) else cursor
        return Page(self.events([*fresh, *answers], after), cursor=place, more=more, gap=not is_whole)

    def events(self, messages: Sequence[Json], after: str = "") -> list[IncomingEvent]:
        """The events in messages of a history, oldest first, each once. What is unreadable is left out.

        A message that was edited has its last text there: its last edit comes with it, so that of those that
        Slack tells afterwards older ones are known for what they are. Of messages up to the `ts` `after` it
        is that edit alone.
        """
        messages = [self._with_files(raw) for raw in messages]
        known = self.directory.looked_up(one for raw in messages for one in self.reader.whom(_typed(raw)))
        reader = replace(self.reader, names=known)
        found: dict[str, IncomingEvent] = {}
        for raw in sorted(messages, key=_time):
            try:
                events = _events_of(raw, reader, is_known=_time(raw) <= _number(after))
            except Malformed as error:
                log.warning("Slack's history holds a message that cannot be read: %s", error)
                continue
            for event in events:
                found.setdefault(event.id, event)
        return list(found.values())

    def _with_files(self, raw: Json) -> Json:
        """A message with the files of which it tells no more than that they have to be asked for."""
        untold = untold_files(raw)
        if not untold:
            return raw
        told = {id_: self.client.file(id_) for id_ in untold[:MOST_FILES]}
        files = [told.get(text(file.get("id"))) or file for file in rows(raw.get("files"))]
        return {**raw, "files": files}

    # -------------------------------------------------------------------------- pages
    def _followed(self, room: RoomId, roots: Sequence[_Root], after: str) -> tuple[list[Json], int]:
        """The answers in the first threads, and in how many: not all where Slack wants fewer requests."""
        answers: list[Json] = []
        for number, root in enumerate(roots[:MOST_THREADS]):
            try:
                answers += self._answers(room, root.ts, after)
            except RetryLater:
                if not number:
                    raise
                return answers, number
        return answers, min(len(roots), MOST_THREADS)

    def _pages(self, room: RoomId, after: str) -> tuple[list[Json], bool]:
        """Messages since a day before a `ts`, page by page until it is passed, and whether it was passed."""
        oldest = as_ts(moment(after) - THREADS_BACK) if after else ""
        begun = Begun(self.client.server, room, after)
        found, cursor = begun.take()
        for _ in range(MOST_PAGES):
            try:
                page = self.client.history(room, count=PAGE, oldest=oldest, cursor=cursor)
            except RetryLater:
                begun.keep(found, cursor)
                raise
            messages, cursor = rows(page.get("messages")), next_cursor_of(page)
            found += messages
            if not cursor or (messages and _time(messages[-1]) <= _number(after)):
                return found, True
        return found, False

    def _answers(self, room: RoomId, root: str, after: str) -> list[Json]:
        """The answers in a thread that were given after a `ts`."""
        found: list[Json] = []
        cursor = ""
        for _ in range(MOST_PAGES):
            page = self.client.replies(room, root, count=PAGE, oldest=after, cursor=cursor)
            found += [raw for raw in rows(page.get("messages")) if text(raw.get("ts")) != root]
            cursor = next_cursor_of(page)
            if not cursor:
                break
        return [raw for raw in found if _time(raw) > _number(after)]


def _events_of(raw: Json, reader: Reader, *, is_known: bool) -> list[IncomingEvent]:
    """What one message of a history tells. Malformed."""
    said = None if is_known else reader.event_of(_typed(raw))
    edits = [reader.edit_of(raw)] if is_edited(raw) and (is_known or said) else []
    return [said, *edits] if said else edits


def _typed(raw: Json) -> Json:
    """History leaves out what the event says of itself."""
    return raw if raw.get("type") else {**raw, "type": "message"}


@dataclass(frozen=True, slots=True)
class _Root:
    """A message that was answered in a thread, and when last."""

    ts: str
    last: str


def _answered(found: Sequence[Json], after: str = "") -> list[_Root]:
    """Roots of threads that were answered after a `ts`; the one that was answered last comes last."""
    told = (_Root(ts_of(raw.get("ts")), ts_of(raw.get("latest_reply"))) for raw in found)
    roots = [root for root in told if root.ts and _number(root.last) > _number(after)]
    return sorted(roots, key=lambda root: _number(root.last))


def _times(raw: Json) -> list[str]:
    return [ts for ts in (ts_of(raw.get("ts")), ts_of(raw.get("latest_reply"))) if ts]


def _time(raw: Json) -> int:
    return _number(text(raw.get("ts")))


def _is_edited(raw: Json, after: str) -> bool:
    edited = _number(text(table(raw.get("edited")).get("ts")))
    return edited > 0 and edited // SECOND >= _number(after) // SECOND


def _number(ts: str) -> int:
    """A `ts` to compare by, in microseconds; 0 for what is none."""
    return int(ts.replace(".", "")) if ts_of(ts) else 0


def _cursor(ts: str) -> Cursor:
    return Cursor(MessageId(ts), moment(ts))


def _ts_of(cursor: Cursor) -> str:
    return ts_of(cursor.id) or as_ts(cursor.time)
