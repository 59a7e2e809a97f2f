"""How much later a message arrives than it would without us."""

from __future__ import annotations

from bench import profiling, runs
from bench.lines import add_cost, add_latency
from bench.results import Options, Result
from bench.world import Shape, on_servers

RATE = 100.0  # messages a second


def latency(options: Options) -> Result:
    """From handed in to stored, at a load that leaves room."""
    result = Result(f"20 Tubes, 0 ms, {RATE:.0f} messages/s, one at a time")
    with on_servers(Shape(20)) as world:
        found = []
        for number in range(options.runs):
            run = runs.trickling(world, latency=0.0, rate=RATE, seconds=options.seconds, seed=number)
            result.keep("ours", run)
            found.append(run)
        add_latency(result, found)
        add_cost(result, world, found)
        if options.profile:
            with profiling.of(world, options.profile, result.scenario, options.seconds):
                runs.trickling(world, latency=0.0, rate=RATE, seconds=options.seconds, seed=options.runs)
    return result
