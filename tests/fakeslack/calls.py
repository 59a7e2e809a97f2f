"""A call of the Web API: who calls, with which arguments, and whether they may.

docs.slack.dev, "Using the Slack Web API": arguments by query, form or JSON; `ok` in every answer; what a
method's page names as scope, tier and content types.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.fakeslack.refusals import Refused
from tests.fakeslack.world import App, Bot, Channel, Json, Token, User, World

if TYPE_CHECKING:
    from tests.fakeslack.slack import Slack

READ = {"channel": "channels:read", "group": "groups:read", "im": "im:read", "mpim": "mpim:read"}
HISTORY = {kind: scope.replace("read", "history") for kind, scope in READ.items()}


@dataclass
class Call:
    """One call whose token was found good. `args` are strings, or what JSON holds."""

    slack: Slack
    method: str
    args: Json
    token: Token | None
    headers: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def world(self) -> World:
        return self.slack.world

    @property
    def caller(self) -> Token:
        assert self.token
        return self.token

    @property
    def user(self) -> User:
        """Who acts: the bot's user, or the person."""
        return self.caller.person

    @property
    def bot(self) -> Bot | None:
        return self.caller.bot

    @property
    def app(self) -> App:
        return self.caller.app

    def text(self, name: str, default: str = "") -> str:
        value = self.args.get(name, default)
        return value if isinstance(value, str) else json.dumps(value)

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.args.get(name)
        return default if value in (None, "") else str(value).lower() in ("1", "true")

    def number(self, name: str, default: int, most: int) -> int:
        """A whole number from 1 to `most`, which is what more than that counts as."""
        try:
            value = int(self.args.get(name) or default)
        except ValueError:
            raise Refused("invalid_arguments") from None
        if value < 1:
            raise Refused("invalid_limit")
        return min(value, most)

    def structure(self, name: str, error: str) -> Any:
        """JSON, which a form carries as a string; None where it is not given."""
        value = self.args.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise Refused(error) from None

    def require(self, scope: str) -> None:
        """Raises Refused where the token was not granted a scope."""
        if scope not in self.caller.scopes:
            raise Refused("missing_scope", needed=scope, provided=",".join(self.caller.scopes))

    def channel(self, scopes: dict[str, str] | None = None) -> Channel:
        """The channel that is meant. One that the caller cannot see does not exist for them."""
        channel = self.world.channels.get(self.text("channel"))
        if channel is None or not self.sees(channel):
            raise Refused("channel_not_found")
        if scopes:
            self.require(scopes[channel.kind])
        return channel

    def sees(self, channel: Channel) -> bool:
        return self.user in channel.members or (not channel.is_private and self.user.team in channel.teams)

    def as_member(self, channel: Channel) -> None:
        if self.user not in channel.members:
            raise Refused("not_in_channel")


Function = Callable[[Call], Json]


@dataclass(frozen=True)
class Method:
    """A method, and what its page says of it."""

    name: str
    function: Function
    tier: int
    scopes: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ("bot", "user")  # none: it is called without
    takes_json: bool = True
    own_limit: bool = False  # it counts by itself


METHODS: dict[str, Method] = {}


def method(name: str, *, tier: int, **more: Any) -> Callable[[Function], Function]:
    """Make a function a method of the Web API."""

    def add(function: Function) -> Function:
        METHODS[name] = Method(name, function, tier, **more)
        return function

    return add


def token_of(slack: Slack, method: Method, value: str) -> Token | None:
    """The token of a call. Raises Refused for one that is of no use here."""
    if not method.tokens:
        return None
    if not value:
        raise Refused("not_authed")
    token = slack.world.tokens.get(value)
    if token is None:
        raise Refused("invalid_auth")
    if token.refused:
        raise Refused(token.refused)
    if token.user and token.user.is_deleted:
        raise Refused("account_inactive")
    if token.expires is not None and token.expires <= slack.world.now():
        raise Refused("token_expired")
    if token.kind not in method.tokens:
        raise Refused("not_allowed_token_type")
    return token


def run(slack: Slack, name: str, args: Json, value: str) -> tuple[Json, Token | None, Call]:
    """Do what is asked. Raises Refused, and Limited."""
    found = METHODS.get(name)
    if found is None:
        raise Refused("unknown_method", req_method=name)
    token = token_of(slack, found, value)
    call = Call(slack, name, args, token)
    for scope in found.scopes:
        call.require(scope)
    if token and not found.own_limit:
        slack.limits.take(found.tier, (name, token.app.id, token.bot.team.id if token.bot else ""))
    return {"ok": True} | found.function(call), token, call


def page(call: Call, items: list[Any], key: str, *, limit: int) -> tuple[list[Any], Json]:
    """A piece of a list, and the metadata that leads to the next; `key` keeps cursors of lists apart."""
    start = 0
    if cursor := call.text("cursor"):
        start = cursor_in(cursor, key)
        if start > len(items):
            raise Refused("invalid_cursor")
    following = cursor_for(key, start + limit) if start + limit < len(items) else ""
    return items[start : start + limit], {"response_metadata": {"next_cursor": following}}


def cursor_for(key: str, place: int) -> str:
    return base64.b64encode(f"{key}:{place}".encode()).decode()


def cursor_in(cursor: str, key: str) -> int:
    try:
        found, _, place = base64.b64decode(cursor, validate=True).decode().rpartition(":")
        if found == key:
            return int(place)
    except ValueError:
        pass
    raise Refused("invalid_cursor")
