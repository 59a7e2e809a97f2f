"""What becomes of channels, people, workspaces and installations. Whoever may know is told of each."""

from __future__ import annotations

from tests.fakeslack.bus import Bus
from tests.fakeslack.shapes import channel_json, user_json
from tests.fakeslack.talking import Talking
from tests.fakeslack.world import Bot, Channel, Json, Team, Token, User, World


class Places:
    """Changes who and what there is."""

    def __init__(self, world: World, bus: Bus, talking: Talking) -> None:
        self._world, self._bus, self._talking = world, bus, talking

    # ------------------------------------------------------------------ channels

    def create(self, team: Team, creator: User, name: str, kind: str = "channel") -> Channel:
        """A channel with its creator in it."""
        world = self._world
        channel = Channel(world.new_id(_LETTERS[kind]), name, [team], creator, int(world.now()), kind)
        channel.members.append(creator)
        world.channels[channel.id] = channel
        told = channel_json(channel) | {"is_frozen": False}
        if kind == "channel":
            self._bus.everywhere(team, {"type": "channel_created", "channel": told})
        return channel

    def join(self, channel: Channel, user: User, inviter: User | None = None) -> None:
        """Somebody comes in; the channel says so, but for direct messages."""
        channel.members.append(user)
        event: Json = {"type": "member_joined_channel", "user": user.id, "channel": channel.id}
        event |= {"channel_type": "G" if channel.is_private else "C", "team": user.team.id}
        event |= {"inviter": inviter.id} if inviter else {}
        self._bus.in_channel(channel, event)
        subtype = "group_join" if channel.is_private else "channel_join"
        more = {"inviter": inviter.id} if inviter else {}
        self._talking.post(channel, user, f"<@{user.id}> has joined the channel", subtype=subtype, more=more)

    def leave(self, channel: Channel, user: User) -> None:
        """Somebody goes, or is taken out. Of a bot's own going its app hears by `channel_left` alone."""
        channel.members.remove(user)
        event = {"type": "member_left_channel", "user": user.id, "channel": channel.id}
        event |= {"channel_type": "G" if channel.is_private else "C", "team": user.team.id}
        self._bus.in_channel(channel, event)
        if user.bot:
            kind = "group_left" if channel.is_private else "channel_left"
            self._bus.to_app(user.bot, {"type": kind, "channel": channel.id, "actor_id": user.id})
        else:
            subtype = "group_leave" if channel.is_private else "channel_leave"
            self._talking.post(channel, user, f"<@{user.id}> has left the channel", subtype=subtype)

    def rename(self, channel: Channel, by: User, name: str) -> None:
        old, channel.name = channel.name, name
        channel.previous_names.append(old)
        told = {"id": channel.id, "name": name, "name_normalized": name, "created": channel.created}
        told |= {"is_channel": not channel.is_private, "is_mpim": False}
        self._bus.of_channel(channel, {"type": f"{_word(channel)}_rename", "channel": told})
        said = f'has renamed the channel from "{old}" to "{name}"'
        more = {"old_name": old, "name": name}
        self._talking.post(channel, by, said, subtype=f"{_word(channel)}_name", more=more)

    def set_topic(self, channel: Channel, by: User, topic: str) -> None:
        channel.topic = topic
        said = f"set the channel topic: {topic}"
        subtype = f"{_word(channel)}_topic"
        self._talking.post(channel, by, said, subtype=subtype, more={"topic": topic})

    def convert(self, channel: Channel, by: User) -> None:
        """Make a public channel private, or a private one public; its id stays."""
        if channel.is_private:
            channel.kind, word = "channel", "public"
            said = "made this channel *public*. Any member in this workspace can see and join it."
        else:
            channel.kind, word = "group", "private"
            said = "made this channel *private*. Now, it can only be viewed or joined by invitation."
        self._talking.post(channel, by, said, subtype=f"channel_convert_to_{word}")

    def archive(self, channel: Channel, by: User) -> None:
        said = "archived the channel"
        self._talking.post(channel, by, said, subtype=f"{_word(channel)}_archive")
        channel.is_archived = True
        event = {"type": f"{_word(channel)}_archive", "channel": channel.id, "user": by.id, "is_moved": 0}
        self._bus.of_channel(channel, event)

    def unarchive(self, channel: Channel, by: User) -> None:
        channel.is_archived = False
        event = {"type": f"{_word(channel)}_unarchive", "channel": channel.id, "user": by.id}
        event |= {"actor_id": by.id} if channel.is_private else {}
        self._bus.of_channel(channel, event)
        said = "un-archived the channel"
        self._talking.post(channel, by, said, subtype=f"{_word(channel)}_unarchive")

    def delete(self, channel: Channel, by: User) -> None:
        event = {"type": f"{_word(channel)}_deleted", "channel": channel.id, "actor_id": by.id}
        self._bus.of_channel(channel, event)
        del self._world.channels[channel.id]

    def connect(self, channel: Channel, team: Team) -> None:
        """Share a channel with another workspace, by Slack Connect."""
        channel.teams.append(team)
        event = {"type": "channel_shared", "connected_team_id": team.id, "channel": channel.id}
        self._bus.of_channel(channel, event)

    def disconnect(self, channel: Channel, team: Team) -> None:
        """The other workspace is out of it, with its people."""
        event = {"type": "channel_unshared", "previously_connected_team_id": team.id, "channel": channel.id}
        self._bus.of_channel(channel, event | {"is_ext_shared": len(channel.teams) > 2})
        channel.teams.remove(team)
        channel.members = [user for user in channel.members if user.team is not team]

    def change_id(self, channel: Channel) -> str:
        """The channel goes on under another id, as one does that is shared anew; the new one."""
        old, channel.id = channel.id, self._world.new_id(_LETTERS[channel.kind])
        del self._world.channels[old]
        self._world.channels[channel.id] = channel
        event = {"type": "channel_id_changed", "old_channel_id": old, "new_channel_id": channel.id}
        self._bus.of_channel(channel, event)
        return channel.id

    # ------------------------------------------------------------------ people and workspaces

    def tell_user(self, user: User, kind: str = "user_change") -> None:
        """`user_change`, and `user_profile_changed` beside it; or `team_join`."""
        user.updated = max(int(self._world.now()), user.updated + 1)
        event: Json = {"type": kind, "user": user_json(user), "cache_ts": user.updated}
        self._bus.everywhere(user.team, event)
        if kind == "user_change":
            self._bus.everywhere(user.team, event | {"type": "user_profile_changed"})

    def add_emoji(self, team: Team, name: str, value: str) -> None:
        team.emoji[name] = value
        event = {"type": "emoji_changed", "subtype": "add", "name": name, "value": value}
        self._bus.everywhere(team, event)

    def remove_emoji(self, team: Team, name: str) -> None:
        del team.emoji[name]
        self._bus.everywhere(team, {"type": "emoji_changed", "subtype": "remove", "names": [name]})

    def rename_team(self, team: Team, name: str) -> None:
        team.name = name
        self._bus.everywhere(team, {"type": "team_rename", "name": name, "team_id": team.id})

    # ------------------------------------------------------------------ installations

    def revoke(self, token: Token) -> None:
        """One token is of no use any more; its app is told."""
        token.refused = "token_revoked"
        self._world.refreshes.pop(token.refresh, None)
        if token.bot or token.user:
            tokens = (
                {"oauth": [], "bot": [token.person.id]}
                if token.bot
                else {"oauth": [token.person.id], "bot": []}
            )
            bot = token.bot or self._world.bot_of(token.app, token.team)
            if bot:
                self._bus.to_app(bot, {"type": "tokens_revoked", "tokens": tokens})

    def uninstall(self, bot: Bot) -> None:
        """The app is taken out of the workspace: its bot leaves everything, its tokens are void."""
        tokens = [token for token in self._world.tokens.values() if token.bot is bot]
        for channel in self._world.channels.values():
            channel.members = [user for user in channel.members if user is not bot.user]
        for token in tokens:
            token.refused = "account_inactive"
            self._world.refreshes.pop(token.refresh, None)
        bot.is_active, bot.user.is_deleted = False, True
        event = {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [bot.user.id]}}
        self._bus.to_app(bot, event)
        self._bus.to_app(bot, {"type": "app_uninstalled"})


_LETTERS = {"channel": "C", "group": "C", "im": "D", "mpim": "C"}


def _word(channel: Channel) -> str:
    """As the names of events have it: `channel_rename`, `group_rename`."""
    return "group" if channel.is_private else "channel"
