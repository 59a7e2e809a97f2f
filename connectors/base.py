"""The contract every service is connected through.

The relay knows this module and no service. It asks `capabilities`, hands over ids it never looks
into, and acts on the class of a `ConnectorError` (see `errors`). All methods block; the docstring
of each says whether it does network I/O, what it may raise and whether it may be repeated.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, NewType

from connectors.budget import Budget, Limit
from connectors.errors import UnsupportedAction
from connectors.files import fetch_public
from connectors.markup.tree import Document

if TYPE_CHECKING:
    from connectors.forms import CredentialsForm

RoomId = NewType("RoomId", str)
MessageId = NewType("MessageId", str)
UserId = NewType("UserId", str)


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
    fastest_poll: float = 0.5  # seconds between two polls of one room at the least
    send_deadline: float = 10.0  # seconds after which a send has ended one way or the other
    sender_override: Support = Support.NONE  # NATIVE: posts under the author's own name
    idempotency_life: float = 0.0  # seconds for which the service recognises a repeated send; 0: never
    edit_age: float = math.inf  # seconds after which a post of ours cannot be edited any more
    edits: Support = Support.IMITATED
    deletes: Support = Support.IMITATED
    replies: Support = Support.IMITATED
    reactions: Support = Support.IMITATED
    files: Support = Support.IMITATED
    max_file_size: int = 0  # bytes of one file that is posted natively
    file_deadline: float = 60.0  # seconds after which posting a file has ended one way or the other


@dataclass(frozen=True, slots=True)
class Login:
    """What a connector works with: one account at one service, without any database."""

    server: str  # base address, or "" where the service has only one
    credentials: Mapping[str, str] = field(repr=False)
    user_id: UserId = UserId("")
    team_id: str = ""
    scopes: Sequence[str] = ()  # what the service had granted when it was last asked


@dataclass(frozen=True, slots=True)
class Grant:
    """What a login may do, and until when, as its service says now."""

    scopes: Sequence[str] = ()
    expires_at: datetime | None = None  # None: it does not end, or the service does not tell


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a login is, as the service said after it let us in."""

    server: str  # the address we authenticated at, in its one canonical spelling
    user_id: UserId
    user_name: str
    team_id: str
    team_name: str
    space: str  # scope inside which a room id is unique; built from `server`, never from a server's claim
    scopes: Sequence[str] = ()
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RoomInfo:
    """A room as its service describes it."""

    id: RoomId
    name: str
    topic: str = ""
    is_private: bool = False
    is_archived: bool = False


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
    """

    events: Sequence[tuple[RoomId, IncomingEvent]] = ()
    rooms: Sequence[RoomId] = ()
    answer: str = ""


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One part of a message, rendered and within the length limit.

    `not_after` is the moment (`clock.monotonic()`) after which the request must not begin any more:
    by then somebody else may be finding out what became of it.
    """

    text: str
    not_after: float = math.inf
    idempotency_key: str = ""
    sender_name: str = ""  # only where `sender_override` is NATIVE
    sender_avatar_url: str = ""
    reply_to: MessageId | None = None  # only where `replies` is NATIVE


@dataclass(frozen=True, slots=True)
class OutgoingFile:
    """A file to be posted, whole on the disk of this machine; `message` is what stands beside it."""

    name: str
    content_type: str
    size: int  # bytes
    content: BinaryIO = field(repr=False)  # read from its beginning
    message: OutgoingMessage = field(default_factory=lambda: OutgoingMessage(""))


