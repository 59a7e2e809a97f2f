"""One case at one service, and what the relay makes of it at others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from accounts.models import LinkedAccount
from connectors.base import Login, Reading, RoomId
from connectors.registry import connectors
from sameroom import clock
from tests import factories
from tests.connectors.harness import read
from tests.relay.conftest import drain_all
from tests.translation.cases import Case
from tests.translation.services import Post, Service
from tubes.models import Room, Seat
from tubes.relay import reading
from tubes.relay.intake import Arrival, accept


class Ear:
    """Reads one room, whichever way its service tells."""

    def __init__(self, seat: Seat) -> None:
        self.seat, self.token = seat, ""
        self.connector = seat.account.connector()

    def hear(self, expected: int) -> None:
        """Take in what happened since: so many events at least."""
        room = self.seat.room
        if self.connector.capabilities.reading is Reading.STREAM:
            told = read(self.connector, RoomId(room.remote_id), self.token, expected=expected)
            self.token = told.place
            accept([Arrival(room.pk, told.events, is_pushed=True)])
            return
        Room.objects.filter(pk=room.pk).update(next_poll_at=clock.now())
        reading.poll(self.seat.account_id)


def tried(case: Case, here: Service, others: Sequence[Service]) -> list[list[Post]]:
    """What stands at each of the others after people did this at `here`. Needs a database; network I/O."""
    owner = factories.user()
    seat, *far = [_seat(owner, service.kind, *service.enter()) for service in (here, *others)]
    for other in far:
        factories.tube(seat, other)
    ear = Ear(seat)
    if ear.connector.capabilities.reading is Reading.STREAM:
        ear.hear(expected=0)
    made: list[Any] = []
    for name, *arguments in case.actions:
        which = {None: made[-1], ...: made[0]} if made else {}
        given = [which.get(one, one) if one is None or one is ... else one for one in arguments]
        made.append(here.actions[name](*given))
        ear.hear(expected=1)
        drain_all()
    return [service.standing() for service in others]


def _seat(owner: Any, kind: str, room: RoomId, login: Login) -> Seat:
    connector = connectors()[kind](login)
    identity = connector.verify()
    account = LinkedAccount.objects.filter(kind=kind, remote_user_id=identity.user_id).first()
    values = {
        "kind": kind,
        "server": identity.server,
        "space": identity.space,
        "team_id": identity.team_id,
        "team_name": identity.team_name,
        "remote_user_id": identity.user_id,
        "remote_user_name": identity.user_name,
        "credentials": dict(login.credentials),
        "scopes": list(identity.scopes),
    }
    account = account or factories.account(owner, **values)
    row = factories.room(room, kind=kind, space=identity.space, name=connector.room(room).name)
    return factories.seat(account, row)
