from collections.abc import Iterator
from contextlib import contextmanager

from connectors.base import Login, MessageId, RoomId, UserId
from connectors.slack.scopes import with_bot
from tests.fakeslack import FakeSlack, running
from tests.fakeslack.text import unescape
from tests.fakeslack.world import Channel, Token


class SlackHarness:
    """Our own Slack, with an empty channel that the app and one person are in."""

    missing_room = RoomId("C0NOWHERE")

    def __init__(self, slack: FakeSlack) -> None:
        self.slack = slack
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


@contextmanager
def start() -> Iterator[SlackHarness]:
    with running() as slack:
        yield SlackHarness(slack)
