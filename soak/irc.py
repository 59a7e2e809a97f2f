"""People on an IRC server that is restarted under them, and what somebody saw who was always there."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from chaos.network import Room
from chaos.services import Line
from connectors.markup import irc, plain
from soak.gate import Gate
from soak.reading import QUOTED
from soak.standing import Standing
from tests.irchuman import Crowd, Human, people
from tests.ircservers import Ircd

RELAY = "relay-ann"  # our nick; others may stand behind it
WITNESS = "Witness"
AWAY = 3.0  # seconds before a departure in which what was said may not have been stored any more
BACK = 1.0  # seconds after one
PATIENCE = 20.0  # seconds that people wait for our session
FILE = re.compile(r"(\d+)\.json")
PACE = "100"  # lines a second: the server lets everything through


class IrcSide:
    """The server as the suite uses it. Our session comes by a gate, which is shut while people come back."""

    kind = "irc"
    environment: Mapping[str, str] = {}

    def __init__(self, ircd: Ircd, crowd: Crowd) -> None:
        self.server, self._crowd = ircd.server, crowd
        self.gate = Gate(ircd.port)
        self.gate.open()
        self.talking = threading.RLock()  # nobody talks while the server is away
        self._rooms: list[Room] = []
        self._people: dict[str, Human] = {}
        self.deleted: set[int] = set()
        self._away: list[tuple[float, str]] = []  # cuts that nobody at the server may have been told

    def has_told_all(self) -> bool:
        """A network tells once, and nobody again."""
        return True

    def add_rooms(self, rooms: Iterable[Room]) -> None:
        """Somebody stands in each of them from the beginning: else they would not be."""
        self._rooms = list(rooms)
        self._people[WITNESS] = self._crowd.enter(WITNESS, *(room.name for room in self._rooms))

    def login(self, owner: str, profile: str) -> dict[str, str]:
        """What the one owner types into the form."""
        server = f"irc://127.0.0.1:{self.gate.port}"
        return {
            "kind": self.kind,
            "network": "own",
            "server": server,
            "nick": RELAY,
            "lines_per_second": PACE,
        }

    # ------------------------------------------------------------------ what people do

    def say(self, room: Room, author: str, lines: Sequence[str], command: str = "PRIVMSG") -> bool:
        """Say them one after the other, all heard; whether our session stood in the channel before.

        People wait a while for it, as they do where they talk with somebody.
        """
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends and not self._stands(room):
            time.sleep(0.2)
        with self.talking:
            person, witness = self._person(author), self._people[WITNESS]
            stood = self._stands(room)
            for line in lines:
                person.raw(command, room.name, line)
            last = lines[-1].removeprefix("\x01ACTION ").removesuffix("\x01")
            witness.wait(lambda: any(one.text == last for one in witness.heard[-500:]))
            return stood

    def _stands(self, room: Room) -> bool:
        """Whether our session is in the channel, as the server tells the witness."""
        with self.talking:
            return any(nick.startswith(RELAY) for nick in self._people[WITNESS].people(room.name))

    def may_have_missed(self, at: float) -> bool:
        """Whether our session was gone so soon that it may not have stored what it heard then."""
        gone = [*self._people[WITNESS].departures, *self._away]
        return any(left - AWAY <= at <= left + BACK for left, nick in gone if nick.startswith(RELAY))

    def _person(self, name: str) -> Human:
        if name not in self._people:
            self._people[name] = self._crowd.enter(name, *(room.name for room in self._rooms))
        return self._people[name]

    # ------------------------------------------------------------------ what happens to the server

    def note_cut(self) -> None:
        """Our session is cut off now; the witness may not be told."""
        self._away.append((time.time(), RELAY))

    def come_back(self) -> None:
        """Everybody connects again, the witness first."""
        for human in self._people.values():
            human.wait(lambda human=human: not human.connected)  # type: ignore[misc]
            human.connect()
            for room in self._rooms:
                human.join(room.name)

    # ------------------------------------------------------------------ what stands there

    def standing(self, room: Room) -> Standing:
        """What the witness heard: of the relay's quotations, with what they stand above."""
        found, quoted = Standing(), ""
        for number, heard in enumerate(self._people[WITNESS].heard):
            if heard.channel != room.name:
                continue
            by_relay = heard.by.startswith(RELAY)
            text = plain.render(irc.parse(heard.text)).replace("\u200b", "")  # in names: see `escape`
            if by_relay and QUOTED.search(text):
                quoted += f"{text}\n"  # a long one takes several lines
                continue
            line = Line(f"{number}", by_relay, heard.by, (quoted if by_relay else "") + text, heard.at)
            quoted = "" if by_relay else quoted
            file = FILE.search(text) if by_relay else None
            found.add(line, int(file[1]) if file else None, opens=False)
        return found


@contextmanager
def people_on(ircd: Ircd) -> Iterator[IrcSide]:
    """The side, until the block ends."""
    with people(ircd.url) as crowd:
        yield IrcSide(ircd, crowd)
