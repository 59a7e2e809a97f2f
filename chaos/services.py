"""The two chat services as the suite uses them: play people, break things, read what stands there."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import requests

from chaos.network import GROUPS, OWNERS, PROFILES, Room
from stub.control import Stub

SCOPES = ["send_message", "view_messages", "view_room"]
SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Line:
    """One message in a room, as its service tells it."""

    id: str
    by_relay: bool
    name: str  # whom it stands under
    text: str  # as it stands now
    at: float  # seconds since 1970
    is_deleted: bool = False
    is_late: bool = False  # its push was held back on purpose


class Elsewhere(Protocol):
    """A further service, started by whoever runs the suite. The profile of its rooms is its kind."""

    kind: str
    environment: Mapping[str, str]  # what our processes have to be told of it

    def has_told_all(self) -> bool:
        """Whether nothing is left that it will tell us again, because we did not take it."""

    def add_rooms(self, rooms: Iterable[Room]) -> None:
        """Make them."""

    def login(self, owner: str, profile: str) -> dict[str, str]:
        """What this owner types into the form."""


class StubSide:
    """The stub service: every person there is known by their name."""

    def __init__(self, url: str) -> None:
        self.control = Stub(url)

    def add_rooms(self, rooms: Iterable[Room]) -> None:
        self.control.add_rooms([room.name for room in rooms])

    def login(self, owner: str, profile: str) -> dict[str, str]:
        """What this owner types into the form."""
        return {
            "kind": "stub",
            "server": self.control.url,
            "token": f"relay-{owner}-{profile}:open-sesame",
            "features": PROFILES[profile],
            "hook_secret": f"secret-{owner}-{profile}",
        }

    def say(self, lines: list[tuple[Room, str, str]]) -> list[str]:
        return self.control.say_many([(room.name, name, text) for room, name, text in lines])

    def lines(self, room: Room) -> list[Line]:
        return [
            Line(
                item.id,
                item.author_name.startswith("relay-"),
                item.sender_name or item.author_name,
                item.now,
                item.said_at,
                item.is_deleted,
                item.is_late,
            )
            for item in self.control.history(room.name)
        ]


class SandboxSide:
    """The HipChat sandbox, through its control plane."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._rooms: dict[str, int] = {}
        self._bots: set[int] = set()
        self._logins: dict[tuple[str, str], dict[str, str]] = {}
        self._people: dict[tuple[str, str], int] = {}
        self._groups: dict[str, int] = {}
        self._making = threading.Lock()  # people of two rooms may begin to talk at the same time

    def add_rooms(self, rooms: Iterable[Room]) -> None:
        """Make the groups, their rooms, and a bot for each owner in each of them."""
        self.act("reset", seeded=False)
        for group in GROUPS:
            self._groups[group] = self.act("create_group", name=group.capitalize())["id"]
            for owner in OWNERS:
                bot = self._user(group, f"Relay of {owner}")
                self._bots.add(bot)
                token = self.act("create_token", user_id=bot, scopes=SCOPES)["token"]
                login = {"kind": "hipchat", "server": self.url, "token": token, "team_name": group}
                self._logins[owner, group] = login
        for room in rooms:
            creator = self._person(room.profile, "Host")
            self._rooms[room.name] = self.act("create_room", owner_id=creator, name=room.name)["id"]

    def login(self, owner: str, profile: str) -> dict[str, str]:
        return self._logins[owner, profile]

    def say(self, lines: list[tuple[Room, str, str]]) -> list[str]:
        return [
            self.act(
                "post_message",
                room_id=self._rooms[room.name],
                user_id=self._person(room.profile, name),
                text=text,
            )["id"]
            for room, name, text in lines
        ]

    def share(self, room: Room, author: str, **file: str) -> str:
        """Share a file as this person; the message's id."""
        id_: str = self.act(
            "post_file", room_id=self._rooms[room.name], user_id=self._person(room.profile, author), **file
        )["id"]
        return id_

    def notify(self, room: Room, sender: str, **notification: Any) -> str:
        """Post as an integration; the message's id."""
        id_: str = self.act(
            "post_notification", room_id=self._rooms[room.name], sender=sender, **notification
        )["id"]
        return id_

    def lines(self, rooms: Iterable[Room]) -> dict[Room, list[Line]]:
        """Of several rooms at once: the sandbox tells everything or nothing."""
        told = self.act("dump")
        users = {user["id"]: user["name"] for user in told["users"]}
        found = {}
        for room in rooms:
            [record] = [one for one in told["rooms"] if one["id"] == self._rooms[room.name]]
            found[room] = [_line(message, users, self._bots) for message in record["messages"]]
        return found

    def fault(self, **fault: Any) -> None:
        self.act("add_fault", **fault)

    def clear_faults(self) -> None:
        self.act("clear_faults")

    def act(self, action: str, **arguments: Any) -> Any:
        """Have its control plane do something; the answer. Raises RuntimeError."""
        headers = {"Connection": "close"}  # it hangs up on idle connections, perhaps this very moment
        answer = requests.post(
            f"{self.url}/_sandbox/{action}", json=arguments, timeout=SECONDS, headers=headers
        )
        if answer.status_code != 200:
            raise RuntimeError(answer.text)
        return answer.json()

    def _person(self, group: str, name: str) -> int:
        with self._making:
            if (group, name) not in self._people:
                self._people[group, name] = self._user(group, name)
            return self._people[group, name]

    def _user(self, group: str, name: str) -> int:
        number = len(self._people) + len(self._bots)
        user: int = self.act(
            "create_user",
            group_id=self._groups[group],
            name=name,
            mention_name=f"user{number}",
            email=f"user{number}@example.com",
        )["id"]
        return user


def _line(message: dict[str, Any], users: dict[int, str], bots: set[int]) -> Line:
    user = message["user_id"]
    return Line(
        message["id"],
        user in bots,
        users.get(user, ""),
        message["text"] or "",
        message["stamp"] / 1_000_000,
        message["text"] is None,
    )


def wait_until_answers(url: str, within: float = 60.0) -> None:
    """Wait for a server to answer anything at all. Raises RuntimeError."""
    ends = time.monotonic() + within
    while time.monotonic() < ends:
        try:
            requests.get(url, timeout=2)
        except requests.RequestException:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{url} does not answer")
