"""Rooms at the stub service, behind a real socket, with Tubes between them."""

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise

from accounts.models import LinkedAccount, User
from connectors.base import IncomingEvent, Kind, MessageId
from sameroom import clock
from stub.control import Item, Stub
from tests import factories
from tests.relay.conftest import drain_all
from tubes.models import Delivery, Event, Room, Seat
from tubes.relay import reading

POLLED = "history,ids,edits,deletes,reactions,replies"
PLAIN = "history,ids"  # what changes a message is imitated


@dataclass
class World:
    """One stub service, one owner, an account for each room; the bot of room `here` is user `here-bot`."""

    stub: Stub
    owner: User

    def seat(self, room: str, *, features: str = POLLED, bot: str = "", owner: User | None = None) -> Seat:
        """A Seat in a room, through an account of its own."""
        bot = bot or f"{room}-bot"
        self.stub.add_rooms([room])
        account = factories.account(
            owner or self.owner,
            kind="stub",
            server=self.stub.url,
            space=self.stub.url,
            team_id="stub",
            team_name="Stub",
            remote_user_id=f"u-{bot}",
            credentials={"token": f"{bot}:secret", "features": features, "hook_secret": "hush"},
        )
        row = Room.objects.filter(kind="stub", remote_id=room).first()
        row = row or factories.room(room, kind="stub", space=self.stub.url)
        seat = factories.seat(account, row)
        if "push" in features:
            Room.objects.filter(pk=row.pk).update(next_poll_at=None)
        return seat

    def chain(self, *rooms: str, features: str = POLLED) -> list[Seat]:
        """Rooms joined by Tubes, each to the next."""
        seats = [self.seat(room, features=features) for room in rooms]
        for here, there in pairwise(seats):
            factories.tube(here, there)
        return seats

    def read(self) -> None:
        """Poll every room once."""
        Room.objects.filter(next_poll_at__isnull=False).update(
            next_poll_at=clock.now() - timedelta(seconds=1)
        )
        for account in LinkedAccount.objects.order_by("pk").values_list("pk", flat=True):
            reading.poll(account)

    def relay(self, rounds: int = 3) -> None:
        """Read and drain a few times over."""
        for _ in range(rounds):
            self.read()
            drain_all()

    def items(self, room: str) -> list[Item]:
        return [item for item in self.stub.history(room) if not item.is_deleted]

    def texts(self, room: str) -> list[str]:
        """What stands in a room now, oldest first."""
        return [item.now for item in self.items(room)]


def echo(seat: Seat, text: str, id: str = "") -> IncomingEvent:
    """A post of ours as its service tells it back; without an id where it gives none."""
    said = factories.said(text, user_id=seat.account.remote_user_id, name="Bot")
    return replace(said, id=MessageId(id), dedupe_key=id or said.dedupe_key)


def edit_of(target: str, text: str) -> IncomingEvent:
    """Ann gives a message another text."""
    said = factories.said(text)
    return replace(said, kind=Kind.EDIT, target=MessageId(target))


def deletion_of(target: str) -> IncomingEvent:
    """Ann takes a message back."""
    return replace(factories.said(), kind=Kind.DELETE, target=MessageId(target), body=None)


def kinds_taken_in() -> list[str]:
    """The kinds of all events, in the order they were taken in."""
    return list(Event.objects.order_by("pk").values_list("kind", flat=True))


def ends(kind: Kind = Kind.MESSAGE) -> list[str]:
    """The states of the deliveries of one kind of event."""
    rows = Delivery.objects.filter(event__kind=kind.value).order_by("pk")
    return list(rows.values_list("status", flat=True))
