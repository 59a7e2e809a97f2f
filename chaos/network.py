"""Who links which rooms: chains, a cycle, diamonds and one-way links over both services. No I/O.

What has to arrive where is worked out here once more, without any code of the relay.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

# What an account at the stub can do, by the first word of its rooms' names.
PROFILES = {
    "full": "push,history,ids,keys,edits,deletes,reactions,replies,sender,deadline=3",
    "plain": "push,history,ids,deadline=3",
    "polled": "history,ids,edits,deletes,deadline=3",
    "streamed": "stream,history,ids,edits,deletes,deadline=3",
    "keyed": "push,ids,keys,edits,deletes,deadline=3",
    "noids": "push,history,deadline=3",
    "hidden": "push,ids,edits,deletes,deadline=3",
    "blind": "push,deadline=3",
    "spoken": "stream,session,deadline=3",
}
GROUPS = ("acme", "globex")  # of the sandbox
# What services can do that are neither, where it is less than everything.
ELSEWHERE = {"irc": "stream,session"}

# owner, room, direction, room. A room of a one-way link is in no other: the direction is its Seat's.
TUBES = """
ann acme-1 <-> full-1
ann full-1 <-> full-2
ann full-2 <-> globex-1
ann globex-1 <-> plain-1
ann plain-1 <-> polled-1

bob full-3 <-> plain-2
bob plain-2 <-> polled-2
bob polled-2 <-> acme-2
bob acme-2 <-> full-3

ann keyed-1 <-> full-4
ann keyed-1 <-> plain-3
ann full-4 <-> globex-2
ann plain-3 <-> globex-2

bob acme-3 -> full-5
bob full-6 -> hidden-1
bob polled-3 -> blind-1
bob noids-1 -> globex-3
bob plain-4 -> keyed-2

cyd hidden-2 <-> full-7
cyd blind-2 <-> acme-4
cyd noids-2 <-> plain-5
cyd hidden-3 <-> hidden-4
cyd keyed-3 <-> noids-3

bob streamed-1 <-> globex-5
bob streamed-1 <-> full-9
cyd streamed-2 -> streamed-3
cyd streamed-4 <-> spoken-1
bob spoken-2 <-> plain-7

cyd globex-4 <-> full-8
ann globex-4 <-> full-8
bob full-8 <-> plain-6
"""
OWNERS = ("ann", "bob", "cyd")


@dataclass(frozen=True, slots=True)
class Room:
    """One physical room, by the name that both the plan and its service use."""

    name: str

    @property
    def profile(self) -> str:
        return self.name.lstrip("#").rpartition("-")[0]

    @property
    def is_hipchat(self) -> bool:
        return self.profile in GROUPS

    @property
    def features(self) -> frozenset[str]:
        """What the relay can do there; beyond the stub nothing that the suite would have to know."""
        text = PROFILES.get(self.profile) or ELSEWHERE.get(self.profile, "history,ids")
        return frozenset(word for word in text.split(",") if "=" not in word)

    @property
    def lets_check(self) -> bool:
        """Whether what became of a cut-off send can be found out: in a history with ids, or by a key."""
        return {"history", "ids"} <= self.features or "keys" in self.features

    @property
    def tells_changes(self) -> bool:
        """Whether edits and deletions said here can be told from it."""
        return not self.is_hipchat and "ids" in self.features


@dataclass(frozen=True, slots=True)
class Link:
    """One Tube of the plan."""

    owner: str
    a: Room
    b: Room
    is_one_way: bool

    @property
    def ways(self) -> list[tuple[Room, Room]]:
        return [(self.a, self.b)] if self.is_one_way else [(self.a, self.b), (self.b, self.a)]


def links(tubes: str = TUBES) -> list[Link]:
    """The Tubes, in the order in which they are opened."""
    rows = [line.split() for line in tubes.splitlines() if line]
    return [Link(owner, Room(a), Room(b), way == "->") for owner, a, way, b in rows]


def rooms(plan: Iterable[Link]) -> list[Room]:
    """Every room once."""
    return list(dict.fromkeys(room for link in plan for room in (link.a, link.b)))


def origins(plan: Iterable[Link]) -> list[Room]:
    """The rooms from which something leads somewhere."""
    return list(dict.fromkeys(near for link in plan for near, _ in link.ways))


def reached(plan: Iterable[Link], origin: Room) -> set[Room]:
    """Where everything said in `origin` has to arrive, once."""
    ways = [way for link in plan for way in link.ways]
    found, frontier = {origin}, deque([origin])
    while frontier:
        here = frontier.popleft()
        fresh = {far for near, far in ways if near == here} - found
        found |= fresh
        frontier.extend(fresh)
    return found - {origin}
