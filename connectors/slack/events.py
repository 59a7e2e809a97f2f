"""What happened in a channel, from Slack's words to ours. No I/O.

Events: docs.slack.dev/reference/events/message and its subtypes, .../reaction_added, .../reaction_removed.
The same objects stand in the history, without the subtypes that change others.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from connectors.base import Attachment, Author, IncomingEvent, Kind, MessageId, RoomId, UserId
from connectors.markup import plain
from connectors.markup.tree import Document
from connectors.slack import text as texts
from connectors.slack.emoji import of_name
from connectors.slack.people import Names, picture
from connectors.slack.shapes import Json, moment, rows, size, table, text, ts_of

# Subtypes that say something; "" are plain messages. All others are Slack's own notes.
TALK: Final = ("", "bot_message", "me_message", "file_share", "thread_broadcast", "file_comment")
JOINED, LEFT = ("channel_join", "group_join"), ("channel_leave", "group_leave")
TOPIC, PURPOSE = ("channel_topic", "group_topic"), ("channel_purpose", "group_purpose")
RENAMED = ("channel_name", "group_name")
PRESENCE: Final = (*JOINED, *LEFT, *TOPIC, *PURPOSE, *RENAMED)
CHANGED, DELETED, TOMBSTONE = "message_changed", "message_deleted", "tombstone"
REACTIONS: Final = {"reaction_added": Kind.REACTION, "reaction_removed": Kind.UNREACTION}


OUR_NAME: Final = "sameroom"  # as commands begin
GONE: Final = ("tombstone", "hidden_by_limit")  # files that are shown to nobody any more


class Malformed(ValueError):
    """An event that cannot be what its type says."""


@dataclass(frozen=True, slots=True)
class Us:
    """Who our login is there."""

    user: str
    bot: str = ""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the events of one account: who we are, who others are, and what its emoji stand for."""

    us: Us
    names: Names = field(default_factory=Names)
    aliases: dict[str, str] = field(default_factory=dict)  # of the workspace's own emoji, by name

    def event_of(self, raw: Json) -> IncomingEvent | None:
        """A `message` or reaction event in the project's own words; None where it says nothing. Malformed."""
        try:
            if raw.get("type") in REACTIONS:
                return self._reaction(raw)
            return self._message(raw) if raw.get("type") == "message" else None
        except Malformed:
            raise
        except (ValueError, TypeError, AttributeError) as error:
            raise Malformed(str(error)) from error

    # -------------------------------------------------------------------------- messages
    def _message(self, raw: Json) -> IncomingEvent | None:
        subtype = text(raw.get("subtype"))
        if raw.get("is_ephemeral") is True:
            return None
        if subtype == CHANGED:
            return self._changed(raw)
        if subtype == DELETED:
            return self._deleted(raw, table(raw.get("previous_message")), text(raw.get("deleted_ts")))
        if subtype in PRESENCE:
            return self._presence(raw, subtype)
        if subtype not in TALK or raw.get("hidden") is True:
            return None
        return self._said(raw)

    def _said(self, raw: Json) -> IncomingEvent | None:
        ts, thread = _ts(raw.get("ts")), ts_of(raw.get("thread_ts"))
        body, files = self._body(raw), list(attachments(raw))
        if texts.is_blank(body) and not files:
            return None
        return IncomingEvent(
            kind=Kind.MESSAGE,
            dedupe_key=ts,
            id=MessageId(ts),
            author=self.author(raw),
            said_at=moment(ts),
            body=body,
            reply_to=MessageId(thread) if thread and thread != ts else None,
            attachments=files,
        )

    def _changed(self, raw: Json) -> IncomingEvent | None:
        """An edit; what else changes a message (unfurled links, replies) leaves its words as they were."""
        now, before = table(raw.get("message")), table(raw.get("previous_message"))
        if now.get("subtype") == TOMBSTONE:  # a message that others have answered was deleted
            return self._deleted(raw, before or now, text(now.get("ts")))
        edited = table(now.get("edited"))
        is_same = edited == before.get("edited") and _words(now) == _words(before)  # told to the second
        if not ts_of(edited.get("ts")) or is_same:
            return None
        return self.edit_of(now, text(raw.get("ts")))

    def edit_of(self, raw: Json, told: str = "") -> IncomingEvent:
        """The last edit of a message that was edited; `told` is the `ts` of the event that tells of it."""
        ts, edited = _ts(raw.get("ts")), _ts(table(raw.get("edited")).get("ts"))
        # Twice within a second, by the time that is told: it is the words that differ.
        key = f"{ts}:{edited}:{hashlib.sha256(_words(raw).encode()).hexdigest()[:8]}"
        return IncomingEvent(
            kind=Kind.EDIT,
            dedupe_key=key,
            id=MessageId(key),
            author=self.author(raw),
            said_at=_edited_at(edited, told),
            body=self._body(raw),
            target=MessageId(ts),
        )

    def _deleted(self, raw: Json, deleted: Json, target: str) -> IncomingEvent:
        return IncomingEvent(
            kind=Kind.DELETE,
            dedupe_key=_ts(target),
            id=MessageId(f"{target}:deleted"),
            author=self.author(deleted),  # who has deleted it is not told
            said_at=moment(ts_of(raw.get("event_ts")) or _ts(raw.get("ts"))),
            target=MessageId(target),
        )

    def _presence(self, raw: Json, subtype: str) -> IncomingEvent | None:
        """Who comes and goes, and what the channel is called and about; never of ourselves."""
        user = text(raw.get("user"))
        if not user or user == self.us.user:
            return None
        ts = _ts(raw.get("ts"))
        return IncomingEvent(
            kind=Kind.NOTICE,
            dedupe_key=ts,
            id=MessageId(ts),
            author=self.author(raw),
            said_at=moment(ts),
            body=plain.parse(_told(raw, subtype)),
            is_presence=True,
        )

    def _body(self, raw: Json) -> Document:
        if self._is_ours(raw):  # it is known again by the words we gave it, not by what Slack makes of them
            raw = {name: value for name, value in raw.items() if name not in ("blocks", "attachments")}
        return texts.parse(raw, self.name_of, by_app=bool(raw.get("bot_id")))

    def name_of(self, id_: str) -> str:
        """The name behind an id. Whatever our app is called there, people who call it call us."""
        return OUR_NAME if id_ == self.us.user else self.names.name_of(id_)

    # -------------------------------------------------------------------------- reactions
    def _reaction(self, raw: Json) -> IncomingEvent | None:
        item, user, name = table(raw.get("item")), text(raw.get("user")), text(raw.get("reaction"))
        if item.get("type") != "message":
            return None
        target, event_ts = _ts(item.get("ts")), _ts(raw.get("event_ts"))
        if not user or not name:
            raise Malformed("A reaction has to have a user and a name.")
        key = f"{target}:{user}:{name}:{event_ts}"
        return IncomingEvent(
            kind=REACTIONS[str(raw["type"])],
            dedupe_key=key,
            id=MessageId(key),
            author=self.author(raw),
            said_at=moment(event_ts),
            target=MessageId(target),
            emoji=self.emoji(name),
        )

    def emoji(self, name: str) -> str:
        """What a name stands for: a character, or the name in colons where the workspace has its own."""
        for _ in range(3):  # an alias of an alias
            name = self.aliases.get(name, name)
        return of_name(name) or f":{name}:"

    # -------------------------------------------------------------------------- who
    def whom(self, raw: Json) -> list[str]:
        """The ids that have to be known before an event is read: its author's, and whom it names."""
        said = table(raw.get("message")) if raw.get("subtype") == CHANGED else raw
        said = table(raw.get("previous_message")) if raw.get("subtype") == DELETED else said
        user, bot = text(said.get("user")), text(said.get("bot_id"))
        if bot:
            author = [] if user or bot == self.us.bot else [bot]
        else:
            author = [user] if user and user != self.us.user and not said.get("user_profile") else []
        return [*author, *texts.mentioned(said)]

    def author(self, raw: Json) -> Author:
        """Who said it: a person, or an app under whatever name it posts."""
        user, bot = text(raw.get("user")), text(raw.get("bot_id"))
        if bot:
            return self._app(raw, user, bot)
        known, told = self.names.of(user), table(raw.get("user_profile"))
        name = known.name or next((text(told.get(one)) for one in _NAMES if text(told.get(one))), "")
        return Author(
            id=UserId(user),
            name=name or user or "Slack",
            username=known.username or text(told.get("name")),
            avatar_url=known.picture or picture(told),
        )

    def _app(self, raw: Json, user: str, bot: str) -> Author:
        known, told = self.names.of(bot), table(raw.get("bot_profile"))
        id_ = self.us.user if self._is_ours(raw) else user or known.user or bot
        return Author(
            id=UserId(id_),
            name=text(raw.get("username")) or text(told.get("name")) or known.name or "App",
            avatar_url=picture(table(raw.get("icons"))) or picture(table(told.get("icons"))) or known.picture,
        )

    def _is_ours(self, raw: Json) -> bool:
        user, bot = text(raw.get("user")), text(raw.get("bot_id"))
        return bool(bot) and (bot == self.us.bot or (bool(user) and user == self.us.user))


