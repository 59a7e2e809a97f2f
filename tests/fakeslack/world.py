"""What the workspaces hold: people, channels, messages, files, apps and their tokens. Plain data.

Names are Slack's own. Nothing here does network I/O or tells anybody; `happenings.py` does.
"""

from __future__ import annotations

import itertools
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
LIFE_OF_A_TOKEN = 43_200  # seconds, where tokens rotate (docs.slack.dev, "Using token rotation")
SLACKBOT = "USLACKBOT"


@dataclass(eq=False)
class Enterprise:
    """An Enterprise organisation, which has workspaces."""

    id: str
    name: str


@dataclass(eq=False)
class Team:
    """A workspace."""

    id: str
    name: str
    domain: str
    enterprise: Enterprise | None = None
    emoji: dict[str, str] = field(default_factory=dict)  # custom ones: a picture's address, or "alias:name"

    @property
    def enterprise_id(self) -> str | None:
        return self.enterprise.id if self.enterprise else None


@dataclass(eq=False)
class User:
    """A person, or the user that an app's bot is."""

    id: str
    team: Team
    name: str
    real_name: str
    display_name: str
    email: str = ""
    avatar: str = ""
    updated: int = 0
    is_deleted: bool = False
    is_restricted: bool = False  # a guest
    bot: Bot | None = None


@dataclass(eq=False)
class App:
    """An app as api.slack.com keeps it: its secrets, what it asks for, and how it is told of events."""

    id: str
    name: str
    client_id: str
    client_secret: str
    signing_secret: str
    verification_token: str
    scopes: list[str]  # of the bot token
    events: set[str]  # bot events, as in its manifest: `message.channels`, `reaction_added`
    redirect_urls: list[str] = field(default_factory=list)
    request_url: str = ""
    command_urls: dict[str, str] = field(default_factory=dict)  # by slash command
    socket_mode: bool = False
    token_rotation: bool = False
    is_unlisted: bool = (
        False  # sold outside the Marketplace: history is read once a minute, 15 messages a time
    )


@dataclass(eq=False)
class Bot:
    """An app's installation in a workspace: its bot and what it was granted."""

    id: str
    app: App
    team: Team
    user: User
    scopes: list[str]
    installer: User
    is_active: bool = True


@dataclass(eq=False)
class Token:
    """A token of a bot (`xoxb-`), a person (`xoxp-`) or an app (`xapp-`)."""

    value: str
    app: App
    scopes: list[str]
    bot: Bot | None = None
    user: User | None = None
    expires: float | None = None  # as `World.now` counts
    refresh: str = ""
    refused: str = ""  # the error that it is answered with, once it is void

    @property
    def kind(self) -> str:
        return "bot" if self.bot else "user" if self.user else "app"

    @property
    def person(self) -> User:
        """Who acts with it."""
        who = self.bot.user if self.bot else self.user
        assert who
        return who

    @property
    def team(self) -> Team:
        return self.person.team


@dataclass(eq=False)
class File:
    """An uploaded file."""

    id: str
    name: str
    title: str
    user: User
    content: bytes
    size: int
    created: int
    url: str  # private: it wants a token
    mimetype: str = ""
    alt_txt: str = ""
    bot: Bot | None = None
    is_uploaded: bool = False
    is_complete: bool = False
    is_deleted: bool = False
    is_hidden: bool = False  # too old for what the workspace pays
    is_elsewhere: bool = False  # a link to another service, which `url` is: no business of our token's
    shares: dict[Channel, list[Message]] = field(default_factory=dict)


@dataclass(eq=False)
class Message:
    """One message of a channel."""

    ts: str
    channel: Channel
    user: User | None
    text: str
    subtype: str = ""
    bot: Bot | None = None
    username: str = ""  # set by `chat:write.customize`, as are the icons
    icons: dict[str, str] = field(default_factory=dict)
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    metadata: Json | None = None
    thread_ts: str = ""  # of a reply, or of a parent once it has replies
    edited: tuple[User, str] | None = None
    reactions: dict[str, list[User]] = field(default_factory=dict)
    files: list[File] = field(default_factory=list)
    client_msg_id: str = ""
    names: str = "both"  # what says who has posted it, of a bot's: `user`, `bot`, or `both`
    unfurls_links: bool = True
    unfurls_media: bool = True
    replies: list[Message] = field(default_factory=list)
    more: Json = field(default_factory=dict)  # what only its subtype has: `inviter`, `old_name`

    @property
    def is_reply(self) -> bool:
        return bool(self.thread_ts) and self.thread_ts != self.ts

    @property
    def parent(self) -> Message | None:
        return self.channel.messages.get(self.thread_ts) if self.is_reply else None


