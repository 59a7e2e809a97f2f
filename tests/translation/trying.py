"""One case at one service, and what the relay makes of it at others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from accounts.models import LinkedAccount
from connectors.base import IncomingEvent, Login, Reading, RoomId
from connectors.irc.posting import MOST_TEXT
from connectors.registry import connectors
from sameroom import clock
from tests import factories
from tests.connectors.harness import read, standing
from tests.connectors.irc.living import Living
from tests.relay.conftest import drain_all
from tests.translation.cases import Case
from tests.translation.services import Post, Service
from tubes.models import Room, Seat
from tubes.relay import reading, sessions
from tubes.relay.intake import Arrival, accept


class Ear:
    """Reads one room, whichever way its service tells; by its session, where there is one."""

    def __init__(self, seat: Seat, living: Living | None, here: Service) -> None:
        self.seat, self.living, self.here, self.token = seat, living, here, ""
        self.connector = seat.account.connector()
        if self.connector.capabilities.reading is Reading.STREAM:
            self.hear(expected=0)

    def hear(self, expected: int) -> None:
        """Take in what happened since: so many events at least."""
        room = self.seat.room
        if self.living:
            self._take(self._brought(self.living, expected))
        elif self.connector.capabilities.reading is Reading.STREAM:
            told = read(self.connector, RoomId(room.remote_id), self.token, expected=expected)
            self.token = told.place
            self._take(told.events)
        else:
            for headers, body in getattr(self.here, "pushed", list)():
                told = self.connector.receive(headers, body).events
                self._take([event for where, event in told if where == room.remote_id])
            Room.objects.exclude(pk=room.pk).update(next_poll_at=None)  # those of other cases
            Room.objects.filter(pk=room.pk).update(next_poll_at=clock.now())
            reading.poll(self.seat.account_id)

    def _take(self, events: Sequence[IncomingEvent]) -> None:
        accept([Arrival(self.seat.room_id, events, is_pushed=True)])

    @staticmethod
    def _brought(living: Living, expected: int) -> list[IncomingEvent]:
        living.wait(lambda: len(living.events) >= expected)
        events = [event for _, event in living.events]
        del living.events[: len(events)]
        return events


@contextmanager
def _session(seat: Seat) -> Iterator[Living | None]:
    """The connection by which posts at this Seat leave, as a listener keeps it; None where they need none."""
    connector = seat.account.connector()
    if not connector.capabilities.sends_by_session:
        yield None
        return
    with standing(connector, RoomId(seat.room.remote_id)) as living:
        # How long a line may be is known once the server has shown our address.
        living.wait(lambda: connector.capabilities.max_text_length == MOST_TEXT)
        sessions.stand(seat.account_id, connector)
        try:
            yield living
        finally:
            sessions.fall(seat.account_id, connector)


class Trial:
    """Accounts at services, each linked once: at some, connecting takes a second. Needs a database."""

    def __init__(self) -> None:
        self._owner = factories.user()
        self._accounts: dict[Service, LinkedAccount] = {}

    def of(self, case: Case, here: Service, others: Sequence[Service]) -> list[list[Post]]:
        """What stands at each of the others after people did this at `here`. Network I/O."""
        seat, *far = [self._seat(service) for service in (here, *others)]
        for other in far:
            factories.tube(seat, other)
        with ExitStack() as stack:
            living, *_ = [stack.enter_context(_session(each)) for each in (seat, *far)]
            _do(case, here, Ear(seat, living, here))
            return [service.standing() for service in others]

    def _seat(self, service: Service) -> Seat:
        room, login = service.enter()
        if service not in self._accounts:
            self._accounts[service] = self._linked(service.kind, login)
        account = self._accounts[service]
        row = factories.room(room, kind=account.kind, space=account.space, name=room)
        return factories.seat(account, row)

    def _linked(self, kind: str, login: Login) -> LinkedAccount:
        identity = connectors()[kind](login).verify()
        return factories.account(
            self._owner,
            kind=kind,
            server=identity.server,
            space=identity.space,
            team_id=identity.team_id,
            team_name=identity.team_name,
            remote_user_id=identity.user_id,
            remote_user_name=identity.user_name,
            credentials=dict(login.credentials),
            scopes=list(identity.scopes),
        )


def _do(case: Case, here: Service, ear: Ear) -> None:
    made: list[Any] = []
    for name, *arguments in case.actions:
        which = {None: made[-1], ...: made[0]} if made else {}
        given = [which.get(one, one) if one is None or one is ... else one for one in arguments]
        made.append(here.actions[name](*given))
        ear.hear(expected=len(made[-1]) if isinstance(made[-1], list) else 1)
        drain_all()
