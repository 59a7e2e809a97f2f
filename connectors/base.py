"""The contract every service is connected through.

The relay knows this module and no service. It asks `capabilities`, hands over ids it never looks
into, and acts on the class of a `ConnectorError` (see `errors`). All methods but `stream` block; the
docstring of each says whether it does network I/O, what it may raise and whether it may be repeated.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO, ClassVar

from connectors.authorizing import Authorization
from connectors.budget import Budget
from connectors.errors import LoginRejected, UnsupportedAction
from connectors.files import fetch_public
from connectors.findings import Finding
from connectors.model import (
    Addressee,
    Attachment,
    Author,
    Batch,
    Capabilities,
    Cursor,
    Grant,
    Identity,
    IncomingEvent,
    Kind,
    Login,
    MessageId,
    OutgoingFile,
    OutgoingMessage,
    Page,
    Push,
    Reading,
    Recent,
    RoomId,
    RoomInfo,
    Rotation,
    Support,
    UserId,
)

if TYPE_CHECKING:
    from connectors.forms import CredentialsForm

__all__ = [
    "Addressee",
    "Attachment",
    "Author",
    "Batch",
    "Capabilities",
    "Connector",
    "Cursor",
    "Grant",
    "Identity",
    "IncomingEvent",
    "Kind",
    "Login",
    "MessageId",
    "OutgoingFile",
    "OutgoingMessage",
    "Page",
    "Push",
    "Reading",
    "Recent",
    "RoomId",
    "RoomInfo",
    "Rotation",
    "Support",
    "UserId",
]


class Connector:
    """One login at one service. Cheap to make, holds no connection of its own."""

    kind: ClassVar[str]
    label: ClassVar[str]
    capabilities: Capabilities
    credentials_form: ClassVar[type[CredentialsForm]]
    secret_fields: ClassVar[tuple[str, ...]] = ("token",)  # of the credentials: what the service limits
    new_room_hint: ClassVar[str] = ""  # who is in a room that `create_room` makes, and how others get in
    has_one_server: ClassVar[bool] = False  # the same for everybody: its address says nothing to people
    authorization: ClassVar[Authorization | None] = None  # by which it is linked by redirect as well

    def __init__(self, login: Login) -> None:
        self.login = login
        self.budget = Budget(self._budget_key(), self.capabilities.limit)

    def _budget_key(self) -> str:
        """A name for this credential that does not give it away: whoever shares it shares its limit."""
        try:
            secrets = [self.login.credentials[name] for name in self.secret_fields]
        except KeyError as error:
            raise LoginRejected("The stored login lacks a part. Renew the account.") from error
        named = "\n".join([self.kind, self.login.server, *secrets])
        return f"{self.kind}:{hashlib.sha256(named.encode()).hexdigest()[:32]}"

    @classmethod
    def operator_findings(cls) -> Iterable[Finding]:
        """What `manage.py doctor` has to say of the settings that an operator makes for this service.

        Network I/O, a few seconds of it; may be repeated, changes nothing. No secret in any text. Nothing
        where there is nothing to set.
        """
        return ()

    @classmethod
    def lacking(cls, scopes: Sequence[str]) -> str:
        """What a login with these scopes may not do though it could, and what its owner can do about it.

        A sentence, "" where nothing is missing. No I/O.
        """
        return ""

    def verify(self) -> Identity:
        """Log in and say who we are. Network I/O; may be repeated. LoginRejected, RetryLater."""
        raise UnsupportedAction(f"{self.label} cannot check a login.")

    def granted(self) -> Grant:
        """What this login may do, and until when. Network I/O; may be repeated. LoginRejected, RetryLater."""
        identity = self.verify()
        return Grant(identity.scopes, identity.expires_at)

    def sign_out(self) -> None:
        """End this login at its service, where it was made for us: its account is removed.

        Network I/O; may be repeated. Does nothing where the login is its owner's to end.
        """

    def rotate(self) -> Rotation:
        """Trade this login's secrets for new ones, before the present ones end (`Identity.rotates_at`).

        Network I/O; NOT safe to repeat: what was traded may not be taken a second time. LoginRejected,
        RetryLater.
        """
        raise UnsupportedAction(f"{self.label} gives out no new secrets for old ones.")

    def refresh_people(self) -> None:
        """Look up anew what is known of people besides what their messages tell: their pictures.

        Network I/O; may be repeated. Nobody waits for it; does nothing where there is no more to know.
        """

    def list_rooms(self) -> Iterator[RoomInfo]:
        """All rooms this login can enter, page by page. Network I/O; may be repeated."""
        raise UnsupportedAction(f"{self.label} cannot list its rooms.")

    def room(self, room: RoomId) -> RoomInfo:
        """One room as it is now. Network I/O; may be repeated. RoomGone where it is closed to us.

        Where the room goes on as another one, that one, entered: then its id differs.
        """
        raise UnsupportedAction(f"{self.label} cannot look at a room.")

    def enter(self, address: str) -> RoomInfo:
        """The room that a typed address or id leads to, entered as its user where that is open to them.

        Network I/O; may be repeated. RoomGone where there is none for us. Only where
        `capabilities.addresses`.
        """
        raise UnsupportedAction(f"{self.label} finds no room by an address.")

    def create_room(self, name: str, invited: Sequence[str] = ()) -> RoomInfo:
        """Make a private room that we can read and post in, and invite people as their users type them.

        Network I/O; NOT safe to repeat. MessageRejected where that is refused, DeliveryUnknown where it may
        have been made. Only where `capabilities.creates_rooms`.
        """
        raise UnsupportedAction(f"{self.label} lets nobody make a room by a program.")

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

    def answers(self, room: RoomId, message: MessageId, since: datetime) -> Sequence[IncomingEvent]:
        """What was said after a moment in answer to a message and may be missing in `recent`, oldest first.

        By this the fate of a cut-off answer is found out. Network I/O where there can be any, by default
        none; may be repeated. As `recent`.
        """
        return ()

    def read_after(self, room: RoomId, cursor: Cursor | None) -> Page:
        """What was said after `cursor`; with None, everything from a room that was empty.

        Network I/O; may be repeated: the same cursor gives the same events. RoomGone, LoginRejected,
        RetryLater (also for any 5xx). Only where `capabilities.reading` is POLL.
        """
        raise UnsupportedAction(f"{self.label} cannot be polled.")

    def stream(self, token: str, rooms: Callable[[], Collection[RoomId]]) -> AsyncGenerator[Batch, None]:
        """What happens in the account's rooms, batch by batch, after `token`; "": what was said last, and on.

        asyncio; network I/O until it is closed or cancelled. The first batch comes once the connection
        stands, also where nothing has happened. A batch was stored when the next one is asked for; with its
        token another stream goes on where this one ended, and may bring the same events again. `rooms`
        tells which rooms matter now: ask it for each answer, after that has come. Ends with RetryLater
        where the connection is lost; LoginRejected. Only where `capabilities.reading` is STREAM.

        Where `capabilities.sends_by_session`, `send` and whatever else changes a room is called on the very
        connector whose stream runs, by threads beside its event loop, one call at a time for each room.
        """
        raise UnsupportedAction(f"{self.label} has no stream.")

    def receive(self, headers: Mapping[str, str], body: bytes) -> Push:
        """Check and read what came to this account's webhook. No I/O but to the cache; may be repeated.

        LoginRejected where the signature is missing or wrong, ValueError where it cannot be read.
        Header names are lower case. Only where `capabilities.reading` is WEBHOOK, or `capabilities.hooks`.
        """
        raise UnsupportedAction(f"{self.label} sends nothing to us.")

    @classmethod
    def addressed(cls, headers: Mapping[str, str], body: bytes) -> Addressee:
        """Whom a push is for that came to the service's one address here. No I/O; may be repeated.

        Nothing in it is checked yet: `receive` of the account does that. ValueError where it cannot be read.
        Header names are lower case. Only where `capabilities.one_address`.
        """
        raise UnsupportedAction(f"{cls.label} sends nothing to us.")

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
        RetryLater means surely not posted; DeliveryUnknown means it may have been. Where
        `capabilities.sends_by_session` it waits for the confirmation of the stream's connection, and is
        RetryLater while that does not stand or is not in the room yet.
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

    def length(self, message: OutgoingMessage) -> int:
        """How much of `capabilities.max_text_length` a post takes: code points of its text. No I/O."""
        return len(message.text)

    def as_read(self, message: OutgoingMessage) -> str:
        """The text of a post as it is read afterwards, but for what every comparison leaves out. No I/O.

        By it a post is known again that was cut off: services that have no lists make lines of them.
        """
        return message.text

    def escape(self, text: str, *, rings: bool = False, people: Collection[str] = ()) -> str:
        """`text` such that this service shows it as it stands: nobody pinged, no command run. No I/O.

        With `rings` what calls everybody in the room (@all, @here) is left as it is, and so is what
        mentions one of `people`, by the name that this service mentions them by.

        It may grow: the relay splits first, escapes each part as it will stand, and splits again
        what has grown too long.
        """
        return text
