"""What people say at the service itself, which then tells the relay: by pushes, or when it is polled."""

from __future__ import annotations

import random
import secrets
import time

from bench.measuring import Times
from bench.pairs import text
from bench.world import World

LOOK_EVERY = 0.02  # seconds between two looks at how much has been stored


def flood(world: World, *, most: int, seconds: float, backlog: int, seed: int) -> Times:
    """Say 1 to `most` things at a time, so that no lane is idle; when each was said, by destination.

    A room's turn is passed over while `backlog` of its messages have not arrived yet.
    """
    chance, name, ends = random.Random(seed), secrets.token_hex(4), time.monotonic() + seconds
    said = dict.fromkeys(world.destinations, 0)
    while time.monotonic() < ends:
        stored, lines = world.stub.counts().stored, list[tuple[str, str, str]]()
        for origin, destination in world.rooms:
            if said[destination] - stored[destination] < backlog:
                numbers = range(said[destination], said[destination] + chance.randint(1, most))
                lines += [(origin, "Ann Example", text(origin, name, number)) for number in numbers]
                said[destination] = numbers.stop
        world.stub.say_many(lines)
        time.sleep(LOOK_EVERY)
    return {there: [item.said_at for item in world.stub.history(here)] for here, there in world.rooms}


def trickle(world: World, *, rate: float, seconds: float, seed: int) -> Times:
    """Say single things at random moments, `rate` a second; when each was due to be said, by destination."""
    chance, name, at = random.Random(seed), secrets.token_hex(4), 0.0
    due: Times = {destination: [] for destination in world.destinations}
    begins = time.time()
    while (at := at + chance.expovariate(rate)) < seconds:
        origin, destination = chance.choice(world.rooms)
        time.sleep(max(0.0, begins + at - time.time()))
        world.stub.say(origin, "Ann Example", text(origin, name, len(due[destination])))
        due[destination].append(begins + at)
    return due
