"""An installation for a while: stores, a stub service, workers, and rows for them to work on."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from bench.measuring import Times
from bench.pairs import names
from bench.processes import Failed, Peer, Process, running
from standalone.processes import BEAT, LISTENER, WARNINGS, WEB, WORKER
from stub.control import Stub
from tests import servers

PUSHED = "push,history,ids"
WARM_WITHIN = 90.0  # seconds for the first message in every room
WARM_TUBES = 200  # of many, so many are enough
CONNECTORS = "hipchat,irc,stub.connector"


@dataclass(frozen=True, slots=True)
class Shape:
    """How large an installation is, and what runs of it."""

    tubes: int
    features: str = PUSHED
    per_owner: int = 10
    workers: int = 2
    with_web: bool = False
    listeners: int = 0
    server: str = ""  # where the accounts are; "" at the stub service

    @property
    def is_pushed(self) -> bool:
        """Else the relay polls the service."""
        return "push" in self.features.split(",")


@dataclass
class World:
    """A running installation."""

    shape: Shape
    stub: Stub
    stub_process: Process
    folder: Path
    environment: dict[str, str]
    generator: Peer | None = None
    processes: dict[str, Process] = field(default_factory=dict)  # ours, by label
    stores: dict[str, int] = field(default_factory=dict)  # label → process id

    @property
    def rooms(self) -> list[tuple[str, str]]:
        return names(self.shape.tubes)

    @property
    def destinations(self) -> list[str]:
        return [destination for _, destination in self.rooms]

    @property
    def pids(self) -> dict[str, int]:
        """Whose CPU and memory counts, by label."""
        ours = {label: process.pid for label, process in self.processes.items()}
        tools = {"stub": self.stub_process.pid}
        if self.generator:
            tools["intake"] = self.generator.pid
        return ours | self.stores | tools

    def begin(self, latency: float) -> None:
        """Empty rooms, and so many seconds for every send. Not while they are polled: they would be gone."""
        self.stub.forget()
        self.stub.add_rooms(name for pair in self.rooms for name in pair)
        self.stub.switch(latency=latency)

    def wait_until_stored(self, handed_in: Mapping[str, Any], within: float) -> None:
        """Return once as many messages were stored as were handed in. Raises Failed."""
        wanted, ends = sum(len(times) for times in handed_in.values()), time.monotonic() + within
        while True:
            stored = self.stub.counts().stored
            found = sum(stored[room] for room in handed_in)
            if found >= wanted:
                return
            self.check()
            if time.monotonic() > ends:
                raise Failed(f"Only {found} of {wanted} messages had arrived after {within:.0f} seconds.")
            time.sleep(0.02)

    def wait_until_idle(self, within: float) -> None:
        """Return once no delivery is open any more. Raises Failed."""
        assert self.generator
        ends = time.monotonic() + within
        while unfinished := self.generator.ask("unfinished"):
            self.check()
            if time.monotonic() > ends:
                raise Failed(f"{unfinished} deliveries had not ended after {within:.0f} seconds.")
            time.sleep(0.2)

    def check(self) -> None:
        """Raise Failed where a process has ended."""
        for process in [
            *self.processes.values(),
            self.stub_process,
            *([self.generator] if self.generator else []),
        ]:
            process.check()


@contextmanager
def on_servers(shape: Shape) -> Iterator[World]:
    """PostgreSQL with its default durability, Redis, workers and beat; the generator plays the web."""
    with ExitStack() as stack:
        world = _bare_world(shape, stack)
        database = stack.enter_context(servers.postgres(durable=True))
        broker = stack.enter_context(servers.redis())
        assert database.process
        assert broker.process
        world.stores = {"PostgreSQL": database.process.pid, "Redis": broker.process.pid}
        world.environment |= {"DATABASE_URL": database.url, "REDIS_URL": f"{broker.url}/0"}
        _populate(world, stack)
        for label, words in _commands(shape).items():
            process = Process(label, ["-m", *words], world.environment, world.folder)
            stack.enter_context(running(process))
            world.processes[label] = process
        if shape.is_pushed:
            warm_up(world)
        yield world


@contextmanager
def in_one_process(shape: Shape) -> Iterator[World]:
    """The local default: SQLite, and one process that the stub service pushes to."""
    with ExitStack() as stack:
        world = _bare_world(shape, stack)
        port = servers.free_port()
        world.environment |= {"PORT": str(port), "PUBLIC_URL": f"http://127.0.0.1:{port}"}
        _populate(world, stack)
        process = Process("Sameroom", ["manage.py", "run"], world.environment, world.folder)
        stack.enter_context(running(process))
        world.processes["Sameroom"] = process
        _wait_until_up(world, f"http://127.0.0.1:{port}/")
        yield world


def warm_up(world: World) -> None:
    """One message through every Tube, or many of them: connections are open, and caches filled."""
    assert world.generator
    world.begin(0.0)
    handed_in: Times = world.generator.ask("one_each", threads=8, most=WARM_TUBES)
    world.wait_until_stored(handed_in, WARM_WITHIN)
    world.wait_until_idle(WARM_WITHIN)


def _wait_until_up(world: World, address: str) -> None:
    ends = time.monotonic() + WARM_WITHIN
    while True:
        world.check()
        try:
            requests.get(address, timeout=5)
        except requests.ConnectionError:
            if time.monotonic() > ends:
                raise Failed(f"Nobody answers at {address}.") from None
            time.sleep(0.1)
        else:
            return


def _bare_world(shape: Shape, stack: ExitStack) -> World:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sameroom-bench-")))
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment |= {
        "LOCAL": "1",
        "VAR_DIR": str(folder / "var"),
        "CONNECTORS": CONNECTORS,
        "DJANGO_SETTINGS_MODULE": "sameroom.settings",
        "PYTHONWARNINGS": WARNINGS,
        # What the measuring person's shell or .env says does not count.
        "DATABASE_URL": "",
        "REDIS_URL": "",
        "CELERY_BROKER_URL": "",
        "DEBUG": "0",
    }
    process = Peer("stub", ["-m", "stub"], environment, folder)
    stack.enter_context(running(process))
    stub = Stub(process.first_line())
    stack.enter_context(contextlib.closing(stub))
    world = World(shape, stub, process, folder, environment)
    world.begin(0.0)
    return world


def _populate(world: World, stack: ExitStack) -> None:
    world.generator = Peer("generator", ["-m", "bench.generator"], world.environment, world.folder)
    stack.enter_context(running(world.generator))
    shape = world.shape
    world.generator.ask(
        "populate",
        server=shape.server or world.stub.url,
        tubes=shape.tubes,
        features=shape.features,
        per_owner=shape.per_owner,
    )


def _commands(shape: Shape) -> dict[str, tuple[str, ...]]:
    workers = {
        f"worker {number}": (*WORKER, "-n", f"bench{number}@%h") for number in range(1, shape.workers + 1)
    }
    listeners = {f"listener {number}": LISTENER for number in range(1, shape.listeners + 1)}
    others = {"beat": BEAT} if shape.workers else {}
    return workers | listeners | others | ({"web": WEB} if shape.with_web else {})
