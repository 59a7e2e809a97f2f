"""The words that the relay and the connectors share: what happens in a room, and what is posted. No I/O."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, BinaryIO, NewType

from connectors.budget import Limit
from connectors.markup.tree import Document

RoomId = NewType("RoomId", str)
MessageId = NewType("MessageId", str)
UserId = NewType("UserId", str)

ROOM_KEY = "key of "  # begins the names under which credentials hold the keys of rooms


class Support(StrEnum):
    """How well a service can do something."""

    NATIVE = "native"
    IMITATED = "imitated"  # the relay sends a stand-in
    NONE = "none"


class Reading(StrEnum):
    """How a service's messages reach us."""

    POLL = "poll"
    WEBHOOK = "webhook"
    STREAM = "stream"


class Kind(StrEnum):
    """What happened in a room."""

    MESSAGE = "message"
    EDIT = "edit"
    DELETE = "delete"
    REACTION = "reaction"
    UNREACTION = "unreaction"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a service can do; the class value is the maximum, an account's may be less."""

    max_text_length: int  # code points in one post
    limit: Limit | None  # documented requests per window and credential; None: none is known
    reading: Reading = Reading.POLL
    history: bool = False  # `read_after` also finds what was said while we were away
    message_ids: bool = True  # False: a send tells no id, and what is read may carry none
    global_ids: bool = False  # a message id is unique over all servers of this kind (UUIDs)
    hooks: bool = False  # it can be told to push to us when a room that we poll has news
    one_address: bool = False  # what it pushes for all logins comes to one address of ours
    fastest_poll: float = 0.5  # seconds between two polls of one room at the least
    send_deadline: float = 10.0  # seconds after which a send has ended one way or the other
    sender_override: Support = Support.NONE  # NATIVE: posts under the author's own name
    names_files: bool = True  # False: not so a post with a file, in whose text the name has to stand
    idempotency_life: float = 0.0  # seconds for which the service recognises a repeated send; 0: never
    edit_age: float = math.inf  # seconds after which a post of ours cannot be edited any more
    edits: Support = Support.IMITATED
    deletes: Support = Support.IMITATED
    replies: Support = Support.IMITATED
    reactions: Support = Support.IMITATED
    files: Support = Support.IMITATED
    max_file_size: int = 0  # bytes of one file that is posted natively
    file_deadline: float = 60.0  # seconds after which posting a file has ended one way or the other
    lists_all: bool = True  # no room that a login can enter is left out of its list
    addresses: bool = False  # a room can be found and entered by an address that somebody types
    creates_rooms: bool = False  # a login may make a room
    rich: bool = False  # posts are made of `OutgoingMessage.body`; else of its `text`
    one_line: bool = False  # a post is a single line; what has more of them is as many posts
    names_are_owned: bool = (
        True  # an author's id and user name are one person's; False: anybody may take them
    )
    apps: bool = False  # our accounts are apps there, which people call by "@sameroom" as well
    sends_by_session: bool = False  # posts leave by the very connection that `stream` holds, and by no other
    entering_proves: bool = (
        False  # whoever is let into a room at an address is in the same one as others there
    )


@dataclass(frozen=True, slots=True)
class Login:
    """What a connector works with: one account at one service, without any database."""

    server: str  # base address, or "" where the service has only one
    credentials: Mapping[str, str] = field(repr=False)
    user_id: UserId = UserId("")
    team_id: str = ""
    scopes: Sequence[str] = ()  # what the service had granted when it was last asked

    def key_of(self, room: RoomId) -> str:
        """The `RoomInfo.key` with which the room was last entered, "" where it needs none."""
        return self.credentials.get(ROOM_KEY + room, "")


@dataclass(frozen=True, slots=True)
class Grant:
    """What a login may do, and until when, as its service says now."""

    scopes: Sequence[str] = ()
    expires_at: datetime | None = None  # None: it does not end, or the service does not tell