@dataclass(eq=False)
class Channel:
    """A conversation: a public or private channel, a direct message, a group of people."""

    id: str
    name: str
    teams: list[Team]  # the first one is its host; others are there by Slack Connect
    creator: User
    created: int
    kind: str = "channel"  # as events say it: channel, group, im, mpim
    is_archived: bool = False
    is_read_only: bool = False
    members: list[User] = field(default_factory=list)
    topic: str = ""
    purpose: str = ""
    previous_names: list[str] = field(default_factory=list)
    messages: dict[str, Message] = field(default_factory=dict)  # by ts, oldest first
    newest: int = 0  # microseconds

    @property
    def is_private(self) -> bool:
        return self.kind != "channel"

    @property
    def is_shared(self) -> bool:
        return len(self.teams) > 1


class World:
    """All workspaces of this Slack. For one thread."""

    def __init__(self) -> None:
        self.teams: dict[str, Team] = {}
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.files: dict[str, File] = {}
        self.apps: dict[str, App] = {}
        self.bots: dict[str, Bot] = {}
        self.tokens: dict[str, Token] = {}
        self.refreshes: dict[str, Token] = {}
        self.ahead = 0.0  # seconds by which the clock of tokens is ahead of the real one
        # Which end of a range is paged from where only `oldest` is given. The documentation of the methods
        # before conversations.history said: the oldest; what is said of that one says: the newest.
        self.pages_forward = False
        # What names the author of a bot's upload: there are reports of each (`user`, `bot`, `both`).
        self.bot_uploads = "both"
        self.previews: dict[str, Json] = {}  # what Slack shows beneath links, by their address
        # No two runs have the same ids: a test that knows one by heart would be wrong.
        self._numbers = itertools.count(secrets.randbelow(36**7) + 36**8)

    def new_id(self, prefix: str) -> str:
        """An id such as Slack's: a letter that says of what, then digits and capitals."""
        return f"{prefix}0{_base36(next(self._numbers))}"

    def now(self) -> float:
        return time.time() + self.ahead

    def new_ts(self, channel: Channel) -> str:
        """The time as `seconds.microseconds`, which no other message of the channel has."""
        channel.newest = max(time.time_ns() // 1000, channel.newest + 1)
        return stamp(channel.newest)

    def bot_of(self, app: App, team: Team) -> Bot | None:
        """The app's installation there, if it stands."""
        bots = (bot for bot in self.bots.values() if bot.app is app and bot.team is team and bot.is_active)
        return next(bots, None)

    def install(self, app: App, installer: User, scopes: list[str]) -> Bot:
        """Install an app; an installation that stands is granted the scopes on top of its own."""
        bot = next((one for one in self.bots.values() if one.app is app and one.team is installer.team), None)
        if bot is None:
            name = app.name.lower().replace(" ", "_")
            user = User(self.new_id("U"), installer.team, name, app.name, "", updated=int(self.now()))
            bot = Bot(self.new_id("B"), app, installer.team, user, [], installer)
            user.bot = bot
            self.users[user.id], self.bots[bot.id] = user, bot
        granted = bot.scopes if bot.is_active else []
        bot.scopes = [*dict.fromkeys([*granted, *scopes])]
        bot.is_active, bot.installer, bot.user.is_deleted = True, installer, False
        return bot

    def new_token(self, bot: Bot) -> Token:
        """A token of the bot; it expires where its app's tokens rotate."""
        rotates = bot.app.token_rotation
        prefix = "xoxe.xoxb-1-" if rotates else "xoxb-"
        token = Token(f"{prefix}{bot.team.id[1:]}-{secrets.token_hex(12)}", bot.app, list(bot.scopes), bot)
        if rotates:
            token.expires = self.now() + LIFE_OF_A_TOKEN
            token.refresh = f"xoxe-1-{secrets.token_hex(20)}"
            self.refreshes[token.refresh] = token
        self.tokens[token.value] = token
        return token

    def new_user_token(self, app: App, user: User, scopes: list[str]) -> Token:
        """A token with which the app acts as a person."""
        token = Token(f"xoxp-{user.team.id[1:]}-{secrets.token_hex(12)}", app, scopes, user=user)
        self.tokens[token.value] = token
        return token

    def new_app_token(self, app: App, scopes: list[str]) -> Token:
        """An app-level token, which Socket Mode needs."""
        token = Token(f"xapp-1-{app.id}-{secrets.token_hex(12)}", app, scopes)
        self.tokens[token.value] = token
        return token


def stamp(microseconds: int) -> str:
    """A `ts`."""
    return f"{microseconds // 1_000_000}.{microseconds % 1_000_000:06d}"


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[digit] + digits
    return digits
