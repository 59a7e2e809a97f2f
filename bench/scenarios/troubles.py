"""One destination hangs, or refuses for 15 seconds: what the others notice of it.

Runs with and without trouble take turns, and so do two runs without: how far those differ is noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench import runs
from bench.results import Options, Result, Run, median
from bench.world import Shape, World, on_servers

TUBES = 20
RATE = 100.0  # messages a second
ROUNDS = 5
SECONDS = 20.0  # of each run: longer than the refusals last


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with one room meanwhile; `fault` None: nothing."""

    title: str
    fault: Mapping[str, Any] | None


def troubles(options: Options) -> Result:
    """Latencies of the others, beside a run without trouble right before."""
    result = Result("one destination in trouble")
    seconds, refused = (4.0, 3.0) if options.quick else (SECONDS, 15.0)
    kinds = (
        Trouble("A/A: no trouble", None),
        Trouble("one destination hangs", {"kind": "hang", "on": "send"}),
        Trouble(
            f"one destination: 429 for {refused:.0f} s",
            {"kind": "throttle", "on": "send", "seconds": refused},
        ),
    )
    pairs: dict[str, list[tuple[Run, Run]]] = {trouble.title: [] for trouble in kinds}
    with on_servers(Shape(TUBES)) as world:
        for number in range(1 if options.quick else ROUNDS):
            for trouble in kinds:
                without = _run(world, None, seconds, number)
                with_it = _run(world, trouble.fault, seconds, number)
                result.keep(f"before: {trouble.title}", without)
                result.keep(trouble.title, with_it)
                pairs[trouble.title].append((without, with_it))
    for title, found in pairs.items():
        _report(result, title, found)
    return result


def _run(world: World, fault: Mapping[str, Any] | None, seconds: float, seed: int) -> Run:
    return runs.trickling_beside(
        world, troubled=world.destinations[0], fault=fault, rate=RATE, seconds=seconds, seed=seed
    )


def _report(result: Result, title: str, found: list[tuple[Run, Run]]) -> None:
    ratios = [after.p(0.99) / before.p(0.99) for before, after in found]
    result.add(
        "One destination in trouble: latency of the others",
        {
            "p50 ms without": median(before.p(0.5) for before, _ in found),
            "p50 ms with": median(after.p(0.5) for _, after in found),
            "p99 ms without": median(before.p(0.99) for before, _ in found),
            "p99 ms with": median(after.p(0.99) for _, after in found),
            "p99 ms more": median(after.p(0.99) - before.p(0.99) for before, after in found),
            "p99 ratio": median(ratios),
            "ratios": f"{min(ratios):.2f}–{max(ratios):.2f}",
            "others' CPU": f"{max(run.usage.others for pair in found for run in pair):.0%}",
        },
        title,
    )
