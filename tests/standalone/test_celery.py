import os
import signal
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

from sameroom.celery import app, check_connections
from tests import servers
from tests.standalone.conftest import ROOT

RING = """
import time
import kombu.exceptions
from sameroom.celery import app
begun = time.monotonic()
try:
    app.send_task("tubes.tasks.sweep", retry=False)
except kombu.exceptions.OperationalError:
    print(time.monotonic() - begun)
"""


def task(*, is_eager: bool) -> Any:
    return SimpleNamespace(request=SimpleNamespace(is_eager=is_eager))


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
def test_connection_that_works_is_kept() -> None:
    connection.ensure_connection()
    working = connection.connection

    check_connections(sender=task(is_eager=False))

    connection.ensure_connection()
    assert connection.connection is working


def test_beat_names_tasks_that_exist() -> None:
    app.loader.import_default_modules()

    wanted = {entry["task"] for entry in app.conf.beat_schedule.values()}

    assert wanted - set(app.tasks) == set()


def seconds_lost(broker: str) -> float:
    """How long a process holds still that wakes a worker through a broker which does not answer."""
    variables = {**os.environ, "DJANGO_SETTINGS_MODULE": "sameroom.settings", "CELERY_BROKER_URL": broker}
    command = [sys.executable, "-c", RING]
    ended = subprocess.run(command, cwd=ROOT, env=variables, check=True, capture_output=True, timeout=60)
    return float(ended.stdout)


@pytest.mark.parametrize("address", ["redis://127.0.0.1:{}/0", "amqp://guest:guest@127.0.0.1:{}//"])
def test_ring_for_a_broker_that_is_gone_costs_no_time(address: str) -> None:
    assert seconds_lost(address.format(servers.free_port())) < 3  # and not the six of kombu's own tries


@pytest.mark.xdist_group("servers")
def test_ring_for_a_redis_that_hangs_costs_little_time(redis: servers.Server) -> None:
    assert redis.process
    redis.process.send_signal(signal.SIGSTOP)
    try:
        assert seconds_lost(f"{redis.url}/0") < 10
    finally:
        redis.process.send_signal(signal.SIGCONT)
