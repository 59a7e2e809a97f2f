"""A Sameroom of one's own for a while: on a free port, with all its files in a folder that goes away."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from sameroom.env import BASE_DIR
from standalone.ports import free_port

START_SECONDS = 60
STOP_SECONDS = 30


class DidNotStart(Exception):
    """The process ended or never answered; the text holds the last it said."""


@dataclass(frozen=True, slots=True)
class Sameroom:
    """A running one: where it is, its process, and the file that holds what it says."""

    address: str
    pid: int
    log: Path


@contextmanager
def started(database: Path | None = None, **variables: str) -> Iterator[Sameroom]:
    """Run `manage.py run` with its local defaults and these variables, until it answers; then stop it.

    It begins with a copy of `database`, an SQLite file, where there is one: else it has to make its tables.
    """
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="sameroom-demo-") as folder:
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment |= {"LOCAL": "1", "PORT": str(port), "PUBLIC_URL": address, "VAR_DIR": folder} | variables
        if database:
            shutil.copy(database, Path(folder) / "sameroom.sqlite3")
        log = Path(folder) / "run.log"
        with log.open("w") as output:
            process = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, str(BASE_DIR / "manage.py"), "run"],
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            _wait_until_up(address, process, log)
            yield Sameroom(address, process.pid, log)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=STOP_SECONDS)


def _wait_until_up(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        if process.poll() is not None:
            raise DidNotStart(f"Sameroom did not start: {log.read_text()[-500:]}")
        try:
            if requests.get(address, timeout=5).ok:
                return
        except (requests.ConnectionError, requests.Timeout):
            time.sleep(0.1)
    raise DidNotStart(f"Sameroom was not up after {START_SECONDS} seconds: {log.read_text()[-500:]}")
