"""What a test does with the fake: people who talk, channels that change, apps that are installed.

Every method may be called from any thread and returns once it has been done; what apps are told of it is on
its way then (`settle` waits for that).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from tests.fakeslack import text
from tests.fakeslack.commands import Asked
from tests.fakeslack.faults import Fault
from tests.fakeslack.slack import Slack
from tests.fakeslack.world import App, Bot, Channel, Enterprise, File, Json, Message, Team, Token, User

PATIENCE = 30.0  # seconds

Result = TypeVar("Result")


class FakeSlack:
    """One running Slack. It begins with one workspace, `team`, and nobody in it."""

    def __init__(self, slack: Slack, loop: asyncio.AbstractEventLoop) -> None:
        self.core, self._loop = slack, loop
        self.url = slack.url
        self.api = f"{slack.url}/api/"
        self.authorize_url = f"{slack.url}/oauth/v2/authorize"
        self.team = self.workspace("Acme")

    # ------------------------------------------------------------------ what there is

    def workspace(self, name: str, *, enterprise: str = "") -> Team:
        """A workspace, perhaps of an Enterprise organisation."""

        def make() -> Team:
            team = self.core.workspace(name, name.lower().replace(" ", "-"))
            if enterprise:
                team.enterprise = Enterprise(self.core.world.new_id("E"), enterprise)
            return team

        return self._do(make)

    def person(self, name: str = "ann", *, team: Team | None = None, **more: Any) -> User:
        """Somebody; `more` are fields of `User`. Apps are told who has come."""
        world, full_name = self.core.world, more.pop("real_name", f"{name.capitalize()} Example")

        def make() -> User:
            email = more.pop("email", f"{name}@example.org")
            shown = more.pop("display_name", name)
            of_enterprise = (team or self.team).enterprise is not None
            id = world.new_id("W" if of_enterprise else "U")
            user = User(id, team or self.team, name, full_name, shown, email, **more)
            world.users[user.id] = user
            self.core.places.tell_user(user, "team_join")
            return user

        return self._do(make)

    def channel(
        self,
        name: str,
        *members: User | Bot,
        team: Team | None = None,
        is_private: bool = False,
        creator: User | None = None,
    ) -> Channel:
        """A channel with these members; nobody was told that they came."""

        def make() -> Channel:
            people = [one.user if isinstance(one, Bot) else one for one in members]
            by = creator or next(iter(people), None) or self.core.world.users["USLACKBOT"]
            channel = self.core.places.create(
                team or self.team, by, name, "group" if is_private else "channel"
            )
            channel.members = list(dict.fromkeys(people))
            return channel

        return self._do(make)

    def app(self, name: str = "Sameroom", **more: Any) -> App:
        """An app as its maker has set it up; `more` are fields of `App`. It is installed nowhere yet."""
        return self._do(lambda: self.core.app(name, **more))

    def app_of(self, manifest: Json) -> App:
        """The app that a manifest describes. ValueError for what Slack would refuse."""
        return self._do(lambda: self.core.app_of(manifest))

    def install(
        self, app: App, *, by: User | None = None, team: Team | None = None, scopes: Any = None
    ) -> Token:
        """Install an app in a workspace; its bot token, with the bot as `token.bot`."""
        world, installer = self.core.world, by or self._somebody(team or self.team)

        def make() -> Token:
            return world.new_token(world.install(app, installer, list(scopes or app.scopes)))

        return self._do(make)

    def _somebody(self, team: Team) -> User:
        people = [one for one in self.core.world.users.values() if one.team is team and not one.bot]
        return next((one for one in people if one.name != "slackbot"), None) or self.person(
            "owner", team=team
        )

    def app_token(self, app: App, *scopes: str) -> Token:
        """An app-level token; with the scope of Socket Mode unless others are named."""
        return self._do(lambda: self.core.world.new_app_token(app, list(scopes or ("connections:write",))))

    def user_token(self, app: App, user: User, *scopes: str) -> Token:
        """A token with which the app acts as that person."""
        return self._do(lambda: self.core.world.new_user_token(app, user, list(scopes)))

    # ------------------------------------------------------------------ what people say

    def say(self, channel: Channel, user: User, typed: str, **more: Any) -> Message:
        """Somebody types something: it is escaped and linked as their client does. `more`: of `Message`."""
        return self.post(channel, user, text.escape(typed), **more)

    def post(self, channel: Channel, user: User, wire: str, **more: Any) -> Message:
        """The same with the text as Slack keeps it: `<@U123>`, `<!here>`, `&lt;`."""
        return self._do(lambda: self.core.talking.post(channel, user, wire, **more))

    def reply(self, to: Message, user: User, typed: str, *, broadcast: bool = False) -> Message:
        """Somebody answers in a thread, and has the channel see it where it is broadcast."""
        subtype = "thread_broadcast" if broadcast else ""
        thread_ts = to.thread_ts or to.ts
        return self.say(to.channel, user, typed, thread_ts=thread_ts, subtype=subtype)

    def edit(self, message: Message, typed: str, *, by: User | None = None) -> None:
        """The author, or somebody else who may, replaces the text."""
        who = by or message.user
        assert who
        self._do(lambda: self.core.talking.edit(message, who, text.escape(typed)))

    def delete(self, message: Message) -> None:
        self._do(lambda: self.core.talking.delete(message))

    def unfurl(self, message: Message, *attachments: Json) -> None:
        """Slack itself adds what a link leads to."""
        self._do(lambda: self.core.talking.unfurl(message, list(attachments)))

    def preview(self, link: str, attachment: Json) -> None:
        """What Slack shows beneath this link from now on; with an `image_url` it counts as media."""
        self._do(lambda: self.core.world.previews.update({link: attachment}))

    def react(self, message: Message, user: User, name: str) -> None:
        self._do(lambda: self.core.talking.react(message, user, name))

    def unreact(self, message: Message, user: User, name: str) -> None:
        self._do(lambda: self.core.talking.unreact(message, user, name))

    def upload(
        self, channel: Channel, user: User, name: str, content: bytes, comment: str = "", thread_ts: str = ""
    ) -> Message:
        """Somebody shows a file, perhaps with words and in a thread."""

        def share() -> Message:
            file = self.core.files.begin_by(user, name, content)
            return self.core.talking.share(channel, [file], text.escape(comment), thread_ts=thread_ts)

        return self._do(share)

    def upload_link(self, channel: Channel, user: User, name: str, url: str) -> Message:
        """Somebody shows a file that another service keeps: its `url_private` leads there."""

        def share() -> Message:
            file = self.core.files.begin_by(user, name, b"")
            file.url, file.is_elsewhere = url, True
            return self.core.talking.share(channel, [file], "")

        return self._do(share)

    def hide_file(self, file: File) -> None:
        """It has become too old for a workspace that pays nothing; nobody is told."""
        file.is_hidden = True

    def delete_file(self, file: File) -> None:
        self._do(lambda: self.core.talking.delete_file(file))

    def command(self, channel: Channel, user: User, app: App, command: str, words: str = "") -> Asked:
        """Somebody types a slash command; what they were shown, once the app has answered."""
        return self._await(self.core.commands.ask(channel, user, app, command, words))

    # ------------------------------------------------------------------ what becomes of channels and people

    def join(self, channel: Channel, who: User | Bot, *, inviter: User | None = None) -> None:
        """Somebody comes in, or a bot is brought in."""
        user = who.user if isinstance(who, Bot) else who
        self._do(lambda: self.core.places.join(channel, user, inviter))

    def leave(self, channel: Channel, who: User | Bot) -> None:
        """Somebody goes, or a bot is taken out."""
        user = who.user if isinstance(who, Bot) else who
        self._do(lambda: self.core.places.leave(channel, user))

    def rename(self, channel: Channel, name: str) -> None:
        self._do(lambda: self.core.places.rename(channel, channel.creator, name))

    def set_topic(self, channel: Channel, topic: str) -> None:
        self._do(lambda: self.core.places.set_topic(channel, channel.creator, topic))

    def convert(self, channel: Channel) -> None:
        """A public channel becomes private, or a private one public."""
        self._do(lambda: self.core.places.convert(channel, channel.creator))

    def archive(self, channel: Channel) -> None:
        self._do(lambda: self.core.places.archive(channel, channel.creator))

    def unarchive(self, channel: Channel) -> None:
        self._do(lambda: self.core.places.unarchive(channel, channel.creator))

    def delete_channel(self, channel: Channel) -> None:
        self._do(lambda: self.core.places.delete(channel, channel.creator))

    def change_id(self, channel: Channel) -> str:
        """The channel goes on under another id; the new one."""
        return self._do(lambda: self.core.places.change_id(channel))

    def connect(self, channel: Channel, team: Team) -> None:
        """Share a channel with another workspace."""
        self._do(lambda: self.core.places.connect(channel, team))

    def disconnect(self, channel: Channel, team: Team) -> None:
        self._do(lambda: self.core.places.disconnect(channel, team))

    def change_person(self, user: User, **values: Any) -> None:
        """Fields of `User` become others: another name, another picture, deactivated."""

        def change() -> None:
            for name, value in values.items():
                setattr(user, name, value)
            self.core.places.tell_user(user)

        self._do(change)

    def add_emoji(self, name: str, value: str, *, team: Team | None = None) -> None:
        self._do(lambda: self.core.places.add_emoji(team or self.team, name, value))

    def remove_emoji(self, name: str, *, team: Team | None = None) -> None:
        self._do(lambda: self.core.places.remove_emoji(team or self.team, name))

    def rename_workspace(self, team: Team, name: str) -> None:
        self._do(lambda: self.core.places.rename_team(team, name))

    # ------------------------------------------------------------------ what becomes of installations

    def revoke(self, token: Token) -> None:
        """A token is void from now on."""
        self._do(lambda: self.core.places.revoke(token))

    def uninstall(self, bot: Bot) -> None:
        """Somebody takes the app out of the workspace."""
        self._do(lambda: self.core.places.uninstall(bot))

    def pass_time(self, seconds: float) -> None:
        """Have tokens expire: their clock goes on by so much."""

        def advance() -> None:
            self.core.world.ahead += seconds

        self._do(advance)

    def listen(self, app: App, url: str) -> None:
        """Give the app a request URL, as on its settings page. RuntimeError where it is not verified."""
        if trouble := self._await(self.core.deliveries.verify(app, url)):
            raise RuntimeError(f"{url} was not verified: {trouble}")
        app.request_url = url

    def limit_events(self, app: App) -> None:
        """Tell the app that its events of a minute were too many: `app_rate_limited`."""
        self._do(lambda: self.core.start(self.core.deliveries.bring(app, self.core.bus.limited(app))))

    def refresh_sockets(self, app: App, reason: str = "refresh_requested", pause: float = 0.0) -> None:
        """Have an app renew its connections: `warning`, then `refresh_requested`; or `link_disabled`."""
        self._await(self.core.sockets.disconnect(app, reason, pause))

    def cut_sockets(self, app: App, most: int | None = None) -> None:
        """Its connections, or so many of them, are gone, without a word."""
        self._await(self.core.sockets.cut(app, most))

    def connections(self, app: App) -> int:
        """How many WebSockets it has."""
        return self._do(lambda: len(self.core.sockets.of(app)))

    # ------------------------------------------------------------------ what is to go wrong

    def fault(self, kind: str, **values: Any) -> None:
        """Spoil what comes; `values` are fields of `faults.Fault`."""
        self._do(lambda: self.core.faults.add(Fault(kind, **values)))

    def clear_faults(self) -> None:
        self._do(self.core.faults.clear)

    def limit(self, *, minute: float = 60.0, posting: float = 1.0, burst: int = 1) -> None:
        """Enforce the rate limits from now on; `minute` and `posting` are seconds."""
        limits = self.core.limits
        limits.enforced, limits.minute, limits.posting, limits.burst = True, minute, posting, burst

    # ------------------------------------------------------------------ what came of it

    def history(self, channel: Channel) -> list[Message]:
        """Every message that stands there, replies too, oldest first."""
        return self._do(lambda: list(channel.messages.values()))

    def texts(self, channel: Channel) -> list[str]:
        """Their texts, but for who came and went."""
        said = ("", "bot_message", "file_share", "me_message", "thread_broadcast")
        return [one.text for one in self.history(channel) if one.subtype in said]

    def calls(self, channel: Channel) -> list[str]:
        """Whom the messages there ping: `!channel`, `@U123`."""
        found = ([*text.calls(one.text), *text.calls_in(one.blocks)] for one in self.history(channel))
        return [called for one in found for called in dict.fromkeys(one)]

    def errors(self) -> list[tuple[str, str]]:
        """The methods that were refused, each with its error."""
        return [call for call in list(self.core.called) if call[1]]

    def has_told_all(self) -> bool:
        """Whether every app was told everything, or that was given up."""
        return self._do(lambda: self.core.is_quiet)

    def settle(self, within: float = PATIENCE) -> None:
        """Wait until every app was told everything. AssertionError where that takes too long."""
        ends = time.monotonic() + within
        while not self.has_told_all():
            assert time.monotonic() < ends, "events are still under way"
            time.sleep(0.01)

    def _do(self, work: Callable[[], Result]) -> Result:
        async def run() -> Result:
            return work()

        return self._await(run())

    def _await(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)