_NAMES: Final = ("display_name", "real_name", "name")


def room_of(raw: Json) -> RoomId:
    """The channel in which an event happened, "" where it happened in none."""
    told = raw.get("channel")
    return RoomId(text(told) or text(table(told).get("id")) or text(table(raw.get("item")).get("channel")))


def files_of(raw: Json) -> list[Json]:
    """The files of a message, and of those that are forwarded with it."""
    forwarded = [file for one in texts.shared(raw) for file in rows(one.get("files"))]
    return [*rows(raw.get("files")), *forwarded]


def attachments(raw: Json) -> list[Attachment]:
    """The files of a message that are still there. Fetched by their ids, with the login."""
    found = []
    for file in files_of(raw):
        is_elsewhere = file.get("is_external") is True  # then it is a link, and stands in the text
        if text(file.get("id")) and not is_elsewhere and file.get("mode") not in GONE:
            name = text(file.get("name")) or text(file.get("title")) or "file"
            found.append(Attachment(name=name, size=size(file.get("size")), reference=text(file.get("id"))))
    return found


def untold_files(raw: Json) -> list[str]:
    """The ids of files of which no more is told: so it is in channels that workspaces share."""
    return [text(file.get("id")) for file in files_of(raw) if file.get("file_access") == "check_file_info"]


