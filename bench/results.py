"""What a scenario is given, and what it gives: rows for tables, and the raw figures behind them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.measuring import Throughput, Usage, percentile

Cell = float | str | None


@dataclass(frozen=True, slots=True)
class Options:
    """How long and how often to measure."""

    runs: int = 3
    seconds: float = 10.0
    quick: bool = False
    profile: Path | None = None  # a folder for profiles


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table; cells by column, in order."""

    table: str
    scenario: str
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Run:
    """One measurement."""

    throughput: Throughput
    latencies: list[float]  # ascending
    usage: Usage

    def per_message(self, *labels: str) -> float:
        """CPU milliseconds a message, of the processes whose label begins so."""
        used = sum(cpu for label, cpu in self.usage.cpu.items() if label.startswith(labels))
        return used * 1000 / self.throughput.messages

    def p(self, share: float) -> float:
        """A percentile of the latencies, in milliseconds."""
        return percentile(self.latencies, share) * 1000

    def as_json(self) -> dict[str, Any]:
        """Without the single latencies."""
        return {
            **asdict(self.throughput),
            "p50_ms": self.p(0.5),
            "p99_ms": self.p(0.99),
            "seconds": self.usage.seconds,
            "cpu_seconds": self.usage.cpu,
            "others": self.usage.others,
        }


@dataclass(slots=True)
class Result:
    """What a scenario has given so far."""

    scenario: str
    rows: list[Row] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)

    def add(self, table: str, cells: Mapping[str, Cell], title: str = "") -> None:
        """One more line."""
        self.rows.append(Row(table, title or self.scenario, cells))

    def keep(self, what: str, run: Run) -> None:
        """The raw figures of one run."""
        self.runs.append({"what": what, **run.as_json()})


Scenario = Callable[[Options], Result]


def median(values: Iterable[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def span(values: Iterable[float]) -> str:
    """From the least to the most."""
    found = list(values)
    return f"{min(found):,.0f}–{max(found):,.0f}".replace(",", " ")
