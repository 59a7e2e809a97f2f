"""`python -m soak`: one soak, its table, and an exit code."""

from __future__ import annotations

import argparse
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

from soak.run import Soak, soak
from tests import servers

SHOWN = 40  # breaches printed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__)
    parser.add_argument("--seed", type=int, help="repeats what is said and harmed (default: a new one)")
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--minutes", type=float, default=6.0, help="over how long they are said")
    given = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if given.seed is None else given.seed
    folder = Path(tempfile.mkdtemp(prefix="sameroom-soak-"))
    with servers.postgres(durable=True) as postgres, servers.redis() as redis:
        result = soak(Soak(seed, given.messages, given.minutes), folder, postgres, redis, _say)
    for line in result.problems[:SHOWN]:
        _say(f"  {line}")
    _say(result.table)
    _say(f"{result.summary} Seed {seed}.")
    if result.problems:
        _say(f"Promises BROKEN. The logs and the rows are in {folder}.")
        return 1
    shutil.rmtree(folder)
    _say("Promises kept.")
    return 0


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
