from pathlib import Path

import pytest

from bench import profiling
from bench.measuring import Throughput, Usage
from bench.report import Report, shown
from bench.results import Result, Run

RUN = Run(
    Throughput(messages=4, steady=10.0, with_tail=8.0),
    latencies=[0.001, 0.002, 0.003, 0.1],
    usage=Usage(2.0, {"worker 1": 0.01, "worker 2": 0.03, "PostgreSQL": 0.02}, 0.25),
)


def test_run_tells_cost_by_message_and_latency_in_milliseconds() -> None:
    assert RUN.per_message("worker") == pytest.approx(10.0)
    assert RUN.per_message("worker", "PostgreSQL") == pytest.approx(15.0)
    assert [RUN.p(share) for share in (0.5, 0.99)] == [2.0, 100.0]


def test_rows_of_a_table_stand_together_with_all_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["bench", "20x50"])
    report = Report()
    first, second = Result("one"), Result("two")
    first.add("Rates", {"messages/s": 1234.5, "share of ceiling": 0.912})
    first.add("Memory", {"worker": 80.23})
    second.add("Rates", {"messages/s": 12.345, "least–most": "12–13"}, title="two, again")
    report.results += [first, second]

    tables = report.markdown().partition("### ")[2]

    assert tables.split("\n") == [
        "Rates",
        "",
        "|  | messages/s | share of ceiling | least–most |",
        "|---|---:|---:|---:|",
        "| one | 1 234 | 0.91 | – |",
        "| two, again | 12.3 | – | 12–13 |",
        "",
        "### Memory",
        "",
        "|  | worker |",
        "|---|---:|",
        "| one | 80.2 |",
        "",
    ]
    assert report.command == "python -m bench 20x50"
    assert all(report.machine.values())


def test_cell_shows_three_digits() -> None:
    assert [shown(value) for value in (None, float("nan"), 0.0, 1.234, 45.67, 12345.6)] == [
        "–",
        "–",
        "0.00",
        "1.23",
        "45.7",
        "12 346",
    ]


def test_report_keeps_every_run(tmp_path: Path) -> None:
    report, result = Report(), Result("one")
    result.keep("ours", RUN)
    report.results.append(result)

    assert '"p99_ms": 100.0' in report.write(tmp_path / "new").read_text()


def test_hottest_functions_by_own_and_by_total_time() -> None:
    raw = "run (a.py:1);send (b.py:7) 3\nrun (a.py:2);send (b.py:9);send (b.py:9) 5\nrun (a.py:1) 2\n"

    assert profiling.hottest(raw).split("\n") == [
        "10 samples",
        "   own  function",
        " 80.0%  send (b.py)",
        " 20.0%  run (a.py)",
        " total  function",
        "100.0%  run (a.py)",
        " 80.0%  send (b.py)",
    ]
