"""Slack, by the Web API and a bot token: told by Socket Mode or signed events, and read from the history."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import BinaryIO, Final

from connectors.base import (
    Addressee,
    Attachment,
    Batch,
    Capabilities,
    Connector,
    Cursor,
    Grant,
    Identity,
    IncomingEvent,
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
from connectors.errors import ConnectorError, LoginRejected, RetryLater, UnsupportedAction
from connectors.findings import Finding
from connectors.markup import plain
from connectors.net.waiting import connections
from connectors.slack import files, oauth, operating, posting, pushes, scopes, signing, walking
from connectors.slack import text as texts
from connectors.slack.client import MOST_PAGES, SlackClient, Told
from connectors.slack.client import SCOPES as SCOPES_HEADER
from connectors.slack.events import Reader, Us
from connectors.slack.forms import SlackCredentialsForm
from connectors.slack.history import History
from connectors.slack.pace import READING, TIERS, Pace
from connectors.slack.people import Directory, people
from connectors.slack.refusals import ORGANISATION, Refused
from connectors.slack.rooms import Rooms
from connectors.slack.scopes import without
from connectors.slack.shapes import Json, text
from connectors.slack.sockets import Sockets, address_of
from connectors.slack.streaming import Account, Stream
from sameroom import clock

UNTOLD: Final = "This Slack account has no app-level token any more."
HOOK: Final = "events"  # Slack pushes all of an app's events to one address, which its settings name


class SlackConnector(Connector):
    """One bot token. A message's id is its `ts`, unique within its channel.

    `server` is the address of the API, and `space` too: a channel shared between workspaces (Slack Connect,
    Enterprise) has one id in all of them, and is one Room.
    """

    kind = "slack"
    label = "Slack"
    capabilities = Capabilities(
        max_text_length=texts.MAX_TEXT_LENGTH,
        limit=TIERS[READING],
        reading=Reading.WEBHOOK,
        history=True,
        hooks=True,
        one_address=True,
        fastest_poll=2.0,
        sender_override=Support.NATIVE,
        names_files=False,
        edits=Support.NATIVE,
        deletes=Support.NATIVE,
        replies=Support.NATIVE,
        reactions=Support.NATIVE,
        files=Support.NATIVE,
        max_file_size=files.MOST,
        apps=True,
        rich=True,
    )
    credentials_form = SlackCredentialsForm
    has_one_server = True
    authorization = oauth.SlackAuthorization()

    def __init__(self, login: Login) -> None:
        super().__init__(login)
        given = login.credentials
        self.pace = Pace(self._budget_key(), self.budget)
        rotates = bool(given.get("refresh_token"))
        self.client = SlackClient(login.server, given["token"], self.pace, rotates=rotates)
        self.directory = self._directory(self.client)
        self.rooms = Rooms(self.client, self.directory, joins=self._may(scopes.JOIN))
        self.capabilities = replace(
            self.capabilities,
            reading=Reading.STREAM if given.get("app_token") else Reading.POLL,
            hooks=bool(signing.secret_of(login)) and not given.get("app_token"),
            sender_override=Support.NATIVE if self._may(scopes.CUSTOMIZE) else Support.NONE,
            reactions=Support.NATIVE if self._may(scopes.REACT) else Support.IMITATED,
            files=Support.NATIVE if self._posts_files() else Support.IMITATED,
        )

    def _may(self, scope: str) -> bool:
        return scopes.has(self.login.scopes, scope)

    def _posts_files(self) -> bool:
        """Under which id a file stands only `files.info` tells, which is part of reading files."""
        return self._may(scopes.TAKE_FILES) and self._may(scopes.GIVE_FILES)

    @property
    def reader(self) -> Reader:
        """Reads events, as far as it is known who is in them."""
        us = Us(self.login.user_id, scopes.bot_of(self.login.scopes))
        return Reader(us, aliases=self.directory.aliases())

    @property
    def _history(self) -> History:
        return History(self.client, self.directory, self.reader)

    @classmethod
    def operator_findings(cls) -> Iterable[Finding]:
        return operating.findings()

    # ------------------------------------------------------------------ who

    @classmethod
    def lacking(cls, scopes: Sequence[str]) -> str:
        return without(scopes)

    def verify(self) -> Identity:
        told = self.client.auth_test()
        user, bot, team = (text(told.body.get(name)) for name in ("user_id", "bot_id", "team_id"))
        if not user or not bot:
            raise LoginRejected(
                "This token belongs to no bot. Copy the Bot User OAuth Token, which begins with xoxb-."
            )
        if self.login.credentials.get("app_token"):
            self._socket_address()
        return Identity(
            server=self.login.server,
            user_id=UserId(user),
            user_name=text(told.body.get("user")) or user,
            team_id=team or text(told.body.get("enterprise_id")),
            team_name=text(told.body.get("team")),
            space=self.login.server,
            username=text(told.body.get("user")),
            scopes=_granted(told),
            rotates_at=oauth.rotates_at(self.login.credentials),
        )

    def granted(self) -> Grant:
        return Grant(_granted(self.client.auth_test()))

    def rotate(self) -> Rotation:
        return oauth.rotate(self.login)

    def sign_out(self) -> None:
        """The operator's app is removed from the workspace; an app of the owner's is theirs to delete."""
        if self.login.credentials.get(signing.VIA) == signing.OAUTH:
            oauth.uninstall(self.login)

    def refresh_people(self) -> None:
        """A large workspace takes several times: each goes on where Slack's limit ended the one before."""
        if self._may(scopes.EMOJI):
            self.directory.list_emoji()
        cursor = self.directory.place()
        for _ in range(MOST_PAGES):
            members, cursor = self.client.users(cursor)
            self.directory.keep(people(members))
            self.directory.keep_place(cursor)
            if not cursor:
                break

    # ------------------------------------------------------------------ rooms

    def list_rooms(self) -> Iterator[RoomInfo]:
        return self.rooms.listed()

    def room(self, room: RoomId) -> RoomInfo:
        return self.rooms.look_at(room)

    # ------------------------------------------------------------------ reading

    def newest(self, room: RoomId, count: int = 1) -> Sequence[Cursor]:
        return self._history.newest(room, count)

    def recent(self, room: RoomId) -> Recent:
        return self._history.recent(room)

    def answers(self, room: RoomId, message: MessageId, since: datetime) -> Sequence[IncomingEvent]:
        return self._history.answers(room, message, since)

    def read_after(self, room: RoomId, cursor: Cursor | None) -> Page:
        with self.rooms.noticing(room):
            if self._may(scopes.EMOJI):
                self.directory.ask_for_emoji()
            return self._history.read_after(room, cursor)

    def subscribe(self, room: RoomId, url: str) -> str:
        """Nothing has to be done: the app's settings name the address, for all channels at once. No I/O."""
        return HOOK

    def unsubscribe(self, room: RoomId, hook: str) -> None:
        """Nothing has to be done. No I/O."""

    async def stream(
        self, token: str, rooms: Callable[[], Collection[RoomId]]
    ) -> AsyncGenerator[Batch, None]:
        async with connections() as http:
            sockets = Sockets(http, lambda: asyncio.to_thread(self._socket_address))
            account = Account(
                *(self._heard, self.read_after, self.recent, self._standing, self._note_told, self._check)
            )
            try:
                async for batch in Stream(sockets, account, rooms).batches(token):
                    yield batch
            finally:
                await sockets.close()

    def _heard(self, kind: str, told: Json, rooms: Collection[RoomId]) -> Push | None:
        return pushes.heard(self, kind, told, rooms)

    def _standing(self, room: RoomId, messages: Collection[MessageId]) -> Collection[MessageId]:
        return self._history.standing(room, messages)

    def _note_told(self, said: Sequence[tuple[RoomId, IncomingEvent]]) -> None:
        walking.note_told(self.login.server, [(room, event.id) for room, event in said])

    def _check(self) -> None:
        """LoginRejected where the login has ended; whatever else goes wrong says nothing about it."""
        try:
            self.granted()
        except LoginRejected:
            raise
        except ConnectorError:
            pass

    def _socket_address(self) -> str:
        app_token = self.login.credentials.get("app_token", "")
        if not app_token:  # the login was replaced while its stream ran
            raise RetryLater(UNTOLD)
        return address_of(SlackClient(self.login.server, app_token, self.pace))

    @classmethod
    def addressed(cls, headers: Mapping[str, str], body: bytes) -> Addressee:
        return pushes.addressed(headers, body)

    def receive(self, headers: Mapping[str, str], body: bytes) -> Push:
        return pushes.receive(self, headers, body)

    # ------------------------------------------------------------------ writing

    def send(self, room: RoomId, message: OutgoingMessage) -> MessageId:
        ends = clock.monotonic() + self._left(message, "message")
        message = posting.addressed(message, self._directory_within(ends))
        posted = posting.post_of(message, named=self._may(scopes.CUSTOMIZE))
        self.directory.tell_our_bot(scopes.bot_of(self.login.scopes))
        with self.rooms.noticing(room):
            sent, root = self._posted(room, posted, self._root(room, message, ends), ends)
        posting.Threads(self.client).keep(room, sent, root)
        return MessageId(sent)

    def _posted(self, room: RoomId, posted: Json, root: str, ends: float) -> tuple[str, str]:
        """Post in a thread, or in the channel where that takes no answer; its `ts`, and its thread's."""
        if root:
            more = posting.thread_of(root, quiet=bool(self.login.credentials.get("quiet_replies")))
            with suppress(Refused):
                left = ends - clock.monotonic()
                return self.client.post(room, posted | more, deadline=left, knows=posting.NO_ANSWERS), root
        sent = self.client.post(room, posted, deadline=ends - clock.monotonic())
        return sent, sent

    def _directory_within(self, ends: float) -> Directory:
        """Who is who, asked for in half of the time that a send has left."""
        return self._directory(self.client.within((ends - clock.monotonic()) / 2))

    def _directory(self, client: SlackClient) -> Directory:
        return Directory(client, self.login.team_id, self.login.user_id)

    def _root(self, room: RoomId, message: OutgoingMessage, ends: float) -> str:
        """The thread that a message belongs into, "" for none."""
        if not message.reply_to:
            return ""
        within = self.client.within((ends - clock.monotonic()) / 2)
        return posting.Threads(within).root_of(room, message.reply_to)

    def send_file(self, room: RoomId, file: OutgoingFile) -> MessageId:
        ends = clock.monotonic() + self._left(file.message, "file", self.capabilities.file_deadline)
        with self.rooms.noticing(room):
            root = self._root(room, file.message, ends)
            file = replace(file, message=posting.addressed(file.message, self._directory_within(ends)))
            return files.send(self.client, room, file, root, ends=ends)

    def fetch(self, attachment: Attachment, into: BinaryIO, *, most: int, deadline: float) -> None:
        token = self.login.credentials["token"]
        files.fetch(self.client, token, attachment, into, most=most, deadline=deadline)

    def edit(self, room: RoomId, target: MessageId, message: OutgoingMessage) -> None:
        ends = clock.monotonic() + self._left(message, "message")
        message = posting.addressed(message, self._directory_within(ends))
        written = posting.changed_to(message, named=self._may(scopes.CUSTOMIZE))
        self.client.update(room, target, written, deadline=ends - clock.monotonic())

    def delete(self, room: RoomId, target: MessageId) -> None:
        self.client.delete(room, target, deadline=self.capabilities.send_deadline)

    def react(self, room: RoomId, target: MessageId, emoji: str, *, add: bool) -> None:
        names, ends = posting.reactions_of(emoji), clock.monotonic() + self.capabilities.send_deadline
        change = self.client.react if add else self.client.unreact
        for name in names:  # which of them is Slack's only Slack tells
            try:
                change(room, target, name, deadline=ends - clock.monotonic())
                break
            except UnsupportedAction:
                if add and name == names[-1]:
                    raise

    def length(self, message: OutgoingMessage) -> int:
        named = texts.without(message, texts.people_in(message))  # as it is where nobody of them is known
        both = (message,) if named is message else (message, named)
        return max(texts.size(texts.rendered(one)) for one in both)

    def as_read(self, message: OutgoingMessage) -> str:
        return plain.render(texts.read_back(message))

    def escape(self, text: str, *, rings: bool = False, people: Collection[str] = ()) -> str:
        return text

    def _left(self, message: OutgoingMessage, what: str, most: float | None = None) -> float:
        """Seconds that a send may take. RetryLater where its turn is over."""
        most = self.capabilities.send_deadline if most is None else most
        deadline = min(most, message.not_after - clock.monotonic())
        if deadline <= 0:
            raise RetryLater(f"This {what}'s turn had passed before it could be sent.")
        return deadline


def _granted(told: Told) -> list[str]:
    """What Slack says that a token may do, with the id of its bot. LoginRejected where that is too little."""
    if told.body.get("is_enterprise_install") is True:
        raise LoginRejected(ORGANISATION)
    granted = scopes.parsed(told.headers.get(SCOPES_HEADER, ""))
    scopes.require(granted)
    return scopes.with_bot(granted, text(told.body.get("bot_id")))


CONNECTOR = SlackConnector
