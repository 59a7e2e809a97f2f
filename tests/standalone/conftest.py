"""A Sameroom of its own for each test: `manage.py run` as a process."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest
import redis as redis_client
import requests
from kombu import Connection

from tests import servers
from tests.conftest import ON_RABBITMQ
from tests.starting import database

ROOT = Path(__file__).resolve().parent.parent.parent


class Running:
    """A started `manage.py run`."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.port = int(variables.get("PORT") or servers.free_port())
        self.url = f"http://127.0.0.1:{self.port}"
        self.output = folder / "output"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "DJANGO_SETTINGS_MODULE": "tests.standalone.probe.settings",
            "LOCAL": "1",
            "VAR_DIR": str(folder / "var"),
            "DATABASE_URL": "",
            "REDIS_URL": "",
            "CELERY_BROKER_URL": "",
            "WORKER_THREADS": "4",
        }
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "run"],
                cwd=ROOT,
                stdout=output,
                stderr=output,
                env={**environment, "PORT": str(self.port), **variables},
            )

    def text(self) -> str:
        return self.output.read_text()

    def get(self, path: str = "/") -> requests.Response:
        return requests.get(self.url + path, timeout=30)

    def wait_until_ready(self, within: float = 90) -> None:
        end = time.monotonic() + within
        while "first operator" not in self.text():
            assert self.process.poll() is None, self.text()
            assert time.monotonic() < end, self.text()
            time.sleep(0.05)

    def mark(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.get("/probe/mark").json()
        return answer

    def stop(self, number: signal.Signals = signal.SIGINT) -> tuple[int, float]:
        """Exit code, and the seconds it took."""
        begun = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(20), time.monotonic() - begun


Start = Callable[..., Running]


def left_behind(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Which of them still run. Not one of whom only the entry is left, since nobody has fetched its code."""
    return [process for process in psutil.wait_procs(list(processes), timeout=10)[1] if _runs(process)]


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start Sameroom with these variables, with all tables; whatever is left of it ends with the test."""
    started: list[Running] = []

    def start(*, ready: bool = True, with_tables: bool = True, **variables: str) -> Running:
        file = tmp_path / "var" / "sameroom.sqlite3"
        if with_tables and ready and not variables.get("DATABASE_URL") and not file.exists():
            file.parent.mkdir(mode=0o700, exist_ok=True)
            shutil.copy(database(), file)
        running = Running(tmp_path, **variables)
        started.append(running)
        if ready:
            running.wait_until_ready()
        return running

    yield start
    for running in started:
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGTERM)
            running.process.wait(20)


@pytest.fixture
def stores(postgres: servers.Server, redis: servers.Server, request: pytest.FixtureRequest) -> dict[str, str]:
    """A fresh database, an empty Redis, and where tests/run.py is for it an empty RabbitMQ as the broker."""
    with redis_client.Redis.from_url(redis.url) as client:
        client.flushall()
    connection = psycopg2.connect(postgres.url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS standalone WITH (FORCE)")
        cursor.execute("CREATE DATABASE standalone")
    connection.close()
    found = {"DATABASE_URL": postgres.url.replace("/postgres", "/standalone"), "REDIS_URL": f"{redis.url}/0"}
    if ON_RABBITMQ:
        broker: servers.Server = request.getfixturevalue("rabbitmq")
        with Connection(broker.url) as connection:
            connection.default_channel.queue_delete("celery")
        found["CELERY_BROKER_URL"] = broker.url
    return found
