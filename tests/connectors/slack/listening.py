"""A workspace that tells by Socket Mode, with the app and one person in a channel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from unittest.mock import patch

import pytest

from connectors.base import Login, RoomId
from connectors.slack.connector import SlackConnector
from connectors.slack.sockets import Sockets
from tests.connectors.irc.living import Living
from tests.connectors.slack.harness import SocketHarness
from tests.fakeslack import FakeSlack, running
from tests.waiting import PATIENCE


class ListeningHarness(SocketHarness):
    """What tests of the connections need beside it."""

    def __init__(self, slack: FakeSlack) -> None:
        super().__init__(slack)
        self.streams: list[Sockets] = []

    def take_your_time(self) -> None:
        """Tell nothing again because nobody has acknowledged it yet."""
        self.slack.core.deliveries.within = PATIENCE

    def waits_to_be_stored(self) -> int:
        """How many envelopes have come by the last stream, behind those that are being stored."""
        return self.streams[-1]._came.qsize()

    def connector(self, **credentials: str) -> SlackConnector:
        known = {**self.login.credentials, **credentials}
        login = Login(self.login.server, known, self.login.user_id, self.login.team_id, self.login.scopes)
        return SlackConnector(login)

    @property
    def sockets(self):
        return self.slack.core.sockets

    @contextmanager
    def listening(self, *rooms: str, token: str = "") -> Iterator[Living]:
        """The stream, once both its connections stand."""
        open_ = Sockets.open

        async def noted(sockets: Sockets) -> None:
            self.streams.append(sockets)
            await open_(sockets)

        one = Living(self.connector(), [RoomId(room) for room in rooms or [self.room]], token)  # type: ignore[arg-type]
        try:
            with patch.object(Sockets, "open", noted):
                one.start()
                one.wait(lambda: one.batches or one.is_over)
            if not one.is_over:
                one.wait(lambda: self.slack.connections(self.app) >= 2)
                one.wait(lambda: one.token or one.is_over)  # with none to begin with, what was said last
            yield one
        finally:
            one.holds.set()
            one.stop()

    def acknowledged(self) -> Sequence[str]:
        """The envelopes that were acknowledged."""
        return list(self.sockets.acknowledged)


@pytest.fixture
def office() -> Iterator[ListeningHarness]:
    with running() as slack:
        yield ListeningHarness(slack)
