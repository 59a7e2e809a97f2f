"""One HipChat to play with: its people, rooms, messages, limits and moods.

A `World` knows nothing of HTTP. Its methods are what the control plane offers under the same names,
so a test in the same process does without requests.
"""

import dataclasses
from collections.abc import Iterable
from typing import Any, TypeVar

from .faults import Fault
from .parts import FLOOD_LIMIT, REQUEST_LIMIT
from .records import Emoticon, Group, Missing, Room, SandboxError, Token, User
from .seed import seed
from .shapes import guest_url
from .talking import Talking

Found = TypeVar("Found")


class World(Talking):
    def __init__(
        self,
        database: str = ":memory:",
        *,
        request_limit: int = REQUEST_LIMIT,
        flood_limit: int = FLOOD_LIMIT,
        seeded: bool = True,
    ) -> None:
        super().__init__(database, request_limit=request_limit, flood_limit=flood_limit)
        with self.store.transaction():  # two processes may open a new file at once
            if seeded and not self.directory.groups():
                seed(self)

    # ------------------------------------------------------------- everything
    def reset(self, *, seeded: bool = True) -> None:
        """Back to the first start: data, faults, switches, counters and clock; webhooks are told no more."""
        self.webhooks.forget()
        with self.store.transaction():
            self.store.clear()
            if seeded:
                seed(self)
        self.faults.clear()
        self.limits.clear()
        self.switches.reset()
        self.clock.offset = 0.0

    def dump(self) -> dict[str, Any]:
        """All there is, each room with its messages in order."""
        return {
            "groups": [dataclasses.asdict(group) for group in self.directory.groups()],
            "users": [dataclasses.asdict(user) for user in self.directory.users(with_deleted=True)],
            "tokens": [dataclasses.asdict(token) for token in self.tokens.all()],
            "rooms": [
                dataclasses.asdict(room)
                | {
                    "xmpp_jid": room.xmpp_jid,
                    "members": [user.id for user in self.rooms.members(room)] if room.is_private else None,
                    "messages": [dataclasses.asdict(message) for message in self.messages.all(room.chat)],
                }
                for room in self.rooms.of_group()
            ],
            "webhooks": [dataclasses.asdict(hook) for hook in self.webhooks.all()],
            "switches": dataclasses.asdict(self.switches),
            "limits": {"requests": self.limits.requests.limit, "sends": self.limits.sends.limit},
            "now": self.clock.micros(),
        }

    # ------------------------------------------------------------- people and tokens
    def create_group(self, name: str, *, group_id: int | None = None) -> Group:
        return self.directory.create_group(name, group_id=group_id)

    def create_user(
        self, group_id: int, name: str, *, mention_name: str = "", email: str = "", title: str = "",
        is_group_admin: bool = False, is_online: bool = True, is_guest: bool = False,
    ) -> User:  # fmt: skip
        return self.directory.create_user(
            group_id,
            name,
            mention_name=mention_name,
            email=email,
            title=title,
            is_group_admin=is_group_admin,
            is_online=is_online,
            is_guest=is_guest,
        )

    def delete_user(self, user_id: int) -> None:
        """End somebody's account and tokens; what they said stays."""
        self.directory.delete_user(user_id)
        for token in self.tokens.of_user(user_id):
            self.tokens.revoke(token.token)

    def set_online(self, user_id: int, online: bool = True) -> User:
        """Sign somebody in or out; who signs out leaves every room."""
        before = self.directory.user(user_id)
        user = self.directory.set_online(user_id, online)
        if user.is_online != before.is_online:
            for room in self.rooms.open_to(user):
                self.announce_of(room, "room_enter" if online else "room_exit", user)
        return user

    def create_emoticon(self, user_id: int, shortcut: str) -> Emoticon:
        """Add an emoticon to that person's group."""
        return self.emoticons.create(self.directory.user(user_id), shortcut)

    def create_token(
        self, user_id: int, scopes: Iterable[str], *, label: str = "", expires_in: float | None = None
    ) -> Token:
        """A personal token; it lives a year unless `expires_in` says how many seconds."""
        user = self.directory.user(user_id)
        return self.tokens.create(
            group_id=user.group_id, user=user, scopes=scopes, label=label, expires_in=expires_in
        )

    def create_addon_token(
        self, group_id: int, scopes: Iterable[str], *, label: str = "", room_id: int | None = None
    ) -> Token:
        """A token that belongs to no user; with a room it is good for that room only."""
        return self.tokens.create(
            group_id=self.directory.group(group_id).id, user=None, scopes=scopes, label=label, room_id=room_id
        )

    def revoke_token(self, token: str) -> None:
        self.tokens.revoke(token)

    def expire_token(self, token: str) -> None:
        self.tokens.expire(token)

    # ------------------------------------------------------------- rooms
    def create_room(
        self,
        owner_id: int,
        name: str,
        *,
        privacy: str = "public",
        topic: str = "",
        members: Iterable[int] = (),
    ) -> Room:
        with self.store.transaction():
            room = self.rooms.create(self.directory.user(owner_id), name, privacy=privacy, topic=topic)
            for user_id in members:
                self.rooms.add_member(room.id, self.directory.user(user_id).id)
        self.announce_of(room, "room_created", self.directory.user(owner_id))
        return room

    def rename_room(self, room_id: int, name: str) -> Room:
        return self.rooms.update(self.rooms.get(room_id), name=name)

    def archive_room(self, room_id: int, *, archived: bool = True) -> Room:
        room = self.rooms.update(self.rooms.get(room_id), is_archived=archived)
        self.announce(room, "room_archived" if archived else "room_unarchived")
        return room

    def delete_room(self, room_id: int) -> None:
        room = self.rooms.get(room_id)
        self.announce(room, "room_deleted")
        self.rooms.delete(room)

    def set_topic(self, room_id: int, user_id: int, topic: str) -> Room:
        """Change the topic; the room's history tells who did."""
        user = self.directory.user(user_id)
        room = self.rooms.update(self.rooms.get(room_id), topic=topic)
        if self.switches.topic_item != "none":
            sentence = f"{user.name} changed the topic to: {topic}"
            text = topic if self.switches.topic_item == "topic" else sentence
            self.messages.add(room.chat, text, kind="topic", user_id=user.id)
        self.announce_of(room, "room_topic_change", user, topic=topic)
        return room

    def set_guest_access(self, room_id: int, user_id: int, open_to_guests: bool = True) -> Room:
        """Let guests in, or no more; the room's history tells who did."""
        user = self.directory.user(user_id)
        room = self.rooms.update(self.rooms.get(room_id), is_guest_accessible=open_to_guests)
        text = f"{'Enabled' if open_to_guests else 'Disabled'} guest access"
        if self.switches.guest_access_item == "server":
            text = guest_url(room, self.base_url) if open_to_guests else ""
            self.messages.add(room.chat, text, kind="guest_access", sender="HipChat")
        else:
            self.messages.add(room.chat, text, kind="guest_access", user_id=user.id)
        return room

    def add_member(self, room_id: int, user_id: int) -> None:
        self.rooms.add_member(self.rooms.get(room_id).id, self.directory.user(user_id).id)

    def remove_member(self, room_id: int, user_id: int) -> None:
        self.rooms.remove_member(self.rooms.get(room_id).id, user_id)

    def enter_room(self, room_id: int, user_id: int) -> None:
        """Walk into a room; everybody online is in all open ones at first."""
        self._walk(room_id, user_id, "room_enter")

    def leave_room(self, room_id: int, user_id: int) -> None:
        self._walk(room_id, user_id, "room_exit")

    def _walk(self, room_id: int, user_id: int, event: str) -> None:
        room, user = self.rooms.get(room_id), self.directory.user(user_id)
        if not self.may_enter(room, user):
            raise SandboxError(f"{user.name} may not enter {room.name}")
        self.rooms.set_absent(room.id, user.id, is_absent=event == "room_exit")
        self.announce_of(room, event, user)

    # ------------------------------------------------------------- limits, switches, faults, time
    def set_limits(
        self, *, requests: int | None = None, sends: int | None = None, token: str | None = None
    ) -> None:
        """New limits per 5 minutes and per minute; all windows start anew.

        With a token the number of requests is its own, as an administrator of a server could set it.
        """
        if requests is not None:
            if token is None:
                self.limits.requests.limit = requests
            else:
                self.limits.own[self.tokens.get(token).token] = requests
            self.limits.requests.clear()
        if sends is not None:
            self.limits.sends.limit = sends
            self.limits.sends.clear()

    def exhaust_limit(self, token: str) -> None:
        """Make the token's next requests answer 429 until its window ends."""
        self.limits.exhaust_requests(self.tokens.get(token))

    def exhaust_flood(self, token: str, room_id: int) -> None:
        """Make the token's next sends into the room answer 429 until that window ends."""
        self.limits.exhaust_sends(self.tokens.get(token), self.rooms.get(room_id).chat)

    def set_switches(self, **values: Any) -> None:
        """Change some switches; see `sandbox.switches`."""
        self.switches.set(**values)

    def add_fault(self, **fault: Any) -> None:
        """Spoil coming requests; the fields are those of `sandbox.faults.Fault`."""
        try:
            self.faults.add(Fault(**fault))
        except (TypeError, ValueError) as error:
            raise SandboxError(str(error)) from error

    def clear_faults(self) -> None:
        self.faults.clear()

    def advance_clock(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def request_counts(self) -> dict[str, dict[str, int]]:
        """Requests per token: by call ("GET history-latest"), as "total", and how many a limit refused.

        The latter are "over the rate limit" and "over flood control"; without any they are missing.
        """
        return self.limits.counts()

    def clear_counts(self) -> None:
        self.limits.clear_counts()

    # ------------------------------------------------------------- questions
    def group_named(self, name: str) -> Group:
        return _only([group for group in self.directory.groups() if group.name == name], name)

    def user_named(self, name: str, *, group: str = "") -> User:
        """The person of that name; the group tells the two bots apart."""
        group_id = self.group_named(group).id if group else None
        return _only([user for user in self.directory.users(group_id) if user.name == name], name)

    def room_named(self, name: str) -> Room:
        return _only([room for room in self.rooms.of_group() if room.name == name], name)


def _only(found: list[Found], name: str) -> Found:
    if len(found) != 1:
        raise Missing(f"{len(found) or 'none'} named {name}")
    return found[0]
