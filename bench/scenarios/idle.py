"""What linked rooms cost while nobody, or hardly anybody, says anything."""

from __future__ import annotations

import time
from contextlib import ExitStack

from bench import runs
from bench.measuring import Meter, Usage, pss
from bench.results import Options, Result
from bench.world import PUSHED, Shape, World, on_servers

RATE = 10.0  # messages a second, while something is said
PER_OWNER = 25
POLL_EVERY = 30.0  # seconds
POLLED = f"history,ids,poll={POLL_EVERY:.0f}"
SETTLE = 3.0  # seconds after the warm-up before anything is measured; polls take a whole round
BARE_POLLS = 300


def idle(options: Options) -> Result:
    """CPU and memory of every part as rooms grow in number."""
    result = Result("idle")
    counts, polled = ([10, 100], 20) if options.quick else ([10, 100, 1_000, 10_000], 1_000)
    for count in counts:
        _measure(
            result, options, f"{count} rooms, pushed", Shape(count // 2, PUSHED, PER_OWNER, with_web=True)
        )
    _measure(result, options, f"{polled} rooms, polled", Shape(polled // 2, POLLED, PER_OWNER, with_web=True))
    return result


def _measure(result: Result, options: Options, title: str, shape: Shape) -> None:
    seconds = options.seconds if options.quick else 2 * options.seconds
    with ExitStack() as stack:
        world = stack.enter_context(on_servers(shape))
        time.sleep(SETTLE if shape.is_pushed else POLL_EVERY)
        polls, meter = _polls(world), Meter(world.pids)
        time.sleep(seconds)
        quiet = meter.stop()
        polls = (_polls(world) - polls) / quiet.seconds if not shape.is_pushed else 0.0
        bare = runs.BareLoop(world, stack).cpu_of_polls(BARE_POLLS, polls) * polls if polls else 0.0
        memory = {label: pss(pid) for label, pid in world.pids.items()}
        busy = _say_a_little(world, seconds)
        result.add("CPU while idle, % of one core", _shares(quiet, polls, bare), title)
        result.add(f"CPU at {RATE:.0f} messages/s, % of one core", _shares(busy, polls, bare), title)
        result.add("Memory while idle, MiB (PSS)", {"ours": _ours(memory), **memory}, title)
        result.runs.append({"what": title, "idle": quiet.cpu, "seconds": quiet.seconds, "busy": busy.cpu})


def _polls(world: World) -> float:
    assert world.generator
    return float(world.generator.ask("polls"))


def _say_a_little(world: World, seconds: float) -> Usage:
    if not world.shape.is_pushed:
        slow = POLL_EVERY + SETTLE
        return runs.spoken(world, rate=RATE, ahead=slow, seconds=seconds, seed=1, within=3 * slow).usage
    return runs.trickling(world, latency=0.0, rate=RATE, seconds=seconds, seed=1).usage


def _shares(usage: Usage, polls: float, bare: float) -> dict[str, float | None]:
    """Per cent of one core, by part; what bare polls would take is told apart."""
    shares = {label: cpu / usage.seconds * 100 for label, cpu in usage.cpu.items()}
    ours = _ours(shares)
    return {
        "ours": ours,
        "polls/s": polls or None,
        "bare polls": bare * 100 if polls else None,
        "ours beyond the polls": ours - bare * 100,
        **shares,
    }


def _ours(figures: dict[str, float]) -> float:
    """Our processes together; the stores and the tools of the measurement are not ours."""
    return sum(value for label, value in figures.items() if label.startswith(("worker", "beat", "web")))
