"""A workspace with an app in it, and slack-sdk as its client."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from slack_sdk import WebClient

from tests.fakeslack import FakeSlack, running
from tests.fakeslack.receiver import Receiver, receiving
from tests.fakeslack.world import App, Bot, Channel, Token, User
from tests.waiting import PATIENCE


@dataclass
class Office:
    """One channel with Ann and the bot in it, and what the app has."""

    slack: FakeSlack
    app: App
    token: Token
    ann: User
    bob: User
    room: Channel

    @property
    def bot(self) -> Bot:
        assert self.token.bot
        return self.token.bot

    def client(self, token: str | None = None) -> WebClient:
        """slack-sdk as the bot, or with another token; it does not try again by itself."""
        value = self.token.value if token is None else token
        return WebClient(token=value, base_url=self.slack.api, timeout=int(PATIENCE), retry_handlers=[])


@pytest.fixture
def office() -> Iterator[Office]:
    with running() as slack:
        ann, bob, app = slack.person("ann"), slack.person("bob"), slack.app()
        token = slack.install(app, by=ann)
        slack.core.deliveries.within = PATIENCE  # what is told again for a busy machine is not what is asked
        assert token.bot
        yield Office(slack, app, token, ann, bob, slack.channel("talk", ann, bob, token.bot))


@pytest.fixture
def client(office: Office) -> WebClient:
    return office.client()


@pytest.fixture
def receiver(office: Office) -> Iterator[Receiver]:
    """Where the app's events arrive."""
    with receiving() as receiver:
        office.slack.listen(office.app, receiver.url)
        yield receiver
