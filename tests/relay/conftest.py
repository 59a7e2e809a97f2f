"""A relay without workers: tests ring the bells themselves, and script what a service answers."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

import pytest

from connectors.base import MessageId, OutgoingMessage, RoomId
from connectors.echo import connector as echo
from connectors.echo.connector import EchoConnector
from sameroom import clock
from stub.control import Stub
from stub.server import running
from tests import factories
from tubes.models import Delivery, Event, Room, Seat, Tube
from tubes.relay import bell, lanes
from tubes.relay.intake import take_in

if TYPE_CHECKING:
    from tests.relay.sandboxed import Sides
    from tests.relay.stubbed import World

ROOMS = ("lobby", "garden", "attic")


@dataclass
class Rings:
    """Every alarm that was set, instead of a broker."""

    rung: list[tuple[str, tuple[int, ...], float]] = field(default_factory=list)
    lanes: list[int] = field(default_factory=list)

    def record_lanes(self, seat_ids: Iterable[int]) -> None:
        self.lanes += sorted(seat_ids)

    def record(self, task: str, *args: int, after: float = 0.0) -> None:
        self.rung.append((task, args, after))


@pytest.fixture(autouse=True)
def rings(monkeypatch: pytest.MonkeyPatch) -> Rings:
    recorded = Rings()
    monkeypatch.setattr(bell, "_ring", recorded.record)
    monkeypatch.setattr(bell, "ring_lanes", recorded.record_lanes)
    return recorded


@pytest.fixture(autouse=True)
def _empty_houses() -> Iterator[None]:
    echo.clear()
    yield
    echo.clear()


@dataclass
class Clock:
    """The project's clock, moved by hand."""

    ahead: timedelta = timedelta(0)

    def forward(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """It stands still until it is moved, but for a microsecond a look: a busy machine makes nothing due."""
    moved, looks = Clock(), count()
    began, began_monotonic = clock.now(), clock.monotonic()

    def now() -> datetime:
        return began + moved.ahead + timedelta(microseconds=next(looks))

    monkeypatch.setattr(clock, "_set", None)  # what fields take for their defaults goes by the host's too
    monkeypatch.setattr(clock, "set_by", lambda moment: None)
    monkeypatch.setattr(clock, "host_now", now)
    monkeypatch.setattr(clock, "monotonic", lambda: began_monotonic + moved.ahead.total_seconds())
    return moved


Send = Callable[[RoomId, OutgoingMessage], MessageId]


@dataclass
class Service:
    """What the echo service does with the next sends: pass, or what is scripted."""

    script: list[Exception | tuple[str, Exception]] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)

    def refuse(self, *errors: Exception) -> None:
        """Raise these, one per send, before anything is stored."""
        self.script += errors

    def store_then(self, *errors: Exception) -> None:
        """Store the message and then raise: the answer was lost."""
        self.script += [("stored", error) for error in errors]


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    played = Service()
    real = EchoConnector.send

    def send(self: EchoConnector, room: RoomId, message: OutgoingMessage) -> MessageId:
        step = played.script.pop(0) if played.script else None
        if isinstance(step, Exception):
            raise step
        played.sent.append(message.text)
        remote_id = real(self, room, message)
        if step is not None:
            raise step[1]
        return remote_id

    monkeypatch.setattr(EchoConnector, "send", send)
    return played


@dataclass
class Pair:
    """Two rooms of two teams, one owner, one Tube between them."""

    tube: Tube
    here: Seat
    there: Seat

    def say(self, *texts: str, name: str = "Ann") -> None:
        """People say things in the room of Side A, and the poller takes them in."""
        take(self.here.room, *[factories.said(text, name=name) for text in texts])


@pytest.fixture
def pair(db: None) -> Pair:
    owner = factories.user()
    acme, globex = factories.account(owner, team="acme"), factories.account(owner, team="globex")
    here = factories.seat(acme, factories.room("lobby", team="acme"))
    there = factories.seat(globex, factories.room("garden", team="globex"))
    return Pair(factories.tube(here, there), here, there)


def take(room: Room, *events: object) -> int:
    """Take a page in, from wherever the room stands."""
    room.refresh_from_db()
    last = events[-1] if events else None
    cursor = factories.cursor_after(last) if last else room.cursor  # type: ignore[arg-type]
    return take_in(room.pk, list(events), read_from=room.cursor, cursor=cursor)  # type: ignore[arg-type]


def drain_all(rounds: int = 10) -> None:
    """Drain every lane that has something due, until nothing moves."""
    for _ in range(rounds):
        due = Delivery.objects.filter(status__in=Delivery.OPEN, next_attempt_at__lte=clock.now())
        seats = list(due.values_list("seat", flat=True).distinct())
        if not seats:
            return
        for seat in seats:
            lanes.drain(seat)


def texts(team: str, room: str) -> list[str]:
    """What stands in an echo room, oldest first."""
    return [line.text for line in echo.house(team).lines[RoomId(room)]]


def statuses() -> list[str]:
    return list(Delivery.objects.order_by("pk").values_list("status", flat=True))


def held() -> list[str]:
    return list(Event.objects.order_by("pk").values_list("held", flat=True))


@pytest.fixture(scope="module")
def stub_service() -> Iterator[Stub]:
    with running() as stub:
        yield stub


@pytest.fixture
def world(stub_service: Stub, db: None) -> Iterator["World"]:
    """Rooms at the stub service; nothing of an earlier test is left in them."""
    from tests.relay.stubbed import World  # uses what stands above

    stub_service.forget()
    yield World(stub_service, factories.user())
    stub_service.forget()


@pytest.fixture
def sides(db: None) -> "Iterator[Sides]":
    from tests.relay.sandboxed import started

    with started() as linked:
        yield linked
