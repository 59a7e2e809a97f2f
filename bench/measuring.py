"""What is measured: throughput and latency out of two lists of times, CPU and memory out of /proc."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import psutil

from bench.processes import tree
from stub.control import Stub

NUMBER = re.compile(r"#(\d+)")
RAMP = 0.2  # share of the time of handing in that is left out at its beginning
Times = dict[str, list[float]]  # by destination; the n-th is that of message #n


class Wrong(Exception):
    """Messages were lost, doubled or out of order: such a run is no result."""


# ----------------------------------------------------------------- what arrived


def arrivals(stub: Stub, handed_in: Mapping[str, Sequence[float]]) -> Times:
    """When each message was stored at its destination. Raises Wrong unless all were, once and in order.

    A post may carry several messages: a lane that a limit holds joins them.
    """
    stored: Times = {}
    for room, times in handed_in.items():
        found = [
            (int(number), item.said_at) for item in stub.history(room) for number in NUMBER.findall(item.text)
        ]
        numbers = [number for number, _ in found]
        if numbers != list(range(len(times))):
            raise Wrong(f"{room}: {_difference(numbers, len(times))}")
        stored[room] = [at for _, at in found]
    return stored


def _difference(numbers: Sequence[int], count: int) -> str:
    lost = len(set(range(count)) - set(numbers))
    doubled = len(numbers) - len(set(numbers))
    order = "" if sorted(numbers) != list(numbers) else "not "
    return f"{lost} of {count} messages lost, {doubled} doubled, {order}out of order"


# ----------------------------------------------------------------- throughput and latency


@dataclass(frozen=True, slots=True)
class Throughput:
    """Messages a second.

    `steady`: stored while others were being handed in, the first fifth of that time left out.
    `with_tail`: all of them, from the first one handed in to the last one stored.
    """

    messages: int
    steady: float
    with_tail: float


def throughput(handed_in: Times, stored: Times) -> Throughput:
    """How many messages a second went through."""
    given = list(chain.from_iterable(handed_in.values()))
    return throughput_between(min(given), max(given), list(chain.from_iterable(stored.values())))


def throughput_between(first: float, last: float, stored: Sequence[float]) -> Throughput:
    """The same where only the first and the last moment of handing in are known."""
    if not stored:
        return Throughput(0, 0.0, 0.0)
    begins = first + (last - first) * RAMP
    steady = sum(begins < at <= last for at in stored) / (last - begins) if last > begins else math.nan
    return Throughput(len(stored), steady, len(stored) / (max(stored) - first))


def latencies(handed_in: Times, stored: Times, rooms: Iterable[str] | None = None) -> list[float]:
    """Seconds from handed in to stored of each message, in ascending order."""
    wanted = handed_in if rooms is None else rooms
    return sorted(
        there - here for room in wanted for here, there in zip(handed_in[room], stored[room], strict=True)
    )


def percentile(ascending: Sequence[float], share: float) -> float:
    """The smallest value that so large a share of the values does not exceed."""
    if not ascending:
        return math.nan
    return ascending[max(0, math.ceil(share * len(ascending)) - 1)]


# ----------------------------------------------------------------- CPU and memory


@dataclass
class Meter:
    """CPU time of process trees, by label, between its making and `stop`."""

    pids: Mapping[str, int]
    _began: Mapping[str, float] = field(init=False)
    _machine: float = field(init=False)
    _since: float = field(init=False)

    def __post_init__(self) -> None:
        self._began, self._machine, self._since = self._read(), _machine_busy(), time.monotonic()

    def stop(self) -> Usage:
        """What was used since."""
        seconds, busy = time.monotonic() - self._since, _machine_busy() - self._machine
        cpu = {label: max(0.0, now - self._began[label]) for label, now in self._read().items()}
        ours = sum(cpu.values())
        cpu.pop(OURSELVES)
        others = max(0.0, busy - ours) / seconds / (psutil.cpu_count() or 1)
        return Usage(seconds, cpu, others)

    def _read(self) -> dict[str, float]:
        own = psutil.Process().cpu_times()
        return {label: cpu_seconds(pid) for label, pid in self.pids.items()} | {
            OURSELVES: own.user + own.system
        }


OURSELVES = "this process"


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds by label over so many seconds, and the share of the machine that others used."""

    seconds: float
    cpu: dict[str, float]
    others: float


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its descendants, ended ones included."""
    total = 0.0
    for process in tree(pid):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def _machine_busy() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))


def pss(pid: int) -> float:
    """Memory of a process and its descendants in MiB; what is shared counts in proportion (PSS)."""
    kilobytes = 0
    for process in tree(pid):
        try:
            text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
        except OSError:  # it has just ended
            continue
        found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
        kilobytes += int(found[1]) if found else 0
    return kilobytes / 1024
