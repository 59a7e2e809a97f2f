"""One Slack with everything it consists of. For its event loop; `control.py` is how others reach it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine
from typing import Any

from tests.fakeslack.bus import ALL_EVENTS, Bus
from tests.fakeslack.commands import Commands
from tests.fakeslack.deliveries import Deliveries
from tests.fakeslack.faults import Faults
from tests.fakeslack.limits import Limits
from tests.fakeslack.methods_files import Files
from tests.fakeslack.oauth import OAuth, fields_of
from tests.fakeslack.pages import Pages
from tests.fakeslack.places import Places
from tests.fakeslack.sockets import Sockets
from tests.fakeslack.talking import Talking
from tests.fakeslack.world import SLACKBOT, App, Json, Team, User, World

# What an app such as Sameroom asks for.
SCOPES = [
    *("app_mentions:read", "channels:history", "channels:join", "channels:read", "chat:write"),
    *("chat:write.customize", "commands", "emoji:read", "files:read", "files:write", "groups:history"),
    *("groups:read", "reactions:read", "reactions:write", "team:read", "users:read"),
]


class Slack:
    """All workspaces, all apps, and how they are told."""

    def __init__(self) -> None:
        self.url = ""  # known once it listens
        self.world = World()
        self.limits, self.faults = Limits(), Faults()
        self.bus = Bus(self.world, self.deliver)
        self.talking = Talking(self.world, self.bus)
        self.places = Places(self.world, self.bus, self.talking)
        self.deliveries, self.sockets = Deliveries(self), Sockets(self)
        self.commands, self.files, self.oauth = Commands(self), Files(self), OAuth(self)
        self.pages = Pages(self)
        self.called: list[tuple[str, str]] = []  # methods, each with its error
        self.envelopes: list[tuple[App, Json]] = []  # every event that an app was to be told
        self._under_way: set[asyncio.Task[None]] = set()

    def workspace(self, name: str, domain: str) -> Team:
        """A workspace, with Slackbot in it."""
        team = Team(self.world.new_id("T"), name, domain)
        self.world.teams[team.id] = team
        self.world.users.setdefault(SLACKBOT, User(SLACKBOT, team, "slackbot", "Slackbot", "Slackbot"))
        return team

    def app(self, name: str, **given: Any) -> App:
        """An app with secrets of its own; `given` are fields of `App`."""
        number = self.world.new_id("").lower()
        of_its_own = {
            "client_id": f"{int(number, 36)}.{secrets.randbelow(10**12)}",
            "client_secret": f"client-secret-{secrets.token_hex(12)}",
            "signing_secret": secrets.token_hex(16),
            "verification_token": f"verification-{secrets.token_hex(8)}",
            "scopes": list(SCOPES),
            "events": set(ALL_EVENTS),
        }
        app = App(id=f"A{number.upper()}", name=name, **(of_its_own | given))
        self.world.apps[app.id] = app
        return app

    def app_of(self, manifest: Json) -> App:
        """The app that a manifest describes. ValueError for what Slack would refuse."""
        return self.app(**fields_of(manifest))

    def deliver(self, app: App, envelope: Json) -> None:
        """Bring an event to an app, as the faults of the moment have it. Returns at once."""
        self.envelopes.append((app, envelope))
        fault = self.faults.of_event(envelope["event"]["type"])
        kind = fault.kind if fault else ""
        if kind == "event_lost":
            return
        if kind == "event_malformed":
            envelope = envelope | {"event": {"type": envelope["event"]["type"], "channel": 7, "ts": None}}
        delay = fault.delay if fault and kind == "event_late" else 0.0
        for _ in range(2 if kind == "event_twice" else 1):
            self.start(self._bring(app, envelope, delay))

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside everything else."""
        task = asyncio.get_running_loop().create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    @property
    def is_quiet(self) -> bool:
        """Whether everything that was to be told has been taken, or given up."""
        return not self._under_way

    async def _bring(self, app: App, envelope: Json, delay: float) -> None:
        if delay:
            await asyncio.sleep(delay)
        if app.socket_mode:
            await self.sockets.bring(app, envelope)
        elif app.request_url:
            await self.deliveries.bring(app, envelope)

    async def close(self) -> None:
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self.deliveries.close()
        await self.sockets.close()
