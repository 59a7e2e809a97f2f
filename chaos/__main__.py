"""`python -m chaos`: one run of the chaos suite, its table, and an exit code."""

from __future__ import annotations

import argparse
import secrets
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from chaos.faults import FAULTS
from chaos.report import table
from chaos.run import Options, Outcome, run
from chaos.schedule import plan
from tests import servers

SECONDS_PER_FAULT = 7
SHOWN = 40  # breaches printed


def main() -> int:
    options = _options()
    kinds = sorted({one.kind for one in options.planned}, key=list(FAULTS).index)
    print(f"Seed {options.seed}: {options.messages} things said over {options.minutes:g} minutes,")
    print(f"{len(options.planned)} faults of {len(kinds)} kinds.", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="sameroom-chaos-"))
    with servers.postgres(durable=True) as postgres, servers.redis() as redis:
        outcome = run(options, folder, postgres, redis, lambda text: print(text, flush=True))
    _tell(options.seed, kinds, outcome)
    if outcome.is_good:
        shutil.rmtree(folder)
        return 0
    print(f"The logs and the rows are in {folder}.")
    return 1


def _options() -> Options:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, help="repeats a run's schedule (default: a new one)")
    parser.add_argument("--messages", type=int, default=10_000, help="messages, edits and deletes")
    parser.add_argument("--minutes", type=float, default=6, help="over how long they are said")
    parser.add_argument("--faults", default=",".join(FAULTS), help="kinds, parted by commas (default: all)")
    parser.add_argument("--patience", type=float, default=300, help="seconds for the rest to arrive")
    parser.add_argument("--only-messages", action="store_true", help="no edits and deletes")
    given = parser.parse_args()
    kinds = [kind for kind in given.faults.split(",") if kind]
    if unknown := sorted(set(kinds) - set(FAULTS)):
        parser.error(f"no such fault: {', '.join(unknown)}; there are {', '.join(FAULTS)}")
    count = max(len(kinds), int(given.minutes * 60 / SECONDS_PER_FAULT)) if kinds else 0
    seed = secrets.randbelow(1_000_000) if given.seed is None else given.seed
    planned = plan(seed, kinds, seconds=given.minutes * 60, count=count)
    return Options(seed, given.messages, given.minutes, planned, given.only_messages, given.patience)


def _tell(seed: int, kinds: Sequence[str], outcome: Outcome) -> None:
    verdict = outcome.verdict
    for breach in verdict.breaches[:SHOWN]:
        print(f"  {breach}")
    for breach in verdict.untold[:SHOWN]:
        print(f"  its owner was not told of: {breach}")
    print(table(outcome.applied, kinds, verdict))
    ends = ", ".join(f"{count} {status}" for status, count in sorted(outcome.deliveries.items()))
    print(f"{outcome.done} things said, {verdict.copies} copies of messages due; deliveries: {ends}.")
    print(f"{verdict.late} messages were pushed late on purpose: their order is that of acceptance.")
    print(f"Unknown where nobody can look: {len(verdict.unknown)}, allowed {outcome.allowed_unknown}.")
    if outcome.fallen:
        print(f"Ended by themselves and were started again: {', '.join(outcome.fallen)}.")
    word = "kept" if outcome.is_good else "BROKEN"
    print(f"Promises {word}, after {outcome.seconds:.0f} s. Seed {seed}.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
