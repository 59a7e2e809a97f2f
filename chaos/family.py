"""The processes under test, and how to be cruel to them. It touches only what it started."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from sameroom.env import BASE_DIR
from standalone import processes

STOP_SECONDS = 20.0  # a container's grace period


@dataclass
class Member:
    """One process, with a log of its own."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    is_wanted: bool = field(default=False, init=False)  # it shall run: its end is an accident
    lock: threading.RLock = field(default_factory=threading.RLock, init=False)

    def start(self) -> None:
        """Start it, as whoever watches over a server would."""
        with self.lock, self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own commands
                [sys.executable, "-m", *self.command],
                cwd=BASE_DIR,
                env={**os.environ, "PYTHONWARNINGS": processes.WARNINGS, **self.environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_end_with_us if sys.platform == "linux" else None,
            )
            self.is_wanted = True

    def kill(self) -> None:
        """SIGKILL to it and to its children, which are its session."""
        with self.lock:
            self.is_wanted = False
            if self.process and self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def terminate(self) -> bool:
        """SIGTERM, and the time to end; False where it took too long and had to be killed."""
        with self.lock:
            self.is_wanted = False
            if self.process is None or self.process.poll() is not None:
                return True
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
                return False
            return True

    def freeze(self) -> None:
        """SIGSTOP: it is there and does nothing."""
        with self.lock:
            if self.process and self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        with self.lock:
            if self.process and self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGCONT)

    def fall(self) -> int | None:
        """Its exit code, if it ended although nobody asked for it."""
        return self.process.poll() if self.is_wanted and self.process else None


def _end_with_us() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: Linux ends it when we are killed


class Family:
    """Web, two workers, two listeners and beat, each restarted when it falls by itself."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        def member(name: str, *command: str) -> Member:
            return Member(name, command, environment, folder / f"{name}.log")

        self.web = member("web", *processes.WEB)
        self.workers = [
            member(name, *processes.WORKER, "--hostname", f"{name}@%h") for name in ("worker1", "worker2")
        ]
        self.listeners = [member(name, *processes.LISTENER) for name in ("listener1", "listener2")]
        self.beat = member("beat", *processes.BEAT)
        self.fallen: list[str] = []
        self._stop = threading.Event()
        self._watch = threading.Thread(target=self._restart, name="watch", daemon=True)

    @property
    def members(self) -> list[Member]:
        return [self.web, *self.workers, *self.listeners, self.beat]

    def start(self) -> None:
        for member in self.members:
            member.start()
        self._watch.start()

    def stop(self) -> None:
        """End everything, the polite way first."""
        for member in self.members:
            member.thaw()
            member.is_wanted = False
            if member.process and member.process.poll() is None:
                member.process.send_signal(signal.SIGTERM)
        ends = time.monotonic() + STOP_SECONDS / 2
        for member in self.members:
            try:
                if member.process:
                    member.process.wait(max(0.1, ends - time.monotonic()))
            except subprocess.TimeoutExpired:
                member.kill()
        self._stop.set()  # only now: Linux ends a process with the thread that started it

    def _restart(self) -> None:
        while not self._stop.wait(0.2):
            for member in self.members:
                with member.lock:
                    code = member.fall()
                    if code is not None:
                        self.fallen.append(f"{member.name} (exit code {code})")
                        member.start()
