"""The client of the control API: how tests and benchmarks set the service up, play its people, and judge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import requests

SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Item:
    """One message as it stands at the service."""

    id: str
    author_id: str
    author_name: str
    text: str  # as it was first said
    said_at: float
    key: str
    reply_to: str
    sender_name: str
    sender_avatar_url: str
    edits: list[str]
    is_deleted: bool
    is_late: bool
    reactions: dict[str, list[str]]

    @property
    def now(self) -> str:
        """The text after its last edit."""
        return self.edits[-1] if self.edits else self.text


@dataclass(frozen=True, slots=True)
class Counts:
    """What the service has counted since it started or was told to forget."""

    sends: int  # posts that came in, whatever became of them
    in_flight: int
    most_in_flight: int
    stored: dict[str, int]  # by room
    pushes_acknowledged: int
    pushes_refused: int
    events_pushed: int
    events_waiting: int
    polls: int  # requests for a stream
    waiting: int  # of them, that wait for news just now
    faults: dict[str, int]  # how often each kind was applied
    doubts: dict[str, int]  # by room: sends whose caller cannot know what became of them


class Stub:
    """One service at `url`. Every method is one request; RuntimeError where it is refused."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False

    def close(self) -> None:
        """Give up the connection."""
        self._session.close()

    def add_rooms(self, names: Iterable[str]) -> None:
        """Make rooms; those that exist stay as they are."""
        self._do("add_rooms", names=list(names))

    def say(self, room: str, name: str, text: str) -> str:
        """A person says something; the id. The room springs into being."""
        return self.say_many([(room, name, text)])[0]

    def say_many(self, lines: Sequence[tuple[str, str, str]]) -> list[str]:
        """The same for many (room, name, text), in order."""
        ids: list[str] = self._do("say_many", lines=list(lines))
        return ids

    def edit(self, room: str, id: str, text: str) -> None:
        """The author of a message replaces its text."""
        self._do("edit", room=room, id=id, text=text)

    def delete(self, room: str, id: str) -> None:
        """The author of a message takes it away."""
        self._do("delete", room=room, id=id)

    def react(self, room: str, id: str, name: str, emoji: str, *, add: bool = True) -> None:
        """A person sets a reaction, or takes it away."""
        self._do("react", room=room, id=id, name=name, emoji=emoji, add=add)

    def history(self, room: str) -> list[Item]:
        """All messages of a room, oldest first, deleted ones too."""
        return [Item(**item) for item in self._do("history", room=room)]

    def fault(
        self,
        kind: str,
        *,
        room: str | None = None,
        seconds: float | None = None,
        count: int | None = None,
        **values: Any,
    ) -> None:
        """Spoil what comes: for so long, so often, in one room or all. `values`: see `stub.faults.Fault`."""
        self._do("fault", kind=kind, room=room, seconds=seconds, count=count, **values)

    def clear_faults(self) -> None:
        """Work again."""
        self._do("clear_faults")

    def switch(self, **flags: Any) -> None:
        """Set what `stub.switches.Switches` lists."""
        self._do("switch", **flags)

    def hook(self, token: str, url: str, secret: str, *, rooms: Iterable[str] = ()) -> None:
        """Push what happens from now on, in `rooms` or everywhere, to `url`, signed with `secret`."""
        self._do("hook", token=token, url=url, secret=secret, rooms=list(rooms))

    def counts(self) -> Counts:
        """What was counted so far."""
        return Counts(**self._do("counts"))

    def forget(self) -> None:
        """Start anew: no rooms, no hooks, no faults, every switch as at first."""
        self._do("forget")

    def _do(self, action: str, **arguments: Any) -> Any:
        answer = self._session.post(f"{self.url}/_control/{action}", json=arguments, timeout=SECONDS)
        told = answer.json()
        if answer.status_code != 200:
            raise RuntimeError(told["error"])
        return told["result"]
