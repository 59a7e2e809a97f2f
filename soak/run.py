"""One soak, on the processes, faults and judge of the chaos suite."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

from chaos import network
from chaos.faults import Stage
from chaos.judge import Verdict
from chaos.report import table
from chaos.run import Options, Outcome, run
from chaos.schedule import plan
from soak import faults
from soak.plan import SENDS_A_MINUTE, TUBES, request_limit
from soak.talk import Talk
from tests.servers import Server

SECONDS_PER_FAULT = 8
OVER = "over the"  # how the sandbox counts requests beyond one of its limits


@dataclass(frozen=True, slots=True)
class Soak:
    """What one soak shall be."""

    seed: int
    messages: int
    minutes: float
    patience: float = 400.0  # seconds; longer than a window of the limits


@dataclass(frozen=True, slots=True)
class Result:
    """What it came to. `problems` is empty where every promise was kept."""

    outcome: Outcome
    problems: list[str]
    table: str
    summary: str
    refused: dict[str, int]  # requests beyond a limit, by limit


def soak(wanted: Soak, folder: Path, postgres: Server, redis: Server, say: Callable[[str], None]) -> Result:
    """Run once on these servers, which are left running. Logs go to `folder`."""
    seconds = wanted.minutes * 60
    count = max(len(faults.FAULTS), int(seconds / SECONDS_PER_FAULT))
    refused: dict[str, int] = {}

    def look(stage: Stage) -> None:
        for token_counts in stage.sandbox.act("request_counts").values():
            for name, times in token_counts.items():
                if name.startswith(OVER):
                    refused[name] = refused.get(name, 0) + times

    options = Options(
        seed=wanted.seed,
        messages=wanted.messages,
        minutes=wanted.minutes,
        planned=plan(wanted.seed, faults.FAULTS, seconds=seconds, count=count),
        patience=wanted.patience,
        tubes=TUBES,
        talker=Talk,
        request_limit=request_limit(wanted.messages, wanted.minutes),
        flood_limit=SENDS_A_MINUTE,
        at_the_end=look,
    )
    outcome = run(options, folder, postgres, redis, say)
    assert isinstance(outcome.generator, Talk)
    return _result(outcome, outcome.generator.taken_back, refused)


def without(
    outcome: Outcome, taken_back: Collection[int], *, in_doubt: bool = False
) -> tuple[Verdict, list[str]]:
    """The verdict, and what is wrong. What is taken back before it was read is nobody's loss.

    `in_doubt`: as many sends as were on the wire where nobody can look may have ended unknown.
    """
    found = outcome.verdict.breaches
    breaches = [one for one in found if one.what != "lost" or one.number not in taken_back]
    verdict = replace(outcome.verdict, breaches=breaches)
    is_much = not in_doubt or len(verdict.unknown) > outcome.allowed_unknown
    problems = [str(one) for one in [*breaches, *(verdict.unknown if is_much else [])]]
    return verdict, problems + [f"ended by itself: {one}" for one in outcome.fallen]


def _result(outcome: Outcome, taken_back: set[int], refused: dict[str, int]) -> Result:
    verdict, problems = without(outcome, taken_back)
    problems += [f"{times} requests {name}" for name, times in refused.items()]
    ends = ", ".join(f"{count} {status}" for status, count in sorted(outcome.deliveries.items()))
    summary = (
        f"{outcome.done} things said in {len(network.rooms(network.links(TUBES)))} rooms, "
        f"{len(taken_back)} of them taken back; deliveries: {ends}; "
        f"{sum(refused.values())} requests beyond a limit; {outcome.seconds:.0f} s."
    )
    kinds = sorted({one.kind for one in outcome.applied})
    return Result(outcome, problems, table(outcome.applied, kinds, verdict), summary, refused)
