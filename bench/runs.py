"""Single measurements in a running world.

Each raises Wrong unless every message arrived exactly once and in order.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import chain
from typing import Any

from bench import speaking
from bench.measuring import Meter, Times, arrivals, latencies, throughput, throughput_between
from bench.processes import Peer, running
from bench.results import Run
from bench.world import World

BACKLOG = 24  # messages that wait for one lane, at the most
THREADS = 8  # that hand in
TAIL = 180.0  # seconds for what was handed in to arrive


def saturated(world: World, *, latency: float, most: int, seconds: float, seed: int) -> Run:
    """As much as goes through, handed in 1 to `most` at a time."""
    assert world.generator
    world.begin(latency)
    meter = Meter(world.pids)
    handed_in: Times = world.generator.ask(
        "saturate", seconds=seconds, most=most, backlog=BACKLOG, threads=THREADS, seed=seed
    )
    world.wait_until_stored(handed_in, TAIL)
    return _judged(world, meter, handed_in)


def trickling(world: World, *, latency: float, rate: float, seconds: float, seed: int) -> Run:
    """Single messages at random moments, `rate` a second."""
    assert world.generator
    world.begin(latency)
    meter = Meter(world.pids)
    handed_in: Times = world.generator.ask("trickle", rate=rate, seconds=seconds, threads=THREADS, seed=seed)
    world.wait_until_stored(handed_in, TAIL)
    return _judged(world, meter, handed_in)


def trickling_beside(
    world: World, *, troubled: str, fault: Mapping[str, Any] | None, rate: float, seconds: float, seed: int
) -> Run:
    """The same while one room is in trouble: the latencies of the others.

    Afterwards the trouble ends, and what waited for it has to arrive as well.
    """
    assert world.generator
    world.begin(0.0)
    meter = Meter(world.pids)
    if fault:
        world.stub.fault(room=troubled, **fault)
    handed_in: Times = world.generator.ask("trickle", rate=rate, seconds=seconds, threads=THREADS, seed=seed)
    others = {room: times for room, times in handed_in.items() if room != troubled}
    world.wait_until_stored(others, TAIL)
    usage = meter.stop()
    world.stub.clear_faults()
    world.wait_until_idle(TAIL)
    stored = arrivals(world.stub, handed_in)
    return Run(throughput(handed_in, stored), latencies(handed_in, stored, others), usage)


def pushed_flood(world: World, *, latency: float, most: int, seconds: float, seed: int) -> Run:
    """As much as goes through where the service itself pushes what is said."""
    assert world.generator
    world.begin(latency)
    for hook in world.generator.ask("hooks"):
        world.stub.hook(**hook)
    meter = Meter(world.pids)
    said = speaking.flood(world, most=most, seconds=seconds, backlog=BACKLOG, seed=seed)
    world.wait_until_stored(said, TAIL)
    return _judged(world, meter, said)


def spoken(world: World, *, rate: float, ahead: float, seconds: float, seed: int, within: float) -> Run:
    """Single messages at random moments, said in empty rooms; each arrives within so many seconds.

    Nothing is measured in the first `ahead` seconds: so long it takes until the relay hears of something.
    """
    with ThreadPoolExecutor(1) as pool:
        words = pool.submit(speaking.trickle, world, rate=rate, seconds=ahead + seconds, seed=seed)
        time.sleep(ahead)
        meter = Meter(world.pids)
        time.sleep(seconds)
        usage = meter.stop()
        said = words.result()
    world.wait_until_stored(said, within)
    world.wait_until_idle(within)
    stored = arrivals(world.stub, said)
    return Run(throughput(said, stored), latencies(said, stored), usage)


def _judged(world: World, meter: Meter, handed_in: Times) -> Run:
    usage = meter.stop()
    stored = arrivals(world.stub, handed_in)
    world.wait_until_idle(TAIL)
    return Run(throughput(handed_in, stored), latencies(handed_in, stored), usage)


class BareLoop:
    """The same sends without a relay, from as many processes as there are workers."""

    def __init__(self, world: World, stack: ExitStack) -> None:
        self._world = world
        self._peers: list[Peer] = []
        for number in range(world.shape.workers):
            peer = Peer(f"bare {number + 1}", ["-m", "bench.bare"], world.environment, world.folder)
            stack.enter_context(running(peer))
            self._peers.append(peer)
        for peer in self._peers:  # what is loaded at the first call is loaded then
            peer.ask("poll", server=world.stub.url, room=world.rooms[0][0], count=1)

    def run(self, *, latency: float, seconds: float) -> Run:
        """Post for so long, one message after the other in every room."""
        world, parts = self._world, self._shares()
        world.begin(latency)
        meter = Meter({peer.label: peer.pid for peer in self._peers} | {"stub": world.stub_process.pid})
        begins = time.time() + 0.2
        for peer, rooms in zip(self._peers, parts, strict=True):
            peer.tell("send", server=world.stub.url, rooms=rooms, begins=begins, seconds=seconds)
        counts = dict(chain.from_iterable(peer.hear().items() for peer in self._peers))
        usage = meter.stop()
        stored = arrivals(world.stub, {room: [begins] * count for room, count in counts.items()})
        every = list(chain.from_iterable(stored.values()))
        return Run(throughput_between(begins, begins + seconds, every), [], usage)

    def cpu_of_polls(self, count: int, rate: float) -> float:
        """CPU seconds of one poll of an empty room, by our HTTP client alone, at so many a second."""
        world = self._world
        asked = {"server": world.stub.url, "room": world.rooms[0][0], "count": count, "pause": 1 / rate}
        return float(self._peers[0].ask("poll", **asked))

    def _shares(self) -> Sequence[list[str]]:
        return [self._world.destinations[n :: len(self._peers)] for n in range(len(self._peers))]
