"""As much as goes through, beside the bare loop."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

from bench import profiling, runs
from bench.lines import add_cost, add_throughput
from bench.results import Options, Result, Run
from bench.world import Shape, World, on_servers


@dataclass(frozen=True, slots=True)
class Flood:
    """As much as goes through."""

    tubes: int
    latency: float
    most: int
    title: str

    def __call__(self, options: Options) -> Result:
        result = Result(self.title)
        with ExitStack() as stack:
            world = stack.enter_context(on_servers(Shape(self.tubes)))
            bare_loop = runs.BareLoop(world, stack)
            pairs: list[tuple[Run, Run]] = []
            for number in range(options.runs):
                bare = bare_loop.run(latency=self.latency, seconds=options.seconds)
                ours = self._ours(world, options, number)
                pairs.append((bare, ours))
                result.keep("bare loop", bare)
                result.keep("ours", ours)
            add_throughput(result, pairs, latency=self.latency, tubes=self.tubes)
            add_cost(result, world, [ours for _, ours in pairs])
            if options.profile:
                with profiling.of(world, options.profile, self.title, options.seconds):
                    self._ours(world, options, options.runs)
        return result

    def _ours(self, world: World, options: Options, number: int) -> Run:
        return runs.saturated(
            world, latency=self.latency, most=self.most, seconds=options.seconds, seed=number
        )