def _told(raw: Json, subtype: str) -> str:
    """What follows the author's name."""
    if subtype in JOINED:
        return "has joined"
    if subtype in LEFT:
        return "has left"
    if subtype in RENAMED:
        return f"has renamed the channel to {text(raw.get('name'))}"
    what, said = (
        ("topic", text(raw.get("topic"))) if subtype in TOPIC else ("purpose", text(raw.get("purpose")))
    )
    return f"has set the {what} to: {said}" if said else f"has cleared the {what}"


def _edited_at(edited: str, told: str) -> datetime:
    """When a message was edited: it says that to the second, the event that tells of it more exactly.

    A history has the last edit alone: the end of its second is later than any edit before it.
    """
    second, _, _ = edited.partition(".")
    return moment(told if ts_of(told) and told.startswith(f"{second}.") else f"{second}.999999")


def is_edited(raw: Json) -> bool:
    """Whether a message was edited, and says when."""
    return bool(ts_of(table(raw.get("edited")).get("ts")))


def _words(raw: Json) -> str:
    """By what two states of a message are told apart."""
    return text(raw.get("text")) or repr(raw.get("blocks"))


def _ts(value: object) -> str:
    found = ts_of(value)
    if not found:
        raise Malformed("A message has to have a ts.")
    return found