@dataclass(frozen=True, slots=True)
class Rotation:
    """The new secrets of a login, and when they have to be traded again."""

    credentials: Mapping[str, str] = field(repr=False)  # those that have changed
    rotates_at: datetime | None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a login is, as the service said after it let us in."""

    server: str  # the address we authenticated at, in its one canonical spelling
    user_id: UserId
    user_name: str
    team_id: str
    team_name: str
    space: str  # scope inside which a room id is unique; built from `server`, never from a server's claim
    username: str = ""  # by which people mention this user there; "" where that is the name
    scopes: Sequence[str] = ()
    expires_at: datetime | None = None
    rotates_at: datetime | None = None  # when `Connector.rotate` is due, without which the login ends


@dataclass(frozen=True, slots=True)
class RoomInfo:
    """A room as its service describes it."""

    id: RoomId
    name: str
    topic: str = ""
    is_private: bool = False
    is_archived: bool = False
    is_invitation: bool = False  # we are asked in; asking for the room accepts it
    key: str = field(default="", repr=False)  # what lets us in again: see `Login.key_of`


@dataclass(frozen=True, slots=True)
class Author:
    """Who said something. Names are raw: whoever shows them cleans them."""

    id: UserId  # "" for integrations that have none
    name: str
    username: str = ""
    avatar_url: str = ""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a room's history: the last item read. Portable between accounts."""

    id: MessageId
    time: datetime


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a message, as its service describes it. Stored with the event."""

    name: str
    size: int | None = None  # bytes, where the service tells
    url: str = ""  # where anybody may open it; "" where a login is needed
    reference: str = ""  # by which its connector finds it, where there is no `url`

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Attachment:
        """What was stored as a dict of these fields; unknown ones are left out."""
        return cls(
            name=str(stored.get("name") or "file"),
            size=stored.get("size"),
            url=str(stored.get("url") or ""),
            reference=str(stored.get("reference") or ""),
        )


@dataclass(frozen=True, slots=True)
class IncomingEvent:
    """One thing that happened in a room, in the project's own words.

    `dedupe_key` is the connector's: the message's id; for an edit target + time; for a reaction
    target + user + emoji + event id or time; without ids the reading session's own sequence.
    `target` is the message that is edited, deleted or reacted to, `reply_to` the one answered.
    Of presence the body is what follows the author's name: “has joined”.
    """

    kind: Kind
    dedupe_key: str
    id: MessageId
    author: Author
    said_at: datetime
    body: Document | None = None
    target: MessageId | None = None
    reply_to: MessageId | None = None
    emoji: str = ""  # of a reaction, as Unicode, or `:name:` where the service has its own
    attachments: Sequence[Attachment] = ()
    is_presence: bool = False  # of a NOTICE: `author` has come or gone, or changed the room's topic


@dataclass(frozen=True, slots=True)
class Page:
    """What a read of a room found after a cursor, oldest first.

    `cursor` is where to go on; it moves also past items that are no events (deleted ones, topic
    changes). `more` asks to be read again at once. `gap` says that the anchor was not found.
    """

    events: Sequence[IncomingEvent]
    cursor: Cursor | None
    more: bool = False
    gap: bool = False


@dataclass(frozen=True, slots=True)
class Recent:
    """The end of a room's history, oldest first. `whole`: nothing was said before the first one."""

    events: Sequence[IncomingEvent]
    whole: bool


@dataclass(frozen=True, slots=True)
class Push:
    """What a service sent to our webhook.

    `events` are stored before the push is acknowledged. `rooms` are only made due to be read at
    once: a service that signs nothing can say no more than that. `answer` is the body it expects.
    `doubts_login`: the login was ended there, or may have been; the service is asked at once.
    `is_owners_word`: signed with a secret that the account's owner has, it may be their own invention: the
    events are believed only in rooms where nobody else sits, others are read.
    """

    events: Sequence[tuple[RoomId, IncomingEvent]] = ()
    rooms: Sequence[RoomId] = ()
    answer: str = ""
    doubts_login: bool = False
    is_owners_word: bool = False


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom a push to a service's one address is for: the accounts of a team there.

    And, where several teams share the room that it tells of, those that sit in `shared_room`: the service
    tells one of them for all. Or nobody, where it only tries the address out, and expects `answer`.
    """

    team_id: str = ""
    shared_room: RoomId = RoomId("")
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What a stream brought, in the order it happened, and the token from which to go on.

    `lost` are rooms that are closed to us from now on, each with the sentence that its owner reads.
    `put_out` are those of them that somebody there put us out of: nobody goes back by themselves soon.
    `moved` are rooms that go on as another one, each with its id; that one was entered.
    `unreadable` counts the events that could not be understood and were left out.
    """

    events: Sequence[tuple[RoomId, IncomingEvent]]
    token: str
    lost: Mapping[RoomId, str] = field(default_factory=dict)
    moved: Mapping[RoomId, RoomId] = field(default_factory=dict)
    unreadable: int = 0
    put_out: Collection[RoomId] = ()


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One part of a message, rendered and within the length limit.

    `body` is the same as a tree, in normal form, prefix and all; only where `capabilities.rich`.
    Its mentions carry the id of a person at the service that is posted to, or none.

    `not_after` is the moment (`clock.monotonic()`) after which the request must not begin any more:
    by then somebody else may be finding out what became of it.
    """

    text: str
    body: Document | None = None
    not_after: float = math.inf
    idempotency_key: str = ""
    sender_name: str = ""  # only where `sender_override` is NATIVE
    sender_avatar_url: str = ""
    reply_to: MessageId | None = None  # only where `replies` is NATIVE
    rings_everybody: bool = False  # a mention of `all` or `here` in `body` may ring all who are in the room


@dataclass(frozen=True, slots=True)
class OutgoingFile:
    """A file to be posted, whole on the disk of this machine; `message` is what stands beside it."""

    name: str
    content_type: str
    size: int  # bytes
    content: BinaryIO = field(repr=False)  # read from its beginning
    message: OutgoingMessage = field(default_factory=lambda: OutgoingMessage(""))
