"""A workspace that tells by Socket Mode, with the app and one person in a channel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from connectors.base import Login, RoomId
from connectors.slack.connector import SlackConnector
from tests.connectors.irc.living import Living
from tests.connectors.slack.harness import SocketHarness
from tests.fakeslack import running


class ListeningHarness(SocketHarness):
    """What tests of the connections need beside it."""

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
        one = Living(self.connector(), [RoomId(room) for room in rooms or [self.room]], token)  # type: ignore[arg-type]
        one.start()
        try:
            one.wait(lambda: one.batches or one.is_over, within=20)
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
