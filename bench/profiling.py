"""Where the time goes: py-spy looks at a worker and at the process that hands in."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.processes import Failed
from bench.world import World

RATE = "200"  # samples a second
MOST = 30  # functions shown
PROGRAM = Path(sys.executable).parent / "py-spy"


@contextmanager
def of(world: World, folder: Path, title: str, seconds: float) -> Iterator[None]:
    """Record while something is measured; files in `folder`, the hottest functions on the screen."""
    name = re.sub(r"\W+", "-", title).strip("-").lower()
    subjects = {"worker 1": world.pids["worker 1"], "intake": world.pids["intake"]}
    recorders = {
        label: _record(pid, folder / f"{name}-{label.replace(' ', '-')}.raw", seconds)
        for label, pid in subjects.items()
    }
    yield
    for label, (recorder, path) in recorders.items():
        told = recorder.communicate(timeout=120)[0]
        if recorder.returncode != 0:
            raise Failed(f"py-spy could not record the {label}: {told}")
        print(f"\n{label}, {title}: {path}\n{hottest(path.read_text())}", flush=True)


def _record(pid: int, path: Path, seconds: float) -> tuple[subprocess.Popen[str], Path]:
    # Looked at while it runs: a process that is stopped for each look behaves like another one.
    how = ["--gil", "--nonblocking", "--rate", RATE, "--duration", str(max(1, round(seconds)))]
    recorder = subprocess.Popen(  # noqa: S603 - our own words
        [PROGRAM, "record", "--pid", str(pid), "--format", "raw", "--output", str(path), *how],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return recorder, path


def hottest(raw: str) -> str:
    """The functions that held the interpreter most, by their own time and with what they called."""
    own, total, samples = Counter[str](), Counter[str](), 0
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [_function(frame) for frame in stack.split(";")]
        samples += int(count)
        own[frames[-1]] += int(count)
        for frame in set(frames):
            total[frame] += int(count)
    lines = [f"{samples} samples", f"{'own':>6}  function"] + [
        _line(*one, samples) for one in own.most_common(MOST)
    ]
    lines += [f"{'total':>6}  function"] + [_line(*one, samples) for one in total.most_common(MOST)]
    return "\n".join(lines)


def _line(function: str, count: int, samples: int) -> str:
    return f"{count / max(1, samples):6.1%}  {function}"


def _function(frame: str) -> str:
    """Without the line: `name (file)`."""
    return re.sub(r":\d+\)$", ")", frame)
