import atexit
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import timedelta
from functools import cache
from unittest.mock import patch

import pytest
from slack_sdk import WebClient

from connectors.base import Login, MessageId, RoomId, UserId
from connectors.slack import streaming
from connectors.slack.scopes import EVENTS, with_bot
from tests import slackservers
from tests.fakeslack import FakeSlack, running
from tests.fakeslack.deliveries import WITHIN
from tests.fakeslack.text import escape, unescape
from tests.fakeslack.world import Channel, Token
from tests.waiting import PATIENCE


class SlackHarness:
    """Our own Slack, with an empty channel that the app and one person are in."""

    missing_room = RoomId("C0NOWHERE")

    def __init__(self, slack: FakeSlack) -> None:
        self.slack = slack
        slack.core.deliveries.within = PATIENCE  # what is told again for a busy machine is not what is asked
        self.person = slack.person("ann", display_name="Ann")
        self.app = slack.app()
        self.token = slack.install(self.app)
        assert self.token.bot
        self.bot = self.token.bot
        self.channel = slack.channel("contract", self.person, self.bot)
        self.room = RoomId(self.channel.id)
        self.secrets = (self.token.value, self.app.signing_secret)
        self.login = self.login_of(self.token)
        self.bad_login = Login(self.login.server, {"token": "xoxb-wrong-token"})

    def login_of(self, token: Token, **credentials: str) -> Login:
        """The login of an installation, with what Slack says that it may do."""
        known = {"token": token.value, "signing_secret": self.app.signing_secret}
        assert token.bot
        return Login(
            self.slack.api.rstrip("/"),
            known | credentials,
            UserId(token.bot.user.id),
            token.bot.team.id,
            with_bot(token.scopes, token.bot.id),
        )

    def another(self, name: str = "other", **more: object) -> Channel:
        """One more channel with the app and the person in it."""
        return self.slack.channel(name, self.person, self.bot, **more)

    def say(self, text: str) -> MessageId:
        return MessageId(self.slack.say(self.channel, self.person, text).ts)

    def texts(self) -> list[str]:
        return [unescape(text).replace("\u200b", "") for text in self.slack.texts(self.channel)]


class SocketHarness(SlackHarness):
    """The same Slack, with an app that has switched Socket Mode on."""

    def __init__(self, slack: FakeSlack) -> None:
        super().__init__(slack)
        slack.core.deliveries.within = WITHIN  # where a connection breaks, it is waited for
        self.app.socket_mode = True
        self.app.events = set(EVENTS)
        self.app_token = slack.app_token(self.app)
        self.secrets = (*self.secrets, self.app_token.value)
        self.login = self.login_of(self.token, app_token=self.app_token.value)


@contextmanager
def start() -> Iterator[SlackHarness]:
    with running() as slack:
        yield SlackHarness(slack)


@cache
def emulator() -> slackservers.Emulate:
    """The emulator of this test process, started once."""
    standing = ExitStack()
    atexit.register(standing.close)
    return standing.enter_context(slackservers.emulate())


class EmulateHarness:
    """Slack as others have read its documentation, with an empty channel that the app and Ann are in."""

    missing_room = RoomId("C0NOWHERE")

    def __init__(self, slack: slackservers.Emulate) -> None:
        self.person, token = slack.client("ann"), slack.install()["access_token"]
        bot = WebClient(token=token, base_url=slack.api)
        name = f"contract-{secrets.token_hex(4)}"
        self.room = RoomId(self.person.conversations_create(name=name)["channel"]["id"])
        bot.conversations_join(channel=self.room)
        us = bot.auth_test()
        self.secrets = (token, slack.signing_secret)
        known = {"token": token, "signing_secret": slack.signing_secret}
        scopes = with_bot(slackservers.SCOPES, us["bot_id"])
        self.login = Login(slack.api.rstrip("/"), known, UserId(us["user_id"]), us["team_id"], scopes)
        self.bad_login = Login(self.login.server, {"token": "xoxb-wrong-token"})

    def say(self, text: str) -> MessageId:
        return MessageId(self.person.chat_postMessage(channel=self.room, text=escape(text))["ts"])

    def texts(self) -> list[str]:
        told = self.person.conversations_history(channel=self.room)["messages"]
        said = [one["text"] for one in reversed(told) if one.get("subtype") != "channel_join"]
        return [unescape(text).replace("\u200b", "") for text in said]


@contextmanager
def start_emulate() -> Iterator[EmulateHarness]:
    yield EmulateHarness(emulator())


@contextmanager
def start_socket() -> Iterator[SlackHarness]:
    """Without what is read twice for safety: the suite counts."""
    with running() as slack, patch.object(streaming, "BEHIND", timedelta(0)):
        yield SocketHarness(slack)


# The contract suite is run against both, and by both ways to listen. local-slack, which takes any token, and
# Backlot, which has no bots, are left to test_emulators.py.
VARIANTS: Mapping[str, Callable[[], AbstractContextManager[SlackHarness | EmulateHarness]]] = {
    "fake": start,
    "socket": start_socket,
    "emulate": start_emulate,
}
MARKS = {"emulate": (pytest.mark.xdist_group("slackservers"),)}
