"""One run: start everything, let the generator and the faults loose, wait until all is quiet, judge."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
from cryptography.fernet import Fernet

from chaos import network
from chaos.family import Family, Member
from chaos.faults import Applied, Stage
from chaos.generator import Generator, Talker
from chaos.judge import Verdict, judge
from chaos.rows import Rows
from chaos.schedule import Conductor, Planned
from chaos.services import Elsewhere, Line, SandboxSide, StubSide, wait_until_answers
from chaos.stepped import Clock
from sameroom.env import BASE_DIR
from tests.servers import Server, free_port

AN_HOUR = 3600.0  # seconds; more than a clock is ever put back
QUIET_FOR = 3.0  # seconds without anything to do
TELL_EVERY = 10.0  # seconds between two lines about how it goes
# Seconds for which a verdict with breaches may still change: longer than a lease, and than the 25 in which
# HipChat's documented limit has five rooms read, once Redis has forgotten a learned one.
LOOK_AGAIN = 45.0


class SuiteFailed(Exception):
    """The suite itself could not do what it planned: the run says nothing about the relay."""


@dataclass(frozen=True, slots=True)
class Options:
    """What one run shall be."""

    seed: int
    messages: int
    minutes: float
    planned: Sequence[Planned]
    only_messages: bool = False  # no edits, no deletes
    patience: float = 300.0  # seconds for everything to arrive after the last fault
    tubes: str = network.TUBES
    talker: Callable[..., Talker] = Generator
    elsewhere: Sequence[Elsewhere] = ()  # further services, running
    stands: Callable[[Stage, Sequence[network.Link]], dict[network.Room, list[Line]]] | None = None
    request_limit: int = 1_000_000  # of the sandbox: per token in five minutes
    flood_limit: int = 1_000_000  # per room in a minute
    at_the_end: Callable[[Stage], None] = lambda stage: None  # before anything is stopped


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run came to."""

    verdict: Verdict
    applied: list[Applied]
    allowed_unknown: int  # sends on the wire where nobody can look, when something was killed
    done: int  # messages, edits and deletes
    deliveries: dict[str, int]
    seconds: float
    fallen: list[str]  # our processes that ended by themselves
    generator: Talker

    @property
    def is_good(self) -> bool:
        verdict = self.verdict
        is_clean = not (verdict.breaches or verdict.untold or self.fallen)
        return is_clean and len(verdict.unknown) <= self.allowed_unknown


Say = Callable[[str], None]


def run(options: Options, folder: Path, postgres: Server, redis: Server, say: Say) -> Outcome:
    """Run once on these servers, which are left running. Logs go to `folder`."""
    clock = Clock(folder / "clock")
    environment = _environment(folder, postgres, redis, options.elsewhere)
    plan = network.links(options.tubes)
    with _services(folder, environment, options) as (stub, sandbox):
        say("Linking accounts and opening Tubes ...")
        clock.step(-AN_HOUR)  # a clock that is put back shall not be before the Tubes' own beginning
        _set_up(environment, options, stub, sandbox)
        clock.step(AN_HOUR)
        family = Family(folder, environment)
        rows = Rows(postgres.url)
        hidden = {room.name for room in network.rooms(plan) if not room.lets_check}
        stage = Stage(family, postgres, redis, clock, stub, sandbox, rows, hidden, options.elsewhere)
        conductor = Conductor(stage, options.planned)
        family.start()
        try:
            wait_until_answers(environment["PUBLIC_URL"])
            outcome = _under_fire(options, stage, conductor, say)
            options.at_the_end(stage)
            if not outcome.is_good:
                rows.dump(folder)
            return outcome
        finally:
            family.stop()
            conductor.close()


def _under_fire(options: Options, stage: Stage, conductor: Conductor, say: Say) -> Outcome:
    seconds, begun = options.minutes * 60, time.monotonic()
    origins = network.origins(network.links(options.tubes))
    generator = options.talker(
        stage.stub,
        stage.sandbox,
        origins,
        total=options.messages,
        seconds=seconds,
        seed=options.seed,
        only_messages=options.only_messages,
    )
    generator.start()
    conductor.start()
    told = begun
    while generator.is_alive() or conductor.is_alive():
        time.sleep(0.2)
        if time.monotonic() - told > TELL_EVERY:
            told = time.monotonic()
            say(_progress(stage, generator, told - begun))
    stage.stub.control.clear_faults()
    stage.sandbox.clear_faults()
    # What was put off until a time that the clock has already shown shall not keep us waiting for it.
    stage.clock.step(stage.clock.furthest - stage.clock.offset)
    errors = [*conductor.errors, *([repr(generator.error)] if generator.error else [])]
    if errors:
        raise SuiteFailed("; ".join(errors))
    verdict = _wait_for_the_end(options, stage, generator, say)
    return Outcome(
        verdict=verdict,
        applied=stage.applied,
        allowed_unknown=_allowed(stage),
        done=generator.done,
        deliveries=dict(stage.rows.deliveries()),
        seconds=time.monotonic() - begun,
        fallen=stage.family.fallen,
        generator=generator,
    )


def _progress(stage: Stage, generator: Talker, seconds: float) -> str:
    try:
        backlog = stage.rows.backlog()
        waits = f"{backlog.open} deliveries open, {backlog.held} events held"
    except psycopg2.Error:
        waits = "the database is away"
    return f"{seconds:5.0f} s  {generator.done} things said, {waits}, {len(stage.applied)} faults"


