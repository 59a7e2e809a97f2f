"""A short form of `make chaos`: real processes, some faults, nothing lost and nothing doubled."""

from pathlib import Path

import pytest

from chaos.run import Options, run
from tests import servers

KINDS = (
    "worker-kill",
    "worker-term",
    "web-kill",
    "beat-kill",
    "redis-flush",
    "connections-cut",
    "push-again",
)


@pytest.mark.xdist_group("chaos")
@pytest.mark.usefixtures("postgres", "redis")  # so that it is left out where there are none
def test_nothing_is_lost_doubled_or_out_of_order(tmp_path: Path) -> None:
    options = Options(seed=1, messages=300, minutes=10 / 60, kinds=KINDS, faults=len(KINDS), patience=120)
    with servers.postgres(durable=True) as postgres, servers.redis() as redis:
        outcome = run(options, tmp_path, postgres, redis, print)

    assert outcome.verdict.breaches == []
    assert outcome.verdict.untold == []
    assert len(outcome.verdict.unknown) <= outcome.allowed_unknown
    assert outcome.done == 300
    assert {one.kind for one in outcome.applied} == set(KINDS)
