"""The faults: each a function that does its harm, waits, and mends it again."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import psutil
import psycopg2
import redis as redis_client

from chaos.family import Family, Member
from chaos.rows import Rows
from chaos.services import Elsewhere, SandboxSide, StubSide
from chaos.stepped import Clock
from tests.servers import Server

DOWN = (0.2, 3.0)  # seconds until somebody starts again what was killed
FROZEN = (5.0, 40.0)  # shorter and longer than a lease


@dataclass(slots=True)
class Applied:
    """One fault as it happened."""

    kind: str
    at: float  # seconds since 1970
    in_flight: int  # sends on the wire
    hidden_in_flight: int  # of them, into rooms where nobody can look what became of them


@dataclass
class Stage:
    """Everything that a fault may get hold of."""

    family: Family
    postgres: Server
    redis: Server
    clock: Clock
    stub: StubSide
    sandbox: SandboxSide
    rows: Rows
    hidden: Collection[str]  # names of the rooms that let nobody check
    elsewhere: Sequence[Elsewhere] = ()
    applied: list[Applied] = field(default_factory=list)
    kill_lock: threading.Lock = field(default_factory=threading.Lock)  # one store is down at a time

    def note(self, kind: str, *, may_cut_sends: bool = True) -> None:
        """Count a fault; before it, or while what it hits stands still."""
        try:
            counted = self.rows.sending(), self.rows.sending(self.hidden) if may_cut_sends else 0
        except psycopg2.Error:  # the database is what is down
            counted = self.stub.control.counts().in_flight, len(self.hidden)
        self.applied.append(Applied(kind, time.time(), *counted))


Fault = Callable[[Stage, random.Random], None]
FAULTS: dict[str, Fault] = {}


def fault(kind: str) -> Callable[[Fault], Fault]:
    """Register a fault under its name."""

    def registered(function: Fault) -> Fault:
        FAULTS[kind] = function
        return function

    return registered


def _pause(chosen: random.Random, between: tuple[float, float] = DOWN) -> None:
    time.sleep(chosen.uniform(*between))


# ----------------------------------------------------------------- our processes


def _kill(stage: Stage, kind: str, member: Member, chosen: random.Random, *, sends: bool) -> None:
    with member.lock:
        member.freeze()  # so that what it had on the wire can be counted
        stage.note(kind, may_cut_sends=sends)
        member.kill()
        _pause(chosen)
        member.start()


def _terminate(stage: Stage, kind: str, member: Member, chosen: random.Random, *, sends: bool) -> None:
    with member.lock:
        stage.note(kind, may_cut_sends=sends)
        member.terminate()
        _pause(chosen)
        member.start()


@fault("worker-kill")
def kill_worker(stage: Stage, chosen: random.Random) -> None:
    _kill(stage, "worker-kill", chosen.choice(stage.family.workers), chosen, sends=True)


@fault("worker-term")
def terminate_worker(stage: Stage, chosen: random.Random) -> None:
    _terminate(stage, "worker-term", chosen.choice(stage.family.workers), chosen, sends=True)


@fault("worker-freeze")
def freeze_worker(stage: Stage, chosen: random.Random) -> None:
    """What it holds is taken over by the other one, and then it wakes up."""
    member = chosen.choice(stage.family.workers)
    with member.lock:
        member.freeze()
        stage.note("worker-freeze")
        _pause(chosen, FROZEN)
        member.thaw()


@fault("web-kill")
def kill_web(stage: Stage, chosen: random.Random) -> None:
    _kill(stage, "web-kill", stage.family.web, chosen, sends=False)


@fault("web-term")
def terminate_web(stage: Stage, chosen: random.Random) -> None:
    _terminate(stage, "web-term", stage.family.web, chosen, sends=False)


@fault("listener-kill")
def kill_listener(stage: Stage, chosen: random.Random) -> None:
    """The other one takes its streams over, and what is posted by them."""
    _kill(stage, "listener-kill", chosen.choice(stage.family.listeners), chosen, sends=True)


@fault("listener-term")
def terminate_listener(stage: Stage, chosen: random.Random) -> None:
    _terminate(stage, "listener-term", chosen.choice(stage.family.listeners), chosen, sends=True)


@fault("beat-kill")
def kill_beat(stage: Stage, chosen: random.Random) -> None:
    _kill(stage, "beat-kill", stage.family.beat, chosen, sends=False)


@fault("beat-term")
def terminate_beat(stage: Stage, chosen: random.Random) -> None:
    _terminate(stage, "beat-term", stage.family.beat, chosen, sends=False)


# ----------------------------------------------------------------- stores


@fault("redis-flush")
def flush_redis(stage: Stage, chosen: random.Random) -> None:
    with stage.kill_lock:
        stage.note("redis-flush", may_cut_sends=False)
        with redis_client.Redis.from_url(stage.redis.url) as client:
            client.flushall()


@fault("redis-kill")
def kill_redis(stage: Stage, chosen: random.Random) -> None:
    with stage.kill_lock:
        stage.note("redis-kill", may_cut_sends=False)
        stage.redis.kill()
        _pause(chosen)
        stage.redis.start(within=60)


@fault("postgres-kill")
def kill_postgres(stage: Stage, chosen: random.Random) -> None:
    """All of its processes at once, as when the machine loses power."""
    with stage.kill_lock:
        stage.note("postgres-kill")
        # What begins to be sent between the count and the kill is counted by its lane.
        stage.applied[-1].hidden_in_flight = len(stage.hidden)
        crash(stage.postgres)
        _pause(chosen)
        stage.postgres.start(within=60)


def crash(server: Server) -> None:
    """SIGKILL to a server we started and to all its children, whose sessions are their own."""
    if server.process is None:
        return
    server.process.send_signal(signal.SIGSTOP)  # so that it starts no further ones
    children = psutil.Process(server.process.pid).children(recursive=True)
    for child in children:
        with suppress(psutil.NoSuchProcess):
            child.kill()
    os.killpg(server.process.pid, signal.SIGKILL)
    server.process.wait()
    psutil.wait_procs(children, timeout=10)


@fault("connections-cut")
def cut_connections(stage: Stage, chosen: random.Random) -> None:
    with stage.kill_lock:
        stage.note("connections-cut")
        stage.applied[-1].hidden_in_flight = len(stage.hidden)
        stage.rows.cut_connections()


# ----------------------------------------------------------------- time

STEP = (60.0, 300.0)  # seconds
FURTHEST = 600.0  # seconds from the true time


@fault("clock-forward")
def step_forward(stage: Stage, chosen: random.Random) -> None:
    stage.note("clock-forward")
    stage.clock.step(min(chosen.uniform(*STEP), FURTHEST - stage.clock.offset))


@fault("clock-back")
def step_back(stage: Stage, chosen: random.Random) -> None:
    stage.note("clock-back")
    stage.clock.step(-min(chosen.uniform(*STEP), FURTHEST + stage.clock.offset))


# ----------------------------------------------------------------- the services

MESSAGE = r"/room/[^/]+/message$"


@fault("answers-500")
def answer_500(stage: Stage, chosen: random.Random) -> None:
    """For 10 s; every second one has stored the message all the same."""
    stage.note("answers-500", may_cut_sends=False)
    stored = chosen.random() < 0.5
    stage.stub.control.fault("status", status=chosen.choice([500, 502, 503]), seconds=10, stored=stored)
    stage.sandbox.fault(path=MESSAGE, status=500, after=stored, count=-1)
    time.sleep(10)
    stage.sandbox.clear_faults()


@fault("answers-429")
def answer_429(stage: Stage, chosen: random.Random) -> None:
    stage.note("answers-429", may_cut_sends=False)
    stage.stub.control.fault("throttle", seconds=15)
    stage.sandbox.fault(path=MESSAGE, status=429, headers={"Retry-After": "15"}, count=10)


@fault("hang")
def hang(stage: Stage, chosen: random.Random) -> None:
    stage.note("hang", may_cut_sends=False)
    for stored in (False, True):
        stage.stub.control.fault("hang", count=4, stored=stored)
    # Stored a second after the relay has given up: it promises to wait for two.
    stage.sandbox.fault(path=MESSAGE, latency=11.0, count=2)


@fault("drip")
def drip(stage: Stage, chosen: random.Random) -> None:
    stage.note("drip", may_cut_sends=False)
    stage.stub.control.fault("drip", count=8, pause=0.5)
    stage.sandbox.fault(path=MESSAGE, drip=0.5, count=2)


@fault("reset")
def reset(stage: Stage, chosen: random.Random) -> None:
    stage.note("reset", may_cut_sends=False)
    for stored in (False, True):
        stage.stub.control.fault("reset", count=8, stored=stored)
    stage.sandbox.fault(path=MESSAGE, cut="before", count=3)
    stage.sandbox.fault(path=MESSAGE, cut="inside", count=3)


@fault("latency")
def slow_down(stage: Stage, chosen: random.Random) -> None:
    """Sends that take long: whoever is killed now leaves some that are stored later."""
    stage.note("latency", may_cut_sends=False)
    stage.stub.control.fault("latency", delay=chosen.uniform(0.5, 2.5), seconds=5)


@fault("reads-fail")
def fail_reads(stage: Stage, chosen: random.Random) -> None:
    """Neither polls nor looking up what became of a send."""
    stage.note("reads-fail", may_cut_sends=False)
    stage.stub.control.fault("status", status=500, seconds=5, on="read")
    stage.sandbox.fault(path="/history", status=503, count=20)


@fault("push-duplicate")
def duplicate_pushes(stage: Stage, chosen: random.Random) -> None:
    stage.note("push-duplicate", may_cut_sends=False)
    stage.stub.control.fault("push_duplicate", seconds=5)


@fault("push-late")
def delay_pushes(stage: Stage, chosen: random.Random) -> None:
    stage.note("push-late", may_cut_sends=False)
    stage.stub.control.fault("push_late", count=5, delay=chosen.uniform(0.5, 5.0))


@fault("push-again")
def drop_answers(stage: Stage, chosen: random.Random) -> None:
    """Our 200 is lost on its way: the push comes again."""
    stage.note("push-again", may_cut_sends=False)
    stage.stub.control.fault("push_drop_answer", count=20)
