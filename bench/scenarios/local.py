"""The local default: SQLite, one process, and a service that pushes to it."""

from __future__ import annotations

from contextlib import ExitStack

from bench import runs
from bench.lines import add_cost, add_throughput
from bench.results import Options, Result, Run
from bench.world import Shape, in_one_process


def local(options: Options) -> Result:
    """As much as goes through; the bare loop is one process as well."""
    return measure(options, tubes=20, latency=0.05)


def measure(options: Options, *, tubes: int, latency: float) -> Result:
    """The same with so many Tubes, and so many seconds for every send."""
    result = Result(f"SQLite, one process: {tubes} Tubes, {latency * 1000:.0f} ms a send")
    with ExitStack() as stack:
        world = stack.enter_context(in_one_process(Shape(tubes, workers=1)))
        bare_loop = runs.BareLoop(world, stack)
        pairs: list[tuple[Run, Run]] = []
        for number in range(options.runs):
            bare = bare_loop.run(latency=latency, seconds=options.seconds)
            ours = runs.pushed_flood(world, latency=latency, most=10, seconds=options.seconds, seed=number)
            pairs.append((bare, ours))
            result.keep("bare loop", bare)
            result.keep("ours", ours)
        add_throughput(result, pairs, latency=latency, tubes=tubes)
        add_cost(result, world, [ours for _, ours in pairs])
    return result
