"""HipChat Server and Data Center, by REST API v2 and a personal token: polled, posted as its owner."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from connectors.base import (
    Attachment,
    Capabilities,
    Connector,
    Cursor,
    Grant,
    Identity,
    Login,
    MessageId,
    OutgoingFile,
    OutgoingMessage,
    Page,
    Push,
    Recent,
    RoomId,
    RoomInfo,
    Support,
    UserId,
)
from connectors.budget import Budget, Limit, Use
from connectors.errors import ConnectorError, DeliveryUnknown, LoginRejected, RetryLater
from connectors.files import fetch_public
from connectors.findings import Finding
from connectors.hipchat import hygiene, operating, reading
from connectors.hipchat.address import is_at
from connectors.hipchat.client import HipChatClient
from connectors.hipchat.forms import HipChatCredentialsForm
from connectors.hipchat.history import in_order
from connectors.hipchat.pictures import keep, pictured
from connectors.hipchat.uploads import ShareBody
from sameroom import clock

# What a token must carry, beside the label that HipChat's page shows.
SCOPES = {"send_message": "Send Messages", "view_messages": "View Messages", "view_room": "View Room"}
# Sends a minute by one token into one room, counted beside the requests.
FLOOD = Limit(requests=30, seconds=60)
LONGEST_LIFE = 10 * 366 * 86_400  # seconds; what is more is no expiry
HOOKS_NEED, PEOPLE_NEED, NOTIFYING_NEEDS = "admin_room", "view_group", "send_notification"
LONGEST_LABEL = 64
NOTIFIED = 20  # newest items among which a notification that was just posted is looked for
# What a room's news are: HipChat tells each apart, and a message is never a notification too.
HOOKED = ("room_message", "room_notification", "room_file_upload")
ROOMS_PER_PAGE = 200
PEOPLE_PER_PAGE, PEOPLE_PAGES = 1000, 5  # requests an hour that pictures may cost


class HipChatConnector(Connector):
    """One personal token. Reads by polling history, recognises its own posts by their ids."""

    kind = "hipchat"
    label = "HipChat"
    # 100 requests per 5 minutes and personal token, unless an administrator raised it.
    capabilities = Capabilities(
        max_text_length=1000,
        limit=Limit(requests=100, seconds=300),
        history=True,
        global_ids=True,
        hooks=True,
        sender_override=Support.NATIVE,
        files=Support.NATIVE,
        max_file_size=50 * 1024 * 1024,
    )
    credentials_form = HipChatCredentialsForm

    def __init__(self, login: Login) -> None:
        super().__init__(login)
        self._notifies = bool(login.credentials.get("notifications")) and NOTIFYING_NEEDS in login.scopes
        self.capabilities = replace(
            self.capabilities,
            hooks=HOOKS_NEED in login.scopes,
            sender_override=Support.NATIVE if self._notifies else Support.NONE,
            # A file is shared under the owner's name alone: as a link it can stand under its author's.
            files=Support.IMITATED if self._notifies else Support.NATIVE,
        )
        self._ca_certificate = login.credentials.get("ca_certificate") or None
        self._client = HipChatClient(
            login.server, login.credentials["token"], self.budget, self._flood_of, self._ca_certificate
        )

    def _flood_of(self, room: str) -> Budget:
        return Budget(f"{self._budget_key()}:flood:{room}", FLOOD, only_sends=True)

    @classmethod
    def operator_findings(cls) -> Iterable[Finding]:
        return operating.findings()

    # ------------------------------------------------------------------ who

    def verify(self) -> Identity:
        self._client.require_hipchat()
        session = self._client.session()
        owner = session.get("owner")
        if not isinstance(owner, dict) or not owner.get("id"):
            raise LoginRejected(
                "This token belongs to an integration, not to a user. Create a personal one: "
                "signed in as the user, under Account → API access."
            )
        grant = _grant(session)
        team_id = self._team_id()
        return Identity(
            server=self.login.server,
            user_id=UserId(str(owner["id"])),
            user_name=str(owner.get("name") or owner.get("mention_name") or owner["id"]),
            team_id=team_id,
            team_name=self._team_name(grant.scopes, str(owner["id"]), team_id),
            space=f"{self.login.server}#{team_id}",
            username=str(owner.get("mention_name") or ""),
            scopes=grant.scopes,
            expires_at=grant.expires_at,
        )

    def granted(self) -> Grant:
        return _grant(self._client.session())

    def _team_id(self) -> str:
        """The group's id: the first part of any room's XMPP address (`77_support@conf…`)."""
        for item in _items(self._client.rooms(0, 1)):
            jid = item.get("xmpp_jid") or self._client.room(str(item["id"])).get("xmpp_jid")
            prefix, mark, _ = str(jid or "").partition("_")
            if mark and prefix.isdecimal():
                return prefix
        raise LoginRejected(
            "HipChat lets this user into no room. Add the user to a room there, then link the account again."
        )

    def _team_name(self, scopes: Sequence[str], user: str, team_id: str) -> str:
        typed = str(self.login.credentials.get("team_name") or "").strip()
        if typed or "view_group" not in scopes:
            return typed or f"group {team_id}"
        group = self._client.user(user).get("group")
        return str(group.get("name")) if isinstance(group, dict) and group.get("name") else f"group {team_id}"

    def refresh_people(self) -> None:
        if PEOPLE_NEED not in self.login.scopes:
            return
        for number in range(PEOPLE_PAGES):
            people = self._client.users(number * PEOPLE_PER_PAGE, PEOPLE_PER_PAGE)
            keep(self._space, people)
            if len(people) < PEOPLE_PER_PAGE:
                return

    @property
    def _space(self) -> str:
        return f"{self.login.server}#{self.login.team_id}"

    # ------------------------------------------------------------------ rooms

    def list_rooms(self) -> Iterator[RoomInfo]:
        start = 0
        while True:
            page = self._client.rooms(start, ROOMS_PER_PAGE)
            items = _items(page)
            yield from (_room_info(item) for item in items)
            if not items or "next" not in (page.get("links") or {}):
                return
            # Counted, not followed: a `next` address could lead the token to another host.
            start += len(items)

    def room(self, room: RoomId) -> RoomInfo:
        return _room_info(self._client.room(room))

    # ------------------------------------------------------------------ hooks

    def subscribe(self, room: RoomId, url: str) -> str:
        ours: dict[str, str] = {}
        for hook in self._client.hooks(room):
            if _is_same_place(str(hook.get("url") or ""), url):
                event, number = str(hook.get("event") or ""), str(hook.get("id") or "")
                if event in HOOKED and event not in ours and hook["url"] == url:
                    ours[event] = number
                else:  # one too many, or from when we were under another name
                    self._client.hook_delete(room, number)
        for event in HOOKED:
            if event not in ours:
                ours[event] = str(self._client.hook_create(room, url=url, event=event).get("id") or "")
        return ",".join(ours[event] for event in HOOKED if ours[event])

    def unsubscribe(self, room: RoomId, hook: str) -> None:
        for number in filter(None, hook.split(",")):
            self._client.hook_delete(room, number)

    def receive(self, headers: Mapping[str, str], body: bytes) -> Push:
        # HipChat signs nothing that a user's hook pushes: what it says is no more than "look there".
        try:
            told = json.loads(body)
        except RecursionError as error:
            raise ValueError("This is no call of a HipChat webhook.") from error
        item = told.get("item") if isinstance(told, dict) else None
        room = item.get("room") if isinstance(item, dict) else None
        number = room.get("id") if isinstance(room, dict) else None
        if not isinstance(number, int | str):
            raise ValueError("This is no call of a HipChat webhook.")
        return Push(rooms=[RoomId(str(number))])

    # ------------------------------------------------------------------ reading

    def newest(self, room: RoomId, count: int = 1) -> Sequence[Cursor]:
        return reading.newest(self._client, room, count)

    def recent(self, room: RoomId) -> Recent:
        return reading.recent(self._client, room)

    def read_after(self, room: RoomId, cursor: Cursor | None) -> Page:
        page = reading.read_after(self._client, room, cursor)
        return pictured(self._space, page) if PEOPLE_NEED in self.login.scopes else page

    # ------------------------------------------------------------------ writing

    def send(self, room: RoomId, message: OutgoingMessage) -> MessageId:
        deadline = min(self.capabilities.send_deadline, message.not_after - clock.monotonic())
        if deadline <= 0:
            raise RetryLater("This message's turn had passed before it could be sent.")
        if self._notifies and message.sender_name:
            return self._notify(room, message, clock.monotonic() + deadline)
        return MessageId(self._client.send_message(room, message.text, deadline=deadline))

    def _notify(self, room: RoomId, message: OutgoingMessage, ends: float) -> MessageId:
        """Post under the author's name. HipChat tells no id: it is looked up, or the send is unknown."""
        label = message.sender_name[:LONGEST_LABEL]
        self._client.notify(room, message.text, label=label, deadline=ends - clock.monotonic())
        try:
            left = max(0.1, ends - clock.monotonic())
            newest = self._client.latest(room, count=NOTIFIED, not_before=None, use=Use.SETTLE, deadline=left)
        except ConnectorError:
            newest = []
        for item in reversed(in_order(newest)):
            if item.told.get("type") == "notification" and item.text == message.text:
                return MessageId(item.id)
        raise DeliveryUnknown("HipChat took a message and does not show it yet.")

    def send_file(self, room: RoomId, file: OutgoingFile) -> MessageId:
        deadline = min(self.capabilities.file_deadline, file.message.not_after - clock.monotonic())
        if deadline <= 0:
            raise RetryLater("This file's turn had passed before it could be sent.")
        self._client.share_file(room, ShareBody(file), deadline=deadline)
        return MessageId("")  # none is told: history knows it by its description and size

    def fetch(self, attachment: Attachment, into: BinaryIO, *, most: int, deadline: float) -> None:
        ends = clock.monotonic() + deadline
        url = attachment.url or self._client.file(attachment.reference)
        certificate = self._ca_certificate if is_at(self.login.server, url) else None
        left = max(ends - clock.monotonic(), 0.1)
        fetch_public(url, into, most=most, deadline=left, ca_certificate=certificate)

    def escape(self, text: str, *, rings: bool = False, people: Collection[str] = ()) -> str:
        return hygiene.harmless(text, rings=rings, people=people)


