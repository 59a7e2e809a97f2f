"""`python -m soak`: a soak, or both, with tables and an exit code."""

from __future__ import annotations

import argparse
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from soak.across import Across, Side, across, with_irc, with_slack, without_hipchat
from soak.irc import people_on
from soak.matrix import MatrixSide
from soak.pastes import pastes
from soak.run import Result, Soak, soak
from soak.slack import workspace
from tests import servers
from tests.homeserver import homeserver
from tests.ircservers import inspircd

SHOWN = 40  # breaches printed
MINUTES = {"matrix": 12.0, "irc": 20.0, "slack": 45.0}  # a Slack channel takes about a post a second
HIPCHAT, MATRIX, IRC, PASTES, SLACK, OPEN = "hipchat", "matrix", "irc", "pastes", "slack", "slack-irc"
KINDS = (HIPCHAT, MATRIX, IRC, PASTES, SLACK, OPEN)
# By which soak which sides are there, beside HipChat's.
ACROSS: dict[str, tuple[Callable[[int, int, float], Across], str]] = {
    MATRIX: (Across, "matrix"),
    IRC: (with_irc, "matrix irc"),
    SLACK: (with_slack, "slack"),
    OPEN: (without_hipchat, "slack matrix irc"),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__)
    parser.add_argument("--with", dest="kinds", choices=KINDS, help="one alone (default: all)")
    parser.add_argument("--seed", type=int, help="repeats what is said and harmed (default: a new one)")
    parser.add_argument(
        "--messages", type=int, help="in all (hipchat, 2000), or from every end (the others, 1000)"
    )
    parser.add_argument("--minutes", type=float, help="over how long they are said (6 to 45)")
    given = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if given.seed is None else given.seed
    kinds = [given.kinds] if given.kinds else KINDS
    results = [_run(kind, seed, given.messages, given.minutes) for kind in kinds]
    return 0 if all(results) else 1


def _run(kind: str, seed: int, messages: int | None, minutes: float | None) -> bool:
    """One soak on servers of its own; whether every promise was kept."""
    folder = Path(tempfile.mkdtemp(prefix=f"sameroom-soak-{kind}-"))
    with ExitStack() as running:
        postgres = running.enter_context(servers.postgres(durable=True))
        redis = running.enter_context(servers.redis())
        if kind == HIPCHAT:
            result = soak(Soak(seed, messages or 2000, minutes or 6.0), folder, postgres, redis, _say)
        elif kind == PASTES:
            side = running.enter_context(people_on(running.enter_context(inspircd())))
            result = pastes(seed, messages or 1000, folder, postgres, redis, side, _say)
        else:
            wanted, sides = ACROSS[kind]
            made = [running.enter_context(_side(side)) for side in sides.split()]
            long = max(MINUTES[side] for side in sides.split())
            whole = wanted(seed, messages or 1000, minutes or long)
            result = across(whole, folder, postgres, redis, made, _say)
    return _tell(kind, seed, result, folder)


@contextmanager
def _side(kind: str) -> Iterator[Side]:
    """A service with people, until the block ends."""
    with ExitStack() as running:
        if kind == "matrix":
            yield MatrixSide(running.enter_context(homeserver()))
        elif kind == "irc":
            yield running.enter_context(people_on(running.enter_context(inspircd())))
        else:
            yield running.enter_context(workspace())


def _tell(kind: str, seed: int, result: Result, folder: Path) -> bool:
    for line in result.problems[:SHOWN]:
        _say(f"  {line}")
    if len(result.problems) > SHOWN:
        _say(f"  and {len(result.problems) - SHOWN} more")
    _say(result.table)
    _say(f"{result.summary} Seed {seed}, {kind}.")
    if result.problems:
        _say(f"Promises BROKEN. The logs and the rows are in {folder}.")
        return False
    shutil.rmtree(folder)
    _say("Promises kept.")
    return True


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
