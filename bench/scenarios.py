"""What is measured, by name: each scenario takes options and gives a Result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import profiling, runs
from bench.measuring import pss
from bench.results import Result, Run, median, span
from bench.world import Shape, World, on_servers

RATE = 100.0  # messages a second where latency is measured


@dataclass(frozen=True, slots=True)
class Options:
    """How long and how often to measure."""

    runs: int = 3
    seconds: float = 10.0
    quick: bool = False
    profile: Path | None = None  # a folder for profiles


Scenario = Callable[[Options], Result]


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
            self._report(result, world, pairs)
            if options.profile:
                with profiling.of(world, options.profile, self.title, options.seconds):
                    self._ours(world, options, options.runs)
        return result

    def _ours(self, world: World, options: Options, number: int) -> Run:
        return runs.saturated(
            world, latency=self.latency, most=self.most, seconds=options.seconds, seed=number
        )

    def _report(self, result: Result, world: World, pairs: list[tuple[Run, Run]]) -> None:
        ours = [run for _, run in pairs]
        steady = median(run.throughput.steady for run in ours)
        result.add(
            "Throughput",
            {
                "messages/s, steady": steady,
                "least–most": span(run.throughput.steady for run in ours),
                "messages/s with tail": median(run.throughput.with_tail for run in ours),
                "share of ceiling": steady * self.latency / self.tubes if self.latency else None,
                "bare loop/s": median(bare.throughput.steady for bare, _ in pairs),
                "share of bare loop": median(
                    run.throughput.steady / bare.throughput.steady for bare, run in pairs
                ),
                "strangers' CPU": f"{max(run.usage.others for run in ours):.0%}",
            },
        )
        add_cost(result, world, ours)


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
    return result


def add_latency(result: Result, found: list[Run], title: str = "") -> None:
    """A line of the table of latencies."""
    result.add(
        "Added latency",
        {
            "p50 ms": median(run.p(0.5) for run in found),
            "p90 ms": median(run.p(0.9) for run in found),
            "p99 ms": median(run.p(0.99) for run in found),
            "p99 of the runs": span(run.p(0.99) for run in found),
            "most ms": max(run.p(1.0) for run in found),
            "strangers' CPU": f"{max(run.usage.others for run in found):.0%}",
        },
        title,
    )


def add_cost(result: Result, world: World, found: list[Run]) -> None:
    """Lines of the tables of CPU and memory."""

    def cpu(*labels: str) -> float:
        return median(run.per_message(*labels) for run in found)

    result.add(
        "CPU, milliseconds a message",
        {
            "workers": cpu("worker", "Sameroom"),
            "PostgreSQL": cpu("PostgreSQL"),
            "Redis": cpu("Redis"),
            "all three": cpu("worker", "Sameroom", "PostgreSQL", "Redis"),
            "beat": cpu("beat"),
            "intake": cpu("intake"),
            "stub": cpu("stub"),
        },
    )
    result.add("Memory, MiB (PSS)", {label: pss(pid) for label, pid in world.pids.items()})


SCENARIOS: Mapping[str, Scenario] = {
    "20x50": Flood(20, 0.05, 10, "20 Tubes, 50 ms a send"),
    "200x50": Flood(200, 0.05, 10, "200 Tubes, 50 ms a send"),
    "20x0": Flood(20, 0.0, 10, "20 Tubes, 0 ms, 1–10 events at a time"),
    "20x0-single": Flood(20, 0.0, 1, "20 Tubes, 0 ms, one event at a time"),
    "latency": latency,
}
