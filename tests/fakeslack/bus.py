"""Which app is told of what happens: what it has subscribed to, was granted, and may see.

docs.slack.dev: the Events API's envelope ("Events API", "Events dispatched as JSON"), and each event's page
for the scope that it wants.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable

from tests.fakeslack.world import App, Bot, Channel, Json, Team, World

MESSAGES = {"channel": "channels", "group": "groups", "im": "im", "mpim": "mpim"}
# The scope that an event wants; in private channels that of groups.
SCOPES = {
    "app_mention": "app_mentions:read",
    "reaction_added": "reactions:read",
    "reaction_removed": "reactions:read",
    "team_join": "users:read",
    "user_change": "users:read",
    "user_profile_changed": "users:read",
    "emoji_changed": "emoji:read",
    "team_rename": "team:read",
    "team_domain_change": "team:read",
    **dict.fromkeys(
        ("file_created", "file_shared", "file_change", "file_deleted", "file_public"), "files:read"
    ),
}
WITHOUT_SCOPE = ("tokens_revoked", "app_uninstalled")
ALL_EVENTS = {
    *(f"message.{name}" for name in MESSAGES.values()),
    *SCOPES,
    *WITHOUT_SCOPE,
    *("channel_created", "channel_rename", "channel_archive", "channel_unarchive", "channel_deleted"),
    *("channel_left", "channel_id_changed", "channel_shared", "channel_unshared"),
    *("group_rename", "group_archive", "group_unarchive", "group_deleted", "group_left"),
    *("member_joined_channel", "member_left_channel"),
}

Deliver = Callable[[App, Json], None]


class Bus:
    """Makes envelopes of events and hands them on. For the event loop's thread."""

    def __init__(self, world: World, deliver: Deliver) -> None:
        self._world, self._deliver = world, deliver

    def message(self, channel: Channel, event: Json) -> None:
        """A `message` event, of any subtype, to the apps whose bots are members."""
        prefix = channel.kind if channel.kind in ("im", "mpim") else f"{channel.kind}s"
        name, scope = f"message.{MESSAGES[channel.kind]}", f"{prefix}:history"
        event = event | {"channel": channel.id, "channel_type": channel.kind}
        self._tell(name, scope, event, self._members(channel), channel)

    def in_channel(self, channel: Channel, event: Json) -> None:
        """An event of a channel to the apps whose bots are members."""
        self._tell(event["type"], self._scope(event, channel), event, self._members(channel), channel)

    def to_member(self, bot: Bot, channel: Channel, event: Json) -> None:
        """An event of a channel that is for one bot alone: it was called by name."""
        self._tell(event["type"], SCOPES[event["type"]], event, [bot], channel)

    def of_channel(self, channel: Channel, event: Json) -> None:
        """What becomes of a channel: of a public one every app of its workspace is told."""
        if channel.is_private:
            return self.in_channel(channel, event)
        bots = [bot for team in channel.teams for bot in self._bots(team)]
        return self._tell(event["type"], "channels:read", event, bots, channel)

    def everywhere(self, team: Team, event: Json) -> None:
        """An event of a workspace."""
        self._tell(event["type"], SCOPES.get(event["type"], ""), event, self._bots(team))

    def to_app(self, bot: Bot, event: Json) -> None:
        """An event of one installation, which may have ended by it."""
        if event["type"] in bot.app.events:
            self._deliver(bot.app, self._envelope(bot, event, None))

    def limited(self, app: App) -> Json:
        """What an app is sent that was to be told too much in a minute: more than 30,000 events an hour."""
        team = next(bot.team for bot in self._world.bots.values() if bot.app is app)
        minute = int(self._world.now()) // 60 * 60
        told = {"token": app.verification_token, "type": "app_rate_limited", "team_id": team.id}
        return told | {"minute_rate_limited": minute, "api_app_id": app.id}

    def _tell(
        self, name: str, scope: str, event: Json, bots: Iterable[Bot], channel: Channel | None = None
    ) -> None:
        """Once to each app, as by one of its installations, however many see it."""
        told: set[App] = set()
        for bot in bots:
            is_wanted = name in bot.app.events and (not scope or scope in bot.scopes)
            if is_wanted and bot.app not in told:
                told.add(bot.app)
                self._deliver(bot.app, self._envelope(bot, event, channel))

    def _envelope(self, bot: Bot, event: Json, channel: Channel | None) -> Json:
        event = event if "event_ts" in event else event | {"event_ts": f"{self._world.now():.6f}"}
        place = {
            "et": event["type"],
            "tid": bot.team.id,
            "aid": bot.app.id,
            "cid": channel.id if channel else "",
        }
        authorization = {
            "enterprise_id": bot.team.enterprise_id,
            "team_id": bot.team.id,
            "user_id": bot.user.id,
            "is_bot": True,
            "is_enterprise_install": False,
        }
        return {
            "token": bot.app.verification_token,
            "team_id": bot.team.id,
            "context_team_id": bot.team.id,
            "context_enterprise_id": bot.team.enterprise_id,
            "api_app_id": bot.app.id,
            "event": event,
            "type": "event_callback",
            "event_id": self._world.new_id("Ev"),
            "event_time": int(self._world.now()),
            "authorizations": [authorization],
            "is_ext_shared_channel": bool(channel and channel.is_shared),
            "event_context": f"4-{base64.urlsafe_b64encode(json.dumps(place).encode()).decode()}",
        }

    def _bots(self, team: Team) -> list[Bot]:
        return [bot for bot in self._world.bots.values() if bot.is_active and bot.team is team]

    @staticmethod
    def _members(channel: Channel) -> list[Bot]:
        return [user.bot for user in channel.members if user.bot and user.bot.is_active]

    @staticmethod
    def _scope(event: Json, channel: Channel) -> str:
        return SCOPES.get(event["type"], "groups:read" if channel.is_private else "channels:read")
