"""What accounts cost that are listened to while nobody says anything."""

from __future__ import annotations

import resource
import time

from bench.measuring import Meter, pss
from bench.processes import Failed
from bench.results import Options, Result
from bench.world import Shape, World, on_servers

STREAMED = "stream,history,ids"
ACCOUNTS = 2_000
TO_CONNECT = 180.0  # seconds; one host's accounts take turns
SETTLE = 10.0  # seconds after the last one has connected
WATCHED = 6  # times as long as other measurements: a long poll takes 30 seconds


def listen(options: Options) -> Result:
    """CPU and memory of one listener, with all accounts at one host."""
    result, count = Result("listen"), 20 if options.quick else ACCOUNTS
    title = f"{count} idle accounts"
    allow_connections()
    with on_servers(Shape(count // 2, STREAMED, per_owner=1, workers=0, listeners=1)) as world:
        began = time.monotonic()
        _wait_until_connected(world, count)
        connecting = time.monotonic() - began
        time.sleep(0.0 if options.quick else SETTLE)
        polls, meter = world.stub.counts().polls, Meter(world.pids)
        time.sleep(options.seconds * (1 if options.quick else WATCHED))
        usage = meter.stop()
        polls = world.stub.counts().polls - polls
        shares = {label: cpu / usage.seconds * 100 for label, cpu in usage.cpu.items()}
        memory = {label: pss(pid) for label, pid in world.pids.items()}
    result.add("CPU while listening, % of one core", {"polls/s": polls / usage.seconds, **shares}, title)
    result.add("Memory while listening, MiB (PSS)", memory, title)
    result.runs.append({"what": title, "cpu": usage.cpu, "seconds": usage.seconds, "connecting": connecting})
    return result


def allow_connections() -> None:
    """Each stream is an open file, of the stub service too, which takes the limit over from here."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _wait_until_connected(world: World, count: int) -> None:
    ends = time.monotonic() + TO_CONNECT
    while (waiting := world.stub.counts().waiting) < count:
        world.check()
        if time.monotonic() > ends:
            raise Failed(f"Only {waiting} of {count} accounts were connected after {TO_CONNECT:.0f} seconds.")
        time.sleep(0.5)
