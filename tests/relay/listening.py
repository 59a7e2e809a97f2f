"""Accounts that stream from the stub service, and listeners in threads of the test."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections

from accounts.models import LinkedAccount
from connectors.markup import plain
from connectors.markup.tree import from_json
from tests import factories
from tests.relay.stubbed import World
from tests.waiting import PATIENCE
from tubes.models import Event, Room, Seat
from tubes.relay.listening.process import Listener

STREAMED = "stream,history,ids,edits,deletes,reactions,replies"


def streamed(world: World, *rooms: str) -> list[Seat]:
    """Rooms joined by Tubes, each to the next, all of them streamed."""
    seats = world.chain(*rooms, features=STREAMED)
    Room.objects.update(next_poll_at=None)
    return seats


def second(world: World, room: str) -> Seat:
    """Another account's Seat in a room, with a Tube of its own."""
    seats = [world.seat(name, features=STREAMED, bot=f"{name}-second") for name in (room, f"far from {room}")]
    factories.tube(*seats)
    Room.objects.update(next_poll_at=None)
    return seats[0]


@contextmanager
def running(count: int = 1) -> Iterator[list[Listener]]:
    """Listeners in threads; they are asked to stop, and have to."""
    listeners = [Listener() for _ in range(count)]
    threads = [threading.Thread(target=_serve, args=(one,), daemon=True) for one in listeners]
    for thread in threads:
        thread.start()
    try:
        yield listeners
    finally:
        for one in listeners:
            one.ask_to_stop()
        for thread in threads:
            thread.join(PATIENCE)
        assert not any(thread.is_alive() for thread in threads)


def _serve(listener: Listener) -> None:
    try:
        listener.serve()
    finally:
        connections.close_all()


def texts_taken_in(room: str) -> list[str]:
    """What was taken in from a room, in the order it was."""
    events = Event.objects.filter(room__remote_id=room).order_by("number")
    return [_text(event) for event in events if event.body]


def _text(event: Event) -> str:
    return plain.render(from_json(event.body))


def token_of(seat: Seat) -> str:
    return LinkedAccount.objects.get(pk=seat.account_id).stream_token
