"""A channel's history: what was said after a place, what was said last. Blocking.

`conversations.history` tells what stands in the channel, newest first; how it is walked through, and threads
with it, is said in `walking`.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from connectors.base import Cursor, IncomingEvent, Kind, MessageId, Page, Recent, RoomId
from connectors.budget import Use
from connectors.errors import FileGone, RetryLater
from connectors.slack import posting, walking
from connectors.slack.client import SlackClient, next_cursor_of
from connectors.slack.events import TOMBSTONE, Malformed, Reader, is_edited, untold_files
from connectors.slack.people import Directory
from connectors.slack.shapes import Json, as_ts, moment, rows, text, ts_of
from connectors.slack.walking import Walker, answered, is_edited_since, number, time_of, times
from sameroom import clock

log = logging.getLogger(__name__)

MOST_FILES: Final = 10  # of one message that are asked for
LATEST: Final = 100  # messages that are looked at for what was said last
MOST_LOOKS: Final = 5  # pages in which messages are looked for that were told late
LATELY: Final = timedelta(minutes=15)  # answers of that time belong to what was said last


@dataclass(frozen=True, slots=True)
class History:
    """One account's way to look into channels."""

    client: SlackClient
    directory: Directory
    reader: Reader

    def newest(self, room: RoomId, count: int) -> Sequence[Cursor]:
        """As `Connector.newest`. An answer in a thread is an item too: of the last one its root tells."""
        found: list[Json] = []
        cursor, back = "", number(as_ts(clock.now() - walking.BACK))
        for _ in range(walking.MOST_PAGES):
            try:
                page = self.client.history(room, count=walking.PAGE, cursor=cursor, use=Use.OTHER)
            except RetryLater:
                if not found:
                    raise
                break
            found += rows(page.get("messages"))
            cursor = next_cursor_of(page)
            if not cursor or not found or time_of(found[-1]) < back:
                break
        items = {ts for raw in found for ts in times(raw)}
        return [_cursor(ts) for ts in sorted(items, key=number)[-count:]]

    def recent(self, room: RoomId) -> Recent:
        """As `Connector.recent`, with answers of the last minutes in threads that nobody has told yet.

        Of older ones none is new to anybody, and whoever looks for an answer asks for `answers`: each thread
        costs a call, of which posts into threads need some, too.
        """
        page = self.client.history(room, count=LATEST, use=Use.SETTLE)
        found = rows(page.get("messages"))
        roots = walking.untold(self.client.server, room, answered(found, as_ts(clock.now() - LATELY)))
        roots = roots[-walking.MOST_THREADS :]
        answers = [one for root in roots for one in walking.thread(self.client, room, root.ts, root.since)]
        events = self._spoken([*found, *answers])
        return Recent(events, whole=not next_cursor_of(page) and page.get("has_more") is not True)

    def standing(self, room: RoomId, messages: Collection[MessageId]) -> set[MessageId]:
        """Those of these messages of the channel that are still there. Network I/O; may be repeated.

        Not asked of answers in threads. What lies further back than is looked counts as there.
        """
        wanted = sorted(messages, key=number)
        found: set[str] = set()
        cursor, count, reached = "", walking.PAGE if len(wanted) > 1 else 1, number(wanted[-1])
        for _ in range(MOST_LOOKS):
            page = self.client.history(room, count=count, latest=wanted[-1], cursor=cursor, use=Use.OTHER)
            told, cursor = rows(page.get("messages")), next_cursor_of(page)
            found |= {text(raw.get("ts")) for raw in told if raw.get("subtype") != TOMBSTONE}
            reached = min([reached, *map(time_of, told)]) if cursor else 0
            if reached <= number(wanted[0]):
                break
        return {one for one in wanted if one in found or number(one) < reached}

    def answers(self, room: RoomId, message: MessageId, since: datetime) -> Sequence[IncomingEvent]:
        """As `Connector.answers`: what stands in the thread that a message belongs to."""
        root = posting.Threads(self.client).root_of(room, message)
        return self._spoken(walking.thread(self.client, room, root, as_ts(since)) if root else [])

    def _spoken(self, messages: Sequence[Json]) -> list[IncomingEvent]:
        return [one for one in self.events(messages) if one.kind in (Kind.MESSAGE, Kind.EDIT)]

    def read_after(self, room: RoomId, cursor: Cursor | None) -> Page:
        """As `Connector.read_after`. What was said before the cursor and edited after it is an edit."""
        after = _ts_of(cursor) if cursor else ""
        walker = Walker(self.client, room, after)
        walk = walker.walk()
        if walk is None:
            return Page((), cursor=cursor, more=True)
        said = [raw for raw in walk.found if time_of(raw) > number(after)]
        before = [raw for raw in walk.found if time_of(raw) <= number(after) and is_edited_since(raw, after)]
        before += [raw for raw in walk.far if is_edited_since(raw, walker.far_since)]
        place = _cursor(walk.stands) if number(walk.stands) > number(after) else cursor
        events, has_gap = self.events([*said, *walk.answers], before), not walk.is_passed
        return Page(events, cursor=place, more=walk.has_rested, gap=has_gap)

    def events(self, messages: Sequence[Json], edited: Sequence[Json] = ()) -> list[IncomingEvent]:
        """The events in messages of a history, oldest first, each once. What is unreadable is left out.

        A message that was edited has its last text there: its last edit comes with it, so that of those that
        Slack tells afterwards older ones are known for what they are. Of the messages `edited` it is that
        edit alone.
        """
        told = [(self._with_files(raw), is_known) for raw, is_known in _marked(messages, edited)]
        known = self.directory.looked_up(one for raw, _ in told for one in self.reader.whom(_typed(raw)))
        reader = replace(self.reader, names=known)
        found: dict[str, IncomingEvent] = {}
        for raw, is_known in told:
            try:
                events = _events_of(raw, reader, is_known=is_known)
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
        told: dict[str, Json] = {}
        for id_ in untold[:MOST_FILES]:
            with suppress(FileGone):  # nobody may look at files: those are told by their ids
                told[id_] = self.client.file(id_)
        forwarded = [_filled(one, told) if one.get("files") else one for one in rows(raw.get("attachments"))]
        return {**_filled(raw, told), **({"attachments": forwarded} if forwarded else {})}


def _filled(raw: Json, told: Mapping[str, Json]) -> Json:
    """A message, or one that is forwarded, with what was told of its files."""
    return {**raw, "files": [told.get(text(file.get("id"))) or file for file in rows(raw.get("files"))]}


def _marked(messages: Sequence[Json], edited: Sequence[Json]) -> list[tuple[Json, bool]]:
    """Messages of a history in their order, each with whether it is known but for its last edit."""
    marked = [*((raw, False) for raw in messages), *((raw, True) for raw in edited)]
    return sorted(marked, key=lambda one: time_of(one[0]))


def _events_of(raw: Json, reader: Reader, *, is_known: bool) -> list[IncomingEvent]:
    """What one message of a history tells. Malformed."""
    said = None if is_known else reader.event_of(_typed(raw))
    edits = [reader.edit_of(raw)] if is_edited(raw) and (is_known or said) else []
    return [said, *edits] if said else edits


def _typed(raw: Json) -> Json:
    """History leaves out what the event says of itself."""
    return raw if raw.get("type") else {**raw, "type": "message"}


def _cursor(ts: str) -> Cursor:
    return Cursor(MessageId(ts), moment(ts))


def _ts_of(cursor: Cursor) -> str:
    return ts_of(cursor.id) or as_ts(cursor.time)
