"""With DATABASE_URL and REDIS_URL: web, worker, listener and beat as processes, on real servers."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from tests import servers
from tests.standalone.conftest import ROOT, Running, Start, left_behind
from tests.waiting import PATIENCE, until

pytestmark = [pytest.mark.xdist_group("servers"), pytest.mark.rabbitmq]


def family(running: Running) -> list[psutil.Process]:
    return psutil.Process(running.process.pid).children()


def test_four_processes_work_together_and_leave_nobody_behind(start: Start, stores: dict[str, str]) -> None:
    running = start(**stores)

    assert running.get().status_code == 200
    assert "web, worker, listener and beat as separate processes" in running.text()
    assert sorted(running.mark()["seconds"] for _ in range(20))[10] < 0.2
    assert len(family(running)) == 4
    everybody = psutil.Process(running.process.pid).children(recursive=True)
    code, seconds = running.stop()
    assert code == 0
    assert seconds < 5
    assert left_behind(everybody) == []
    assert "arning:" not in running.text()


def test_stop_is_quick_while_every_worker_thread_hangs(start: Start, stores: dict[str, str]) -> None:
    running = start(**stores)
    running.get("/probe/hang?times=8")

    code, seconds = running.stop(signal.SIGTERM)

    assert code == 0
    assert seconds < 5


@pytest.mark.parametrize("word", ["gunicorn", "worker", "listen", "beat"])
def test_death_of_one_ends_the_rest_and_is_said(start: Start, stores: dict[str, str], word: str) -> None:
    running = start(**stores)
    [victim] = [child for child in family(running) if word in child.cmdline()]

    victim.kill()

    assert running.process.wait(PATIENCE) == 1
    assert "ended with code -9; stopping the rest" in running.text()


def test_killed_parent_takes_its_children_along(start: Start, stores: dict[str, str]) -> None:
    running = start(**stores)
    children = family(running)

    running.process.kill()
    running.process.wait()

    assert left_behind(children) == []


def test_restart_of_postgresql_costs_no_task(
    start: Start, stores: dict[str, str], postgres: servers.Server
) -> None:
    running = start(**stores)
    # None where it took one that another thread had given back.
    assert {running.mark()["connections"] for _ in range(10)} <= {0, 1}

    postgres.kill()
    postgres.start()

    assert [running.mark() != {} for _ in range(10)] == [True] * 10
    assert running.get("/admin/login/").status_code == 200


def test_worker_outlives_redis_with_tasks_under_way(
    start: Start, stores: dict[str, str], redis: servers.Server
) -> None:
    running = start(**stores)
    running.mark()  # the worker is up
    children = {child.pid for child in family(running)}
    running.get("/probe/hang?times=3")
    running.mark()  # it has taken them

    redis.kill()
    assert running.get("/").status_code == 200
    redis.start()

    until(lambda: running.get("/probe/mark").text != "{}", within=60)
    assert {child.pid for child in family(running)} == children
    assert "Unrecoverable" not in running.text()


def test_health_checks_of_the_containers(start: Start, stores: dict[str, str]) -> None:
    running = start(**stores)
    assert running.mark()  # the worker is up
    environment = {
        **os.environ,
        "CELERY_BROKER_URL": "",
        **stores,
        "DJANGO_SETTINGS_MODULE": "sameroom.settings",
    }

    def healthy(part: str) -> bool:
        command = [sys.executable, "-m", "standalone.health", part]
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0

    assert healthy("worker")
    assert healthy("beat")
    running.stop()
    assert not healthy("worker")
