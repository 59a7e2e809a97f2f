"""Typing commands in tests, and having them carried out."""

from connectors.base import Kind
from connectors.markup import plain
from connectors.markup.tree import from_json
from sameroom import clock
from tests import factories
from tests.relay.conftest import drain_all, take
from tubes.models import Command, Event, Seat
from tubes.relay import commands
from tubes.services import commanding


def obey(rounds: int = 5) -> None:
    """Carry out what is due, and post what is said about it."""
    for _ in range(rounds):
        for command_id in commands.due():
            commanding.carry_out(command_id)
        drain_all()


def type_in(seat: Seat, text: str, *, name: str = "Ann", user_id: str | None = None) -> None:
    """Somebody types in the room of a Seat, and it is carried out."""
    take(seat.room, factories.said(text, name=name, user_id=user_id))
    obey()


def answers() -> list[str]:
    """What we have said of ourselves, oldest first."""
    ours = Event.objects.filter(room=None, kind=Kind.NOTICE.value).order_by("pk")
    return [words(event) for event in ours]


def words(event: Event) -> str:
    return plain.render(from_json(event.body))


def last_answer() -> str:
    return answers()[-1]


def everyone_may(*seats: Seat) -> None:
    Seat.objects.filter(pk__in=[seat.pk for seat in seats]).update(commanders=Seat.Commanders.EVERYONE)


def hurry() -> None:
    """What has to be looked at again is looked at now."""
    Command.objects.filter(due_at__isnull=False).update(due_at=clock.now())
