"""Results as Markdown tables and as JSON, with the machine they were measured on."""

from __future__ import annotations

import json
import math
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from bench.results import Cell, Result
from tests import servers

SYNCS = 100


def machine() -> dict[str, str]:
    """What the figures depend on."""
    user = servers._unprivileged()
    postgres = servers._postgres_programs(user) / "postgres"
    return {
        "CPU": f"{_cpu_model()}, {psutil.cpu_count()} cores",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "PostgreSQL": _version([str(postgres), "-V"]),
        "Redis": _version([servers._redis_program(), "--version"]),
        "a synced write": f"{_sync_milliseconds():.2f} ms (median of {SYNCS})",
        "load before": f"{os.getloadavg()[0]:.1f}",
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


def _version(command: Sequence[str]) -> str:
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603
    return told.strip().splitlines()[0][:80] if told.strip() else "unknown"


def _sync_milliseconds() -> float:
    """What a commit waits for at the least: 8 KiB written and synced, where the databases lie."""
    times = []
    with tempfile.TemporaryFile() as file:
        for _ in range(SYNCS):
            os.pwrite(file.fileno(), b"\0" * 8192, 0)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


class Report:
    """Everything that was measured in one go."""

    def __init__(self) -> None:
        self.date = datetime.now(UTC)
        self.command = shlex.join(["python", "-m", "bench", *sys.argv[1:]])
        self.machine = machine()
        self.results: list[Result] = []

    def markdown(self) -> str:
        """All tables, and what they were measured on."""
        facts = [f"- {name}: {value}" for name, value in self.machine.items()]
        head = [f"Measured {self.date:%Y-%m-%d %H:%M} UTC with `{self.command}`.", "", *facts]
        rows = [row for result in self.results for row in result.rows]
        for table in dict.fromkeys(row.table for row in rows):
            of_table = [(row.scenario, row.cells) for row in rows if row.table == table]
            head += ["", f"### {table}", "", *_table(of_table)]
        return "\n".join(head) + "\n"

    def json(self) -> dict[str, Any]:
        """The same, and the figures of every single run."""
        return {
            "date": self.date.isoformat(),
            "command": self.command,
            "machine": self.machine,
            "results": [asdict(result) for result in self.results],
        }

    def write(self, folder: Path) -> Path:
        """Keep the JSON; where."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.date:%Y-%m-%dT%H%M%S}.json"
        path.write_text(json.dumps(self.json(), indent=1) + "\n")
        return path


def _table(rows: Sequence[tuple[str, Mapping[str, Cell]]]) -> list[str]:
    columns = list(dict.fromkeys(column for _, cells in rows for column in cells))
    lines = [["", *columns]]
    lines += [[title, *(shown(cells.get(column), column) for column in columns)] for title, cells in rows]
    head, *body = [f"| {' | '.join(line)} |" for line in lines]
    return [head, f"|---|{'---:|' * len(columns)}", *body]


def shown(value: Cell, column: str = "") -> str:
    """A cell as people read it: three digits are enough."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, str):
        return value
    if column.startswith("share"):
        return f"{value:.2f}"
    if abs(value) >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
