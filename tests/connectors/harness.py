"""What the contract suite needs of each service: a running peer with a room to play in."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, aclosing, contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

import pytest

from connectors.base import Connector, IncomingEvent, Login, MessageId, Reading, RoomId
from connectors.errors import RoomGone
from tests import loops
from tests.connectors.irc.living import Living
from tests.waiting import PATIENCE as WITHIN


class Harness(Protocol):
    """One service, running, with an empty room that our login can enter."""

    login: Login
    bad_login: Login
    secrets: list[str]
    room: RoomId
    missing_room: RoomId

    def say(self, text: str) -> MessageId:
        """A person says something in the room."""

    def texts(self) -> list[str]:
        """What stands in the room, oldest first, as the service itself tells it."""


def harness_of(peer: str) -> AbstractContextManager[Harness]:
    """The harness in `tests/connectors/<kind>/harness.py`; a new connector has to bring one.

    `peer` is a kind, or "<kind>@<server>" where the module has VARIANTS: servers of several makers.
    """
    kind, _, server = peer.partition("@")
    module = _module(kind)
    started: AbstractContextManager[Harness] = module.VARIANTS[server]() if server else module.start()
    return started


def peers(kind: str) -> list[str]:
    """What the suite is run against for a kind."""
    return [f"{kind}@{server}" for server in getattr(_module(kind), "VARIANTS", ())] or [kind]


def marks_of(peer: str) -> Sequence[pytest.MarkDecorator]:
    """What the harness's module says of its tests: which server they share. A table has it by server."""
    kind, _, server = peer.partition("@")
    marks = getattr(_module(kind), "MARKS", ())
    return marks.get(server, ()) if isinstance(marks, Mapping) else marks


@contextmanager
def standing(connector: Connector, *rooms: RoomId) -> Iterator[Living]:
    """Its stream runs, as in a listener: where posts leave by nothing else."""
    living = Living(connector, rooms, token="")  # type: ignore[arg-type]
    living.start()
    try:
        living.wait(lambda: living.batches or living.is_over, within=WITHIN)
        yield living
    finally:
        living.stop()


def _module(kind: str) -> Any:
    return import_module(f"tests.connectors.{kind}.harness")


@dataclass(frozen=True)
class Read:
    """What was read of a room, and from where to go on: a cursor, or a stream's token."""

    events: list[IncomingEvent]
    place: Any

    @property
    def ids(self) -> list[MessageId]:
        return [event.id for event in self.events]


def read(connector: Connector, room: RoomId, place: Any = None, *, expected: int = 0) -> Read:
    """What a connector reads of a room after a place, whichever way it reads: so many events at least."""
    if connector.capabilities.reading is Reading.STREAM:
        return loops.run(_streamed(connector, room, place or "", expected))
    page = connector.read_after(room, place)
    return Read(list(page.events), page.cursor)


async def _streamed(connector: Connector, room: RoomId, token: str, expected: int) -> Read:
    """As many batches as it takes; an event that comes twice counts once."""
    found: dict[str, IncomingEvent] = {}
    async with asyncio.timeout(WITHIN), aclosing(connector.stream(token, lambda: [room])) as batches:
        async for batch in batches:
            if room in batch.lost:
                raise RoomGone(batch.lost[room])
            found |= {f"{event.kind}{event.dedupe_key}": event for _, event in batch.events}
            if batch.token and len(found) >= expected:
                return Read(list(found.values()), batch.token)
    raise AssertionError("The stream has ended by itself.")


Started = Iterator[Harness]