def _require(scopes: list[str]) -> None:
    has = {*scopes, "view_room"} if "view_group" in scopes else {*scopes}
    missing = [label for scope, label in SCOPES.items() if scope not in has]
    if missing:
        raise LoginRejected(
            f"This token lacks {', '.join(missing)}. Create a new one with all three scopes selected: "
            "Send Messages, View Messages, View Room."
        )


def _grant(session: dict[str, Any]) -> Grant:
    """What a session may do and how long. LoginRejected where it may do less than we need."""
    scopes = [str(scope) for scope in session.get("scopes") or []]
    _require(scopes)
    seconds = session.get("expires_in")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= LONGEST_LIFE:
        return Grant(scopes)
    return Grant(scopes, clock.now() + timedelta(seconds=seconds))


def _is_same_place(url: str, ours: str) -> bool:
    """Whether a hook calls this account's address, under whatever name of ours: its path has our secret."""
    try:
        return urlsplit(url).path == urlsplit(ours).path
    except ValueError:
        return False


def _items(page: dict[str, Any]) -> list[dict[str, Any]]:
    items = page.get("items")
    if not isinstance(items, list):
        raise RetryLater("The server did not answer like a HipChat server.")
    return [item for item in items if isinstance(item, dict) and item.get("id")]


def _room_info(item: dict[str, Any]) -> RoomInfo:
    return RoomInfo(
        id=RoomId(str(item.get("id") or "")),
        name=str(item.get("name") or item.get("id") or ""),
        topic=str(item.get("topic") or ""),
        is_private=item.get("privacy") == "private",
        is_archived=bool(item.get("is_archived")),
    )


CONNECTOR = HipChatConnector
