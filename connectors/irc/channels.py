"""Which channels we are in, which we want to be in, and why not. No I/O of its own: lines in, lines out."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import Enum
from typing import Final

from connectors.base import RoomId
from connectors.errors import RoomGone
from connectors.irc import refusals
from connectors.irc.link import Link
from connectors.irc.text import size
from connectors.irc.wire import LONGEST, Line

AT_ONCE: Final = 5  # channels of one JOIN
PATIENCE: Final = 30.0  # seconds until the answer to a JOIN is not waited for any more
REJOIN: Final = 10.0  # seconds after we were put out
FORGIVEN: Final = 600.0  # seconds after which having been put out is forgotten
MOST_TRIES: Final = 10  # to get into a channel that is full, or closed for the moment
_KICKED: Final = "We were put out of the channel by {by}{why}. Ask its operators to let us back in."
_FORWARDED: Final = (
    "The channel sends those whom it does not let in on to {to}. Ask its operators to let our nick in, "
    "register it with the network's NickServ, or link {to} instead."
)
_REMOVED: Final = "The network put us out of the channel."
_UNANSWERED: Final = "The network does not answer when we want to join the channel."


class State(Enum):
    """How it stands with a channel."""

    WAITING = "waiting"  # to be joined at `due`
    ASKED = "asked"
    IN = "in"
    SHUT = "shut"  # told as lost


@dataclass(slots=True)
class Channel:
    """One that matters."""

    name: str
    state: State = State.WAITING
    due: float = 0.0  # monotonic; of ASKED: when to ask again
    tries: int = 0
    kicked_at: float = 0.0
    is_plain: bool = False  # formatting is refused there


class Channels:
    """One connection's."""

    def __init__(self, link: Link, key_of: Callable[[RoomId], str]) -> None:
        self.by_room: dict[RoomId, Channel] = {}
        self.lost: dict[RoomId, str] = {}  # since they were last taken
        self.put_out: set[RoomId] = set()  # of the lost ones
        self.moved: dict[RoomId, RoomId] = {}  # since they were last taken
        self._now: dict[RoomId, RoomId] = {}  # of channels that are wanted by a former name
        self._link, self._key_of = link, key_of

    def is_in(self, room: RoomId) -> bool:
        """Whether we are in it."""
        channel = self.by_room.get(room)
        return channel is not None and channel.state is State.IN

    def are_settled(self) -> bool:
        """Whether of each it is known that we are in it, or not."""
        return all(channel.state in (State.IN, State.SHUT) for channel in self.by_room.values())

    def now(self, room: RoomId) -> RoomId:
        """What a channel is called by now."""
        return self._now.get(room, room)

    def want(self, rooms: Collection[RoomId]) -> None:
        """These matter now: leave the others, and remember to join the new ones."""
        self._now = {old: new for old, new in self._now.items() if old in rooms}
        rooms = {self.now(room) for room in rooms}
        for room in [room for room in self.by_room if room not in rooms]:
            if self.by_room.pop(room).state in (State.IN, State.ASKED):
                self._link.say("PART", room)
        for room in rooms:
            if room in self.by_room:
                continue
            self.by_room[room] = Channel(room)
            if not self._link.support.is_channel(room) or " " in self._key_of(room):
                self._shut(room, refusals.NO_CHANNEL)

    def join(self, now: float) -> bool:
        """Ask for some of those that are due, by one line; whether there were any."""
        due = [
            room
            for room, channel in self.by_room.items()
            if channel.state in (State.WAITING, State.ASKED) and channel.due <= now
        ]
        # Keys go by their place in the line: those who have one come first.
        due = self._in_one_line(sorted(due, key=lambda room: not self._key_of(room))[:AT_ONCE])
        for room in [room for room in due if self.by_room[room].tries >= MOST_TRIES]:
            due.remove(room)
            self._shut(room, _UNANSWERED)
        if not due:
            return False
        for room in due:
            channel = self.by_room[room]
            channel.state, channel.due, channel.tries = State.ASKED, now + PATIENCE, channel.tries + 1
        keys = ",".join(filter(None, map(self._key_of, due)))
        self._link.say("JOIN", ",".join(due), *([keys] if keys else []))
        return True

    def _in_one_line(self, rooms: list[RoomId]) -> list[RoomId]:
        """The first of them, as many as one line holds with their keys; one at least."""
        taken, left = 0, LONGEST - len("JOIN  ")
        for room in rooms:
            left -= size(room) + size(self._key_of(room)) + len(",,")
            if left < 0 and taken:
                break
            taken += 1
        return rooms[:taken]

    # ------------------------------------------------------------------ what is told

    def handle(self, line: Line, now: float) -> bool:
        """Take in a line about our being in channels; whether it was one."""
        me = self._link.is_me(line.nick)
        match line.command:
            case "JOIN" if me:
                self._joined(self._room(line.param(0)), line.param(0))
            case "PART" if me:
                self._out(self._room(line.param(0)), now, _REMOVED)
            case "KICK" if self._link.is_me(line.param(1)):
                why = f": {refusals.words(line.text)}" if len(line.params) > 2 else ""
                by = refusals.words(line.nick) or "the network"
                self._out(self._room(line.param(0)), now, _KICKED.format(by=by, why=why))
            case "470":
                self._forwarded(self._room(line.param(1)), line.param(2))
            case "442":
                self._missed(self._room(line.param(1)), now)
            case "RENAME":
                self._renamed(self._room(line.param(0)), line.param(1))
            case "FAIL" if new := refusals.renamed_to(line):
                self._renamed(self._room(line.param(2)), new)
            case "INVITE" if self._link.is_me(line.param(0)):
                self._invited(self._room(line.text), now)
            case _ if refusals.is_join_refusal(line):
                return self._refused(self._room(line.param(2 if line.command == "FAIL" else 1)), line, now)
            case _:
                return False
        return True

    def _room(self, name: str) -> RoomId:
        return RoomId(self._link.support.fold(name))

    def _joined(self, room: RoomId, name: str) -> None:
        channel = self.by_room.get(room)
        if channel is None:  # sent on to a channel that nobody asked for, or put there by the network
            self._link.say("PART", name)
        else:
            channel.name, channel.state, channel.tries = name, State.IN, 0

    def _out(self, room: RoomId, now: float, why: str) -> None:
        """Put out: back once after a pause; the second time that is final."""
        channel = self.by_room.get(room)
        if channel is None:
            return
        if channel.kicked_at and now - channel.kicked_at < FORGIVEN:
            self._shut(room, why)
            self.put_out.add(room)
        else:
            channel.state, channel.due, channel.kicked_at = State.WAITING, now + REJOIN, now

    def _missed(self, room: RoomId, now: float) -> None:
        channel = self.by_room.get(room)
        if channel is not None and channel.state is State.IN:
            channel.state, channel.due = State.WAITING, now

    def _forwarded(self, room: RoomId, to: str) -> None:
        if room in self.by_room:
            self._shut(room, _FORWARDED.format(to=refusals.words(to)))

    def _renamed(self, old: RoomId, name: str) -> None:
        """The very channel has another name: all who were in it are, and so are we, or will be."""
        channel, new = self.by_room.pop(old, None), self._room(name)
        if channel is None or not self._link.support.is_channel(name):
            return
        self.by_room.setdefault(new, channel).state = channel.state
        self.by_room[new].name = name
        if new == old:
            return
        if channel.state is State.ASKED:
            channel.state, channel.due = State.WAITING, 0.0
        for told in (self.moved, self._now):
            told.update({before: new for before, after in told.items() if after == old})
            told[old] = new
            told.pop(new, None)

    def _invited(self, room: RoomId, now: float) -> None:
        channel = self.by_room.get(room)
        if channel is not None and channel.state is not State.IN:
            channel.state, channel.due = State.WAITING, now

    def _refused(self, room: RoomId, line: Line, now: float) -> bool:
        channel = self.by_room.get(room)
        if channel is None or channel.state is not State.ASKED:
            return False  # of something else, such as a line that was sent
        error = refusals.join_refusal(line)
        if isinstance(error, RoomGone) or channel.tries >= MOST_TRIES:
            self._shut(room, str(error))
        else:
            channel.state, channel.due = State.WAITING, now + (error.seconds or PATIENCE)
        return True

    def _shut(self, room: RoomId, why: str) -> None:
        self.by_room[room].state = State.SHUT
        self.lost[room] = why