class Connector:
    """One login at one service. Cheap to make, holds no connection of its own."""

    kind: ClassVar[str]
    label: ClassVar[str]
    capabilities: Capabilities
    credentials_form: ClassVar[type[CredentialsForm]]
    secret_fields: ClassVar[tuple[str, ...]] = ("token",)  # of the credentials: what the service limits

    def __init__(self, login: Login) -> None:
        self.login = login
        self.budget = Budget(self._budget_key(), self.capabilities.limit)

    def _budget_key(self) -> str:
        """A name for this credential that does not give it away: whoever shares it shares its limit."""
        secrets = [self.login.credentials[name] for name in self.secret_fields]
        named = "\n".join([self.kind, self.login.server, *secrets])
        return f"{self.kind}:{hashlib.sha256(named.encode()).hexdigest()[:32]}"

    def verify(self) -> Identity:
        """Log in and say who we are. Network I/O; may be repeated. LoginRejected, RetryLater."""
        raise UnsupportedAction(f"{self.label} cannot check a login.")

    def granted(self) -> Grant:
        """What this login may do, and until when. Network I/O; may be repeated. LoginRejected, RetryLater."""
        identity = self.verify()
        return Grant(identity.scopes, identity.expires_at)

    def refresh_people(self) -> None:
        """Look up anew what is known of people besides what their messages tell: their pictures.

        Network I/O; may be repeated. Nobody waits for it; does nothing where there is no more to know.
        """

    def list_rooms(self) -> Iterator[RoomInfo]:
        """All rooms this login can enter, page by page. Network I/O; may be repeated."""
        raise UnsupportedAction(f"{self.label} cannot list its rooms.")

    def room(self, room: RoomId) -> RoomInfo:
        """One room as it is now. Network I/O; may be repeated. RoomGone where it is closed to us."""
        raise UnsupportedAction(f"{self.label} cannot look at a room.")

    def newest(self, room: RoomId, count: int = 1) -> Sequence[Cursor]:
        """The newest items of a room, oldest first; empty where nothing was ever said.

        Network I/O; may be repeated. Only where `capabilities.history`.
        """
        raise UnsupportedAction(f"{self.label} keeps no history.")

    def recent(self, room: RoomId) -> Recent:
        """What was said last in a room, our own posts included: as much as one call gives.

        By this the fate of a cut-off send is found out. Network I/O; may be repeated. Only where
        `capabilities.history`.
        """
        raise UnsupportedAction(f"{self.label} keeps no history.")

    def read_after(self, room: RoomId, cursor: Cursor | None) -> Page:
        """What was said after `cursor`; with None, everything from a room that was empty.

        Network I/O; may be repeated: the same cursor gives the same events. RoomGone, LoginRejected,
        RetryLater (also for any 5xx). Only where `capabilities.reading` is POLL.
        """
        raise UnsupportedAction(f"{self.label} cannot be polled.")

    def receive(self, headers: Mapping[str, str], body: bytes) -> Push:
        """Check and read what came to this account's webhook. No I/O; may be repeated.

        LoginRejected where the signature is missing or wrong, ValueError where it cannot be read.
        Header names are lower case. Only where `capabilities.reading` is WEBHOOK, or `capabilities.hooks`.
        """
        raise UnsupportedAction(f"{self.label} sends nothing to us.")

    def subscribe(self, room: RoomId, url: str) -> str:
        """Have the service push to `url` what is said in a room; by what name to end that.

        Network I/O; may be repeated: what pushes there already is kept. RoomGone, LoginRejected,
        RetryLater. Only where `capabilities.hooks`.
        """
        raise UnsupportedAction(f"{self.label} cannot be told to push.")

    def unsubscribe(self, room: RoomId, hook: str) -> None:
        """End what `subscribe` began. Network I/O; may be repeated. As `subscribe`."""
        raise UnsupportedAction(f"{self.label} cannot be told to push.")

    def send(self, room: RoomId, message: OutgoingMessage) -> MessageId:
        """Post ONE part that is within the limit; its id, "" where `capabilities.message_ids` is off.

        Network I/O; NOT safe to repeat, unless with an idempotency key within its declared life.
        RetryLater means surely not posted; DeliveryUnknown means it may have been.
        """
        raise UnsupportedAction(f"{self.label} cannot send.")

    def send_file(self, room: RoomId, file: OutgoingFile) -> MessageId:
        """Post ONE file of at most `max_file_size` with its message; as `send`, within `file_deadline`.

        Only where `capabilities.files` is NATIVE.
        """
        raise UnsupportedAction(f"{self.label} takes no files.")

    def fetch(self, attachment: Attachment, into: BinaryIO, *, most: int, deadline: float) -> None:
        """Write the file into `into`, at most `most` bytes, within `deadline` seconds.

        Network I/O; may be repeated. RetryLater where it may be there later, FileGone where it never will.
        """
        fetch_public(attachment.url, into, most=most, deadline=deadline)

    def edit(self, room: RoomId, target: MessageId, message: OutgoingMessage) -> None:
        """Replace the text of a post of ours. Network I/O; may be repeated. `capabilities.edits` NATIVE."""
        raise UnsupportedAction(f"{self.label} cannot edit a message.")

    def delete(self, room: RoomId, target: MessageId) -> None:
        """Take a post of ours back. Network I/O; may be repeated. `capabilities.deletes` NATIVE."""
        raise UnsupportedAction(f"{self.label} cannot delete a message.")

    def react(self, room: RoomId, target: MessageId, emoji: str, *, add: bool) -> None:
        """Set or take away a reaction. Network I/O; may be repeated. `capabilities.reactions` NATIVE."""
        raise UnsupportedAction(f"{self.label} has no reactions.")

    def escape(self, text: str, *, rings: bool = False) -> str:
        """`text` such that this service shows it as it stands: nobody pinged, no command run. No I/O.

        With `rings` what calls everybody in the room (@all, @here) is left as it is.

        It may grow: the relay splits first, escapes each part as it will stand, and splits again
        what has grown too long.
        """
        return text
