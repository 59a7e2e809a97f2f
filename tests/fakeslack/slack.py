"""One Slack with everything it consists of. For its event loop; `control.py` is how others reach it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from tests.fakeslack.bus import Bus
from tests.fakeslack.deliveries import Deliveries
from tests.fakeslack.faults import Faults
from tests.fakeslack.limits import Limits
from tests.fakeslack.places import Places
from tests.fakeslack.talking import Talking
from tests.fakeslack.world import SLACKBOT, App, Json, Team, User, World


class Slack:
    """All workspaces, all apps, and how they are told."""

    def __init__(self) -> None:
        self.url = ""  # known once it listens
        self.world = World()
        self.limits, self.faults = Limits(), Faults()
        self.bus = Bus(self.world, self.deliver)
        self.talking = Talking(self.world, self.bus)
        self.places = Places(self.world, self.bus, self.talking)
        self.deliveries = Deliveries(self)
        self.called: list[tuple[str, str]] = []  # methods, each with its error
        self.envelopes: list[tuple[App, Json]] = []  # every event that an app was to be told
        self._under_way: set[asyncio.Task[None]] = set()

    def workspace(self, name: str, domain: str) -> Team:
        """A workspace, with Slackbot in it."""
        team = Team(self.world.new_id("T"), name, domain)
        self.world.teams[team.id] = team
        self.world.users.setdefault(SLACKBOT, User(SLACKBOT, team, "slackbot", "Slackbot", "Slackbot"))
        return team

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
        if app.request_url:
            await self.deliveries.bring(app, envelope)

    async def close(self) -> None:
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self.deliveries.close()
