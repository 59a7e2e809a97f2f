"""A workspace that tells by Socket Mode, with the app and one person in a channel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from connectors.base import Login, RoomId
from connectors.slack.connector import SlackConnector
from connectors.slack.scopes import EVENTS
from tests.connectors.irc.living import Living
from tests.connectors.slack.harness import SlackHarness
from tests.fakeslack import running


class SocketHarness(SlackHarness):
    """The same Slack, with an app that has switched Socket Mode on."""

    def __init__(self, slack) -> None:
        super().__init__(slack)
        self.app.socket_mode = True
        self.app.events = set(EVENTS)
        self.app_token = slack.app_token(self.app)
        self.login = self.login_of(self.token, app_token=self.app_token.value)

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
            yield one
        finally:
            one.holds.set()
            one.stop()

    def acknowledged(self) -> Sequence[str]:
        """The envelopes that were acknowledged."""
        return list(self.sockets.acknowledged)


@pytest.fixture
def office() -> Iterator[SocketHarness]:
    with running() as slack:
        yield SocketHarness(slack)
