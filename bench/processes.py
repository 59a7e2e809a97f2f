"""The processes of a measurement: each started by us, and ended by its id when it is over."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from sameroom.env import BASE_DIR

STOP_WITHIN = 10.0  # seconds before a process that does not end is killed
LOG_LINES = 15  # of what a process said last, where it fails


class Failed(Exception):
    """A process ended, or could not do what it was asked; the text holds the last it said."""


class Process:
    """One Python process with a log of its own."""

    def __init__(
        self, label: str, words: Sequence[str], environment: Mapping[str, str], folder: Path
    ) -> None:
        self.label = label
        self._log = folder / f"{label.replace(' ', '-')}.log"
        with self._log.open("ab") as log:
            self.popen = subprocess.Popen(  # noqa: S603 - our own commands
                [sys.executable, *words],
                cwd=BASE_DIR,
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if self._is_talking() else log,
                stderr=log,
                text=True,
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )

    def _is_talking(self) -> bool:
        return False

    @property
    def pid(self) -> int:
        return self.popen.pid

    def said(self) -> str:
        """The end of its log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-LOG_LINES:])

    def check(self) -> None:
        """Raise Failed where it has ended."""
        if self.popen.poll() is not None:
            raise Failed(f"The {self.label} ended with code {self.popen.returncode}:\n{self.said()}")

    def stop(self) -> None:
        """End it, and whoever it has started."""
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(STOP_WITHIN)
            except subprocess.TimeoutExpired:
                os.killpg(self.popen.pid, signal.SIGKILL)
                self.popen.wait()
        for pipe in (self.popen.stdin, self.popen.stdout):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()


class Peer(Process):
    """A process that is told what to do, line by line, and answers: see `bench.peer`."""

    def _is_talking(self) -> bool:
        return True

    def tell(self, do: str, **arguments: Any) -> None:
        """Ask for something; `hear` waits for the answer."""
        assert self.popen.stdin
        try:
            self.popen.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self.popen.stdin.flush()
        except OSError:
            self.check()
            raise

    def hear(self) -> Any:
        """What it answers to the oldest question. Raises Failed."""
        line = self.first_line()
        told = json.loads(line)
        if "error" in told:
            raise Failed(f"The {self.label} failed: {told['error']}\n{self.said()}")
        return told["result"]

    def ask(self, do: str, **arguments: Any) -> Any:
        """`tell` and `hear`."""
        self.tell(do, **arguments)
        return self.hear()

    def first_line(self) -> str:
        """One line of what it prints. Raises Failed where it ends instead."""
        assert self.popen.stdout
        line = self.popen.stdout.readline()
        if not line:
            self.popen.wait(STOP_WITHIN)
            self.check()
        return line.strip()


@contextlib.contextmanager
def running(*processes: Process) -> Iterator[None]:
    """End them afterwards, the last first."""
    try:
        yield
    finally:
        for process in reversed(processes):
            process.stop()


def tree(pid: int) -> list[psutil.Process]:
    """A process and whatever descends from it, as far as it still runs."""
    try:
        first = psutil.Process(pid)
        return [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _end_with_parent() -> None:
    """Linux ends it when the measurement is killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
