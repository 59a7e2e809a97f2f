"""A short form of `make chaos`: real processes, some faults, nothing lost and nothing doubled."""

from pathlib import Path

import pytest

from chaos.run import Options, run
from chaos.schedule import Planned
from tests import servers

# What a killed worker held is free when its lease ends: it goes first.
FAULTS = (
    (0.5, "worker-kill"),
    (2.0, "redis-flush"),
    (3.0, "web-kill"),
    (4.0, "push-again"),
    (5.0, "reset"),
    (6.0, "beat-kill"),
    (7.0, "worker-term"),
    (8.0, "connections-cut"),
)


@pytest.mark.xdist_group("chaos")
@pytest.mark.usefixtures("postgres", "redis")  # so that it is left out where there are none
def test_nothing_is_lost_doubled_or_out_of_order(tmp_path: Path) -> None:
    planned = [Planned(at, kind, seed) for seed, (at, kind) in enumerate(FAULTS)]
    options = Options(seed=1, messages=300, minutes=9 / 60, planned=planned)

    with servers.postgres(durable=True) as postgres, servers.redis() as redis:
        outcome = run(options, tmp_path, postgres, redis, print)

    assert outcome.verdict.breaches == []
    assert outcome.verdict.untold == []
    assert len(outcome.verdict.unknown) <= outcome.allowed_unknown
    assert (outcome.done, outcome.fallen) == (300, [])
    assert [one.kind for one in outcome.applied] == [kind for _, kind in FAULTS]
