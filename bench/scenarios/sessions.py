"""What IRC accounts cost whose connections stand in their channels while nobody says anything."""

from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

from bench.measuring import Meter, pss
from bench.processes import Failed
from bench.results import Options, Result
from bench.scenarios.listen import ACCOUNTS, SETTLE, WATCHED, allow_connections
from bench.world import Shape, World, on_servers
from tests.ircservers import ngircd

TO_CONNECT = 300.0  # seconds; one network's accounts take turns


def sessions(options: Options) -> Result:
    """CPU and memory of one listener, with all accounts at one network, each in a channel of its own."""
    result, count = Result("sessions"), 20 if options.quick else ACCOUNTS
    title = f"{count} idle IRC accounts"
    allow_connections()
    with ngircd() as ircd:
        shape = Shape(count // 2, per_owner=1, workers=0, listeners=1, features="", server=ircd.url)
        with on_servers(shape) as world:
            began = time.monotonic()
            _wait_until_joined(world, ircd.url, count)
            connecting = time.monotonic() - began
            time.sleep(0.0 if options.quick else SETTLE)
            meter = Meter(world.pids)
            time.sleep(options.seconds * (1 if options.quick else WATCHED))
            usage = meter.stop()
            shares = {label: cpu / usage.seconds * 100 for label, cpu in usage.cpu.items()}
            memory = {label: pss(pid) for label, pid in world.pids.items()}
    result.add("CPU while idle, % of one core", shares, title)
    result.add("Memory while idle, MiB (PSS)", memory, title)
    result.runs.append({"what": title, "cpu": usage.cpu, "seconds": usage.seconds, "connecting": connecting})
    return result


def _wait_until_joined(world: World, url: str, count: int) -> None:
    ends = time.monotonic() + TO_CONNECT
    while (joined := _channels(url)) < count:
        world.check()
        if time.monotonic() > ends:
            raise Failed(f"Only {joined} of {count} channels were joined after {TO_CONNECT:.0f} seconds.")
        time.sleep(1.0)


def _channels(url: str) -> int:
    """How many channels the network has, as it tells whoever connects (RFC 2812, RPL_LUSERCHANNELS)."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(b"NICK watcher\r\nUSER watcher 0 * :watcher\r\nLUSERS\r\nQUIT\r\n")
        told = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    counts = [line.split()[3] for line in told.splitlines() if line.split()[1:2] == ["254"]]
    return int(counts[-1]) if counts else 0
