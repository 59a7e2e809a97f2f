import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import Any

import pytest
import redis as redis_client

from monitor import counting
from monitor.store import COUNTERS, MemoryStore, RedisStore
from tests import servers
from tests.monitor.conftest import use
from tests.standalone.conftest import ROOT
from tests.waiting import until


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    store = MemoryStore()
    use(monkeypatch, store)
    return store


@pytest.fixture
def in_redis(monkeypatch: pytest.MonkeyPatch, redis: servers.Server) -> RedisStore:
    with redis_client.Redis.from_url(redis.url) as client:
        client.flushall()
    store = RedisStore(redis.url)
    use(monkeypatch, store)
    return store


def test_everything_is_added_up_by_labels(memory: MemoryStore) -> None:
    counting.events_in("message", "hipchat", 3)
    counting.events_in("edit", "hipchat", 1)
    counting.events_in("message", "hipchat", 2)
    counting.delivery_ended("echo", "failed", None)

    counting.flush()

    assert memory.totals() == {
        ("events", "hipchat", "message"): 5,
        ("events", "hipchat", "edit"): 1,
        ("ended", "echo", "failed"): 1,
    }


@pytest.mark.parametrize(
    ("lag", "bucket", "micros"),
    [
        (0.005, 0, 5_000),
        (0.0051, 1, 5_100),
        (-3.0, 0, 0),
        (86_400.0, 17, 86_400_000_000),
        (90_000.0, 18, 9 * 10**10),
    ],
)
def test_lag_falls_into_the_bucket_that_ends_at_it_or_above(
    memory: MemoryStore, lag: float, bucket: int, micros: int
) -> None:
    counting.delivery_ended("echo", "sent", lag)
    counting.flush()

    assert memory.totals() == {
        ("ended", "echo", "sent"): 1,
        ("lag", "echo", str(bucket)): 1,
        ("lag_sum", "echo"): micros,
    }


def test_threads_together_count_everything_once(memory: MemoryStore) -> None:
    def work() -> None:
        for number in range(2000):
            counting.events_in("message", "echo", 1)
            if number % 100 == 0:
                counting.flush()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counting.flush()

    assert memory.totals() == {("events", "echo", "message"): 16_000}


def test_what_is_counted_reaches_the_store_without_being_asked(memory: MemoryStore) -> None:
    counting.events_in("message", "echo", 1)

    assert until(memory.totals) == {("events", "echo", "message"): 1}


def test_processes_add_to_the_same_counters(in_redis: RedisStore, redis: servers.Server) -> None:
    other = RedisStore(redis.url)
    other.add({("events", "echo", "message"): 40})
    counting.events_in("message", "echo", 2)

    counting.flush()
    counting.flush()

    assert other.totals() == in_redis.totals() == {("events", "echo", "message"): 42}


def test_what_redis_did_not_take_is_kept_and_a_lost_counter_starts_again(
    in_redis: RedisStore, redis: servers.Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="monitor.store")
    redis.kill()
    try:
        counting.events_in("message", "echo", 1)
        counting.flush()
        counting.events_in("message", "echo", 1)
        counting.flush()
    finally:
        redis.start()
    counting.flush()
    assert in_redis.totals() == {("events", "echo", "message"): 2}
    assert [record.message.split(" (")[0] for record in caplog.records] == [
        "Redis does not take our metrics",
        "Redis takes our metrics again.",
    ]

    with redis_client.Redis.from_url(redis.url) as client:
        client.flushall()
    counting.events_in("message", "echo", 5)
    counting.flush()

    assert in_redis.totals() == {("events", "echo", "message"): 5}


def test_hung_redis_counts_nothing_twice_and_holds_nobody_up(
    in_redis: RedisStore, redis: servers.Server
) -> None:
    counting.events_in("message", "echo", 1)
    counting.flush()
    assert redis.process
    os.kill(redis.process.pid, signal.SIGSTOP)
    try:
        counting.events_in("message", "echo", 1)
        for _ in range(3):
            counting.flush()
        began = time.monotonic()
        counting.events_in("message", "echo", 1)
        took = time.monotonic() - began
    finally:
        os.kill(redis.process.pid, signal.SIGCONT)
    counting.flush()

    assert took < 0.5
    assert in_redis.totals() == {("events", "echo", "message"): 3}


PROGRAM = """
import django
django.setup()
from monitor import counting
counting.EVERY = 3600
counting.events_in("message", "echo", 7)
"""


def child(program: str, **variables: str) -> None:
    environment = {"DJANGO_SETTINGS_MODULE": "sameroom.settings", "LOCAL": "1", "PATH": os.environ["PATH"]}
    subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment | variables, check=True, timeout=60
    )


def test_process_that_ends_leaves_what_it_has_counted(
    in_redis: RedisStore, redis: servers.Server, tmp_path: Any
) -> None:
    child(PROGRAM, REDIS_URL=redis.url, VAR_DIR=str(tmp_path))

    assert in_redis.totals() == {("events", "echo", "message"): 7}


def test_forked_child_counts_its_own_only(in_redis: RedisStore, redis: servers.Server, tmp_path: Any) -> None:
    fork = """
import os
if os.fork():
    os.wait()
else:
    counting.events_in("edit", "echo", 1)
"""

    child(PROGRAM + fork, REDIS_URL=redis.url, VAR_DIR=str(tmp_path))

    assert in_redis.totals() == {("events", "echo", "message"): 7, ("events", "echo", "edit"): 1}


def test_counters_are_one_hash(in_redis: RedisStore, redis: servers.Server) -> None:
    in_redis.add({("ended", "echo", "sent"): 1, ("lag_sum", "echo"): 12})

    with redis_client.Redis.from_url(redis.url, decode_responses=True) as client:
        assert client.keys() == [COUNTERS]
        assert client.hgetall(COUNTERS) == {"ended|echo|sent": "1", "lag_sum|echo": "12"}
    assert in_redis.totals() == Counter({("ended", "echo", "sent"): 1, ("lag_sum", "echo"): 12})