def _wait_for_the_end(options: Options, stage: Stage, generator: Talker, say: Say) -> Verdict:
    """Wait until nothing is left to do and the verdict is good, or does not get better any more."""
    ends = time.monotonic() + options.patience
    quiet_since, told = None, 0.0
    plan = network.links(options.tubes)
    while True:
        now = time.monotonic()
        try:
            backlog = stage.rows.backlog()
        except psycopg2.OperationalError:  # cut off as the last fault ended
            time.sleep(1.0)
            backlog = stage.rows.backlog()
        is_quiet = not (backlog.open or backlog.held or stage.stub.control.counts().events_waiting)
        is_quiet = is_quiet and all(side.has_told_all() for side in stage.elsewhere)
        quiet_since = (quiet_since or now) if is_quiet else None
        if now > ends or (quiet_since and now - quiet_since >= QUIET_FOR):
            stands = (options.stands or histories)(stage, plan)
            verdict = judge(generator.said, plan, stands, stage.rows.unknown())
            is_settled = quiet_since is not None and now - quiet_since >= LOOK_AGAIN
            if not verdict.breaches or is_settled or now > ends:
                return verdict
        if now - told > TELL_EVERY:
            told = now
            say(f"       waiting: {backlog.open} deliveries open, {backlog.held} events held")
        time.sleep(1.0)


def histories(stage: Stage, plan: Sequence[network.Link]) -> dict[network.Room, list[Line]]:
    """What stands in every room."""
    rooms = network.rooms(plan)
    found = stage.sandbox.lines([room for room in rooms if room.is_hipchat])
    return found | {room: stage.stub.lines(room) for room in rooms if not room.is_hipchat}


def _allowed(stage: Stage) -> int:
    """Sends on the wire where nobody can look, at every kill, and those that a fault left in doubt."""
    doubts = stage.stub.control.counts().doubts
    at_kills = sum(one.hidden_in_flight for one in stage.applied)
    return at_kills + sum(count for room, count in doubts.items() if room in stage.hidden)


# ----------------------------------------------------------------- setting up


def _environment(
    folder: Path, postgres: Server, redis: Server, elsewhere: Sequence[Elsewhere]
) -> dict[str, str]:
    """Everything that our processes are told; nothing of the caller's own settings counts."""
    port = free_port()
    return {
        "DJANGO_SETTINGS_MODULE": "chaos.settings",
        "CHAOS_CLOCK": str(folder / "clock"),
        "LOCAL": "1",
        "DEBUG": "0",
        "VAR_DIR": str(folder / "var"),
        "SECRET_KEY": "only-for-the-chaos-suite",
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "DATABASE_URL": postgres.url,
        "REDIS_URL": f"{redis.url}/0",
        "CELERY_BROKER_URL": "",
        "CONNECTORS": ",".join(["hipchat", "stub.connector", *(side.kind for side in elsewhere)]),
    } | {name: value for side in elsewhere for name, value in side.environment.items()}


@contextmanager
def _services(
    folder: Path, environment: dict[str, str], options: Options
) -> Iterator[tuple[StubSide, SandboxSide]]:
    """The two chat services as processes of their own, with their rooms."""
    ports = free_port(), free_port()
    sandbox_command = (
        *("django", "sandbox", "--port", str(ports[1]), "--database", ":memory:"),
        *("--request-limit", str(options.request_limit), "--flood-limit", str(options.flood_limit)),
    )
    members = [
        Member("stub", ("stub", "--port", str(ports[0])), environment, folder / "stub.log"),
        Member("sandbox", sandbox_command, environment, folder / "sandbox.log"),
    ]
    try:
        for member, port in zip(members, ports, strict=True):
            member.start()
            wait_until_answers(f"http://127.0.0.1:{port}")
        stub = StubSide(f"http://127.0.0.1:{ports[0]}")
        sandbox = SandboxSide(f"http://127.0.0.1:{ports[1]}")
        rooms = network.rooms(network.links(options.tubes))
        for side in options.elsewhere:
            side.add_rooms([room for room in rooms if room.profile == side.kind])
            rooms = [room for room in rooms if room.profile != side.kind]
        stub.add_rooms(room for room in rooms if not room.is_hipchat)
        sandbox.add_rooms(room for room in rooms if room.is_hipchat)
        for room in rooms:  # by what stands there two owners prove that they see the same room
            (sandbox if room.is_hipchat else stub).say([(room, "P1", "Good morning.")])
        yield stub, sandbox
    finally:
        for member in members:
            member.terminate()


def _set_up(environment: dict[str, str], options: Options, stub: StubSide, sandbox: SandboxSide) -> None:
    logins: dict[str, Any] = {}
    elsewhere = {side.kind: side for side in options.elsewhere}
    for link in network.links(options.tubes):
        for room in (link.a, link.b):
            side = elsewhere.get(room.profile, sandbox if room.is_hipchat else stub)
            logins[f"{link.owner} {room.profile}"] = side.login(link.owner, room.profile)
    made = subprocess.run(
        [sys.executable, "-m", "chaos.setting_up"],
        input=json.dumps({"tubes": options.tubes, "logins": logins}),
        cwd=BASE_DIR,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    for hook in json.loads(made.stdout)["hooks"]:
        stub.control.hook(**hook)
