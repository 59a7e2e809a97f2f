"""Matrix, by the Client-Server API of one homeserver: read by long polling, posted as the linked user."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import BinaryIO, Final

from connectors.base import (
    Attachment,
    Batch,
    Capabilities,
    Connector,
    Cursor,
    Grant,
    Identity,
    Login,
    MessageId,
    OutgoingFile,
    OutgoingMessage,
    Reading,
    Recent,
    RoomId,
    RoomInfo,
    Support,
    UserId,
)
from connectors.errors import (
    ConnectorError,
    DeliveryUnknown,
    LoginRejected,
    MessageRejected,
    RetryLater,
    RoomGone,
)
from connectors.matrix import content, files, history, memory, reactions, rooms, upgrades
from connectors.matrix.client import ENTER_DEADLINE, MEBIBYTE, MatrixClient
from connectors.matrix.forms import MatrixCredentialsForm
from connectors.matrix.ghosts import Ghosts
from connectors.matrix.polling import Polls
from connectors.matrix.shapes import Json
from connectors.matrix.stream import Account, Stream
from connectors.net.waiting import connections
from sameroom import clock

_UPLOAD: Final = "upload:"  # the scope that tells how large a file this homeserver takes
_LOOK: Final = 3.0  # seconds for finding out why a send was refused, or what it answers, in its time
_UPGRADE: Final = 2.0  # seconds until a message to a room that is being upgraded is tried again
_MOST_UPLOAD: Final = 50 * MEBIBYTE  # Synapse's own default (`max_upload_size`)


class MatrixConnector(Connector):
    """One access token. An event's id is a hash of it, so ids are unique over all homeservers."""

    kind = "matrix"
    label = "Matrix"
    capabilities = Capabilities(
        max_text_length=content.MAX_TEXT_LENGTH,
        limit=None,
        reading=Reading.STREAM,
        history=True,
        global_ids=True,
        # Synapse keeps transaction ids for a day, Dendrite for half an hour.
        idempotency_life=1800.0,
        edits=Support.NATIVE,
        deletes=Support.NATIVE,
        replies=Support.NATIVE,
        reactions=Support.NATIVE,
        files=Support.NATIVE,
        max_file_size=_MOST_UPLOAD,
        sender_override=Support.NATIVE,  # with an application service
        addresses=True,
        creates_rooms=True,
        rich=True,
    )
    credentials_form = MatrixCredentialsForm
    new_room_hint = (
        "The room is private and not encrypted. Whom you name here by an id such as @ann:example.org "
        "is invited, and may invite others in any Matrix app."
    )

    def __init__(self, login: Login) -> None:
        super().__init__(login)
        self._ca_certificate = login.credentials.get("ca_certificate") or None
        self._client = MatrixClient(login.server, login.credentials["token"], self._ca_certificate)
        self._ghosts = self._ghosts_of(login.user_id) if login.credentials.get("ghosts") else None
        self.capabilities = replace(
            self.capabilities,
            max_file_size=_upload_of(login.scopes),
            sender_override=Support.NATIVE if self._ghosts else Support.NONE,
            # For an application service Synapse keeps transaction ids in memory only.
            idempotency_life=0.0 if self._ghosts else self.capabilities.idempotency_life,
        )

    def _ghosts_of(self, user: str) -> Ghosts:
        given = self.login.credentials
        service = MatrixClient(self.login.server, given["service_token"], self._ca_certificate)
        return Ghosts(service, self._client, given["ghosts"], user)

    # ------------------------------------------------------------------ who

    def verify(self) -> Identity:
        user = str(self._client.whoami().get("user_id") or "")
        if not user.startswith("@") or ":" not in user:
            raise LoginRejected("This access token belongs to no user. Use one of a Matrix user.")
        if self._ghosts:
            self._ghosts_of(user).check()
        team = user.partition(":")[2]
        return Identity(
            server=self.login.server,
            user_id=UserId(user),
            user_name=str(self._client.profile(user).get("displayname") or "") or user,
            team_id=team,
            team_name=team,
            space=self.login.server,
            scopes=self._scopes(),
        )

    def granted(self) -> Grant:
        self._client.whoami()
        return Grant(self._scopes())

    def _scopes(self) -> list[str]:
        limit = self._client.upload_limit()
        return [f"{_UPLOAD}{limit}"] if limit else []

    def sign_out(self) -> None:
        if self.login.credentials.get("device"):
            self._client.log_out()

    # ------------------------------------------------------------------ rooms

    def list_rooms(self) -> Iterator[RoomInfo]:
        return rooms.list_rooms(self._client)

    def room(self, room: RoomId) -> RoomInfo:
        return rooms.room(self._client.within(ENTER_DEADLINE), room)

    def enter(self, address: str) -> RoomInfo:
        return rooms.enter(self._client, address)

    def create_room(self, name: str, invited: Sequence[str] = ()) -> RoomInfo:
        return rooms.create(self._client, name, invited)

    # ------------------------------------------------------------------ reading

    def newest(self, room: RoomId, count: int = 1) -> Sequence[Cursor]:
        return history.newest(self._client, room, count)

    def recent(self, room: RoomId) -> Recent:
        return history.recent(self._client, room, self._known_as)

    async def stream(
        self, token: str, rooms: Callable[[], Collection[RoomId]]
    ) -> AsyncGenerator[Batch, None]:
        server = self.login.server
        async with connections(self._ca_certificate) as http:
            polls = Polls(http, server, self.login.credentials["token"])
            account = Account(server, self.login.user_id, self._known_as)
            async for batch in Stream(polls, account, rooms).batches(token):
                yield batch

    def _known_as(self, user: str) -> str:
        return self._ghosts.known_as(user) if self._ghosts else user

    # ------------------------------------------------------------------ writing

    def send(self, room: RoomId, message: OutgoingMessage) -> MessageId:
        posted = content.message(message, self._thread(room, message))
        return self._post(room, posted, message, self._left(message, "message"))

    def send_file(self, room: RoomId, file: OutgoingFile) -> MessageId:
        ends = clock.monotonic() + self._left(file.message, "file", self.capabilities.file_deadline)
        if file.size > self.capabilities.max_file_size:  # a server may cut the upload off without a word
            raise MessageRejected("Matrix refused the message: it is too large for this homeserver.")
        # A part of the time is kept, so that the event that shows the file can be sent and awaited.
        address = files.upload(self._client, file, deadline=(ends - clock.monotonic()) * 0.8)
        posted = content.file(file, address, self._thread(room, file.message))
        return self._post(room, posted, file.message, ends - clock.monotonic())

    def _thread(self, room: RoomId, message: OutgoingMessage) -> str:
        """The root of the thread in which stands what a message answers, "" where it stands in none.

        Network I/O, where this process did not see it. Where that cannot be learned, it is a plain answer.
        """
        answered, server = message.reply_to, self.login.server
        if answered and memory.recall(server, room, answered) is None:
            with suppress(ConnectorError):
                raw = self._client.within(_LOOK).event(room, answered)
                memory.keep(server, room, answered, memory.known_of(raw))
        known = memory.recall(server, room, answered) if answered else None
        return known.thread if known else ""

    def _post(self, room: RoomId, posted: Json, message: OutgoingMessage, deadline: float) -> MessageId:
        """Put a message into the room, as the ghost of its author where there are ghosts."""
        if self._ghosts is None or not message.sender_name:
            return self._put(self._client, room, posted, message, deadline)
        ends, ghosts = clock.monotonic() + deadline, self._ghosts.within(deadline)
        name, picture = message.sender_name, message.sender_avatar_url
        acting = ghosts.enter(room, name, picture)
        try:
            return self._put(acting, room, posted, message, ends - clock.monotonic())
        except RoomGone:  # the ghost was put out of the room, or never came in
            acting = ghosts.enter(room, name, picture, anew=True)
            return self._put(acting, room, posted, message, ends - clock.monotonic())

    def _put(
        self, client: MatrixClient, room: RoomId, posted: Json, message: OutgoingMessage, deadline: float
    ) -> MessageId:
        if deadline <= 0:
            raise RetryLater("This message's turn had passed before it could be sent.")
        try:
            sent = client.send(room, "m.room.message", posted, key=message.idempotency_key, deadline=deadline)
        except RoomGone:
            # An upgraded room is closed to most, a moment before the stream tells of it.
            if rooms.is_upgraded(self._client.within(_LOOK), room):
                raise RetryLater(upgrades.BEING_UPGRADED, seconds=_UPGRADE) from None
            raise
        if not sent:
            raise DeliveryUnknown("Matrix took a message without saying under which id.")
        return MessageId(sent)

    def _author(self, room: RoomId, target: MessageId, ends: float) -> MatrixClient:
        """Whose client changes a post of ours, until this moment: only its own author may."""
        left = ends - clock.monotonic()
        return self._ghosts.within(left).author(room, target) if self._ghosts else self._client

    def _left(self, message: OutgoingMessage, what: str, most: float | None = None) -> float:
        """Seconds that a send may take. RetryLater where its turn is over."""
        most = self.capabilities.send_deadline if most is None else most
        deadline = min(most, message.not_after - clock.monotonic())
        if deadline <= 0:
            raise RetryLater(f"This {what}'s turn had passed before it could be sent.")
        return deadline

    def edit(self, room: RoomId, target: MessageId, message: OutgoingMessage) -> None:
        replaced, ends = content.edit(message, target), clock.monotonic() + self._left(message, "message")
        author = self._author(room, target, ends)
        self._put(author, room, replaced, message, ends - clock.monotonic())

    def delete(self, room: RoomId, target: MessageId) -> None:
        ends = clock.monotonic() + self.capabilities.send_deadline
        author = self._author(room, target, ends)
        author.redact(room, target, deadline=max(0.0, ends - clock.monotonic()))

    def react(self, room: RoomId, target: MessageId, emoji: str, *, add: bool) -> None:
        deadline = self.capabilities.send_deadline
        if add:
            reactions.add(self._client, room, target, emoji, deadline=deadline)
        else:
            reactions.remove(self._client, room, target, emoji, self.login.user_id, deadline=deadline)

    def fetch(self, attachment: Attachment, into: BinaryIO, *, most: int, deadline: float) -> None:
        files.fetch(self._client, attachment, into, most=most, deadline=deadline)

    def escape(self, text: str, *, rings: bool = False, people: Collection[str] = ()) -> str:
        return text if rings else content.quiet(text)


def _upload_of(scopes: Sequence[str]) -> int:
    told = [scope.removeprefix(_UPLOAD) for scope in scopes if scope.startswith(_UPLOAD)]
    return int(told[0]) if told and told[0].isdecimal() else _MOST_UPLOAD


CONNECTOR = MatrixConnector
