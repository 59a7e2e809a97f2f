"""Whether the measurements work: tiny ones, whose figures nobody looks at."""

import pytest

from bench.results import Options, Result
from bench.scenarios.flood import Flood
from bench.scenarios.listen import listen
from bench.scenarios.local import measure
from bench.scenarios.sessions import sessions

TINY = Options(runs=1, seconds=1.0)


def columns(result: Result, table: str) -> list[set[str]]:
    return [set(row.cells) for row in result.rows if row.table == table]


@pytest.mark.usefixtures("postgres", "redis")  # the measurement starts its own; these say whether it can
@pytest.mark.xdist_group("servers")
def test_flood_on_servers_loses_nothing_and_fills_its_tables() -> None:
    result = Flood(3, 0.01, 4, "tiny")(TINY)

    assert [run["what"] for run in result.runs] == ["bare loop", "ours"]
    assert all(run["messages"] > 0 for run in result.runs)
    assert [row.table for row in result.rows] == [
        "Throughput",
        "CPU, milliseconds a message",
        "Memory, MiB (PSS)",
    ]
    [memory] = columns(result, "Memory, MiB (PSS)")
    assert memory == {"worker 1", "worker 2", "beat", "PostgreSQL", "Redis", "stub", "intake"}


def test_flood_of_the_one_process_loses_nothing() -> None:
    result = measure(TINY, tubes=3, latency=0.01)

    assert [run["what"] for run in result.runs] == ["bare loop", "ours"]
    assert columns(result, "Memory, MiB (PSS)") == [{"Sameroom", "stub", "intake"}]


@pytest.mark.usefixtures("postgres", "redis")
@pytest.mark.xdist_group("servers")
def test_listening_tells_cpu_and_memory_of_the_listener() -> None:
    result = listen(Options(runs=1, seconds=1.0, quick=True))

    parts = {"listener 1", "PostgreSQL", "Redis", "stub", "intake"}
    assert columns(result, "Memory while listening, MiB (PSS)") == [parts]
    assert columns(result, "CPU while listening, % of one core") == [{"polls/s", *parts}]


@pytest.mark.usefixtures("postgres", "redis")
@pytest.mark.xdist_group("ircd")
def test_sessions_are_counted_by_the_network_they_stand_at() -> None:
    result = sessions(Options(runs=1, seconds=1.0, quick=True))

    parts = {"listener 1", "PostgreSQL", "Redis", "stub", "intake"}
    assert columns(result, "Memory while idle, MiB (PSS)") == [parts]
    assert columns(result, "CPU while idle, % of one core") == [parts]
