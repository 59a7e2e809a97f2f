"""The lines that several scenarios add to the tables."""

from __future__ import annotations

from collections.abc import Sequence

from bench.measuring import pss
from bench.results import Result, Run, median, span
from bench.world import World


def add_throughput(result: Result, pairs: Sequence[tuple[Run, Run]], *, latency: float, tubes: int) -> None:
    """A line about runs of ours, each beside one of the bare loop right before it."""
    ours = [run for _, run in pairs]
    steady = median(run.throughput.steady for run in ours)
    result.add(
        "Throughput",
        {
            "messages/s, steady": steady,
            "least–most": span(run.throughput.steady for run in ours),
            "messages/s with tail": median(run.throughput.with_tail for run in ours),
            "share of ceiling": steady * latency / tubes if latency else None,
            "bare loop/s": median(bare.throughput.steady for bare, _ in pairs),
            "share of bare loop": median(
                run.throughput.steady / bare.throughput.steady for bare, run in pairs
            ),
            "others' CPU": f"{max(run.usage.others for run in ours):.0%}",
        },
    )


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
            "others' CPU": f"{max(run.usage.others for run in found):.0%}",
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
