"""Rings: by the threads of this process, by a Redis list, by a Celery task; lost without harm."""

import logging
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery
from django.db import transaction

from tests import servers
from tests.relay.conftest import Pair
from tests.waiting import until
from tubes import tasks
from tubes.relay import attendants, bell
from tubes.relay.runner import Runner

RING, RING_LANES = bell._ring, bell.ring_lanes  # before the tests' own bells are put in their place


@pytest.fixture(scope="module")
def redis_server() -> Iterator[servers.Server]:
    with servers.redis() as server:
        yield server


@pytest.fixture
def listed(
    redis_server: servers.Server, settings: Any, monkeypatch: pytest.MonkeyPatch, rings: object
) -> servers.Server:
    """A Redis to ring by, that answers and holds nothing."""
    settings.REDIS_URL = redis_server.url
    monkeypatch.setattr(bell, "_client", None)
    monkeypatch.setattr(bell, "ring_lanes", RING_LANES)
    bell._redis().flushall()
    return redis_server


@pytest.fixture
def celery(redis_server: servers.Server, monkeypatch: pytest.MonkeyPatch, rings: object) -> Celery:
    """Celery at that Redis, set up as in service."""
    monkeypatch.setenv("CELERY_BROKER_URL", redis_server.url)  # Celery reads it before all else
    app = Celery("bells", broker=redis_server.url, set_as_current=False)
    app.conf.update(
        broker_transport_options={"max_retries": 0, "socket_timeout": 2, "socket_connect_timeout": 2}
    )
    app.conf.broker_connection_retry_on_startup = True
    monkeypatch.setattr(bell, "current_app", app)
    monkeypatch.setattr(bell, "_ring", RING)
    monkeypatch.setattr(bell, "ring_lanes", RING_LANES)
    app.connection_for_write().channel().client.flushall()
    return app


# ----------------------------------------------------------------- the list


def test_rings_come_in_the_order_they_were_pushed(listed: servers.Server) -> None:
    bell.ring_lanes([7, 3, 7])
    bell.ring_lanes([5])

    assert bell.wait_for_rings(1) == [3, 7, 5]


def test_whoever_waits_is_not_kept_for_ever(listed: servers.Server) -> None:
    begun = time.monotonic()

    assert bell.wait_for_rings(0.2) == []

    assert time.monotonic() - begun < 5


def test_rings_that_nobody_takes_do_not_pile_up(
    listed: servers.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bell, "LONGEST", 5)

    for number in range(1, 9):
        bell.ring_lanes([number])

    assert bell._redis().llen(bell.LIST) == 5
    assert bell.wait_for_rings(1) == [4, 5, 6, 7, 8]


def test_a_runner_takes_rings_from_the_list(listed: servers.Server) -> None:
    seen: list[int] = []

    class Crew(Runner):
        def _learn_place(self, seat_id: int) -> None:
            self._places[seat_id] = ("stub", "here")

    crew = Crew(4, lambda seat_id: seen.append(seat_id))
    crew.start()
    try:
        bell.ring_lanes([1, 2, 3])
        until(lambda: len(seen) == 3)
    finally:
        crew.stop()

    assert sorted(seen) == [1, 2, 3]


def test_a_redis_that_is_gone_costs_a_line_in_the_log(
    listed: servers.Server, caplog: pytest.LogCaptureFixture
) -> None:
    bell.ring_lanes([1])
    listed.kill()
    try:
        bell.ring_lanes([2])
    finally:
        listed.start()
    bell.ring_lanes([3])

    assert bell.wait_for_rings(1) == [3]
    [record] = [one for one in caplog.records if one.name == bell.log.name]
    assert (record.levelno, record.getMessage()) == (
        logging.WARNING,
        "Redis did not take a ring (ConnectionError); the sweep will ring again",
    )


def test_a_redis_that_hangs_is_waited_for_seconds_only(
    listed: servers.Server, caplog: pytest.LogCaptureFixture
) -> None:
    bell.ring_lanes([1])
    assert listed.process
    listed.process.send_signal(signal.SIGSTOP)
    begun = time.monotonic()
    try:
        bell.ring_lanes([2])
    finally:
        listed.process.send_signal(signal.SIGCONT)

    assert time.monotonic() - begun < 10
    assert "the sweep will ring again" in caplog.text


# ----------------------------------------------------------------- tasks


def waiting(app: Celery) -> int:
    length: int = app.connection_for_write().channel().client.llen("celery")
    return length


def test_without_a_list_a_task_carries_the_rings(celery: Celery, settings: Any) -> None:
    settings.REDIS_URL = ""

    bell.ring_lanes([3, 7])

    assert waiting(celery) == 1


def test_a_task_hands_the_rings_to_the_threads_of_its_worker() -> None:
    class Porter:
        woken: list[int] = []

        def wake(self, seat_id: int) -> None:
            self.woken.append(seat_id)

    porter = Porter()
    attendants.lanes_are_drained_by(porter)
    try:
        tasks.wake_lanes([3, 7])
        RING_LANES([9])
    finally:
        attendants.lanes_are_drained_by(None)

    assert porter.woken == [3, 7, 9]
    tasks.wake_lanes([11])
    assert porter.woken == [3, 7, 9]


@pytest.mark.parametrize("is_warm", [True, False])
def test_a_broker_that_is_gone_costs_a_line_in_the_log(
    celery: Celery, redis_server: servers.Server, caplog: pytest.LogCaptureFixture, is_warm: bool
) -> None:
    if is_warm:
        bell.ring_account(1, fence=1)
        assert waiting(celery) == 1
    redis_server.kill()
    begun = time.monotonic()
    try:
        bell.ring_account(1, fence=1)
    finally:
        redis_server.start()

    assert time.monotonic() - begun < 10
    [record] = [one for one in caplog.records if one.name == bell.log.name]
    assert "the sweep will ring again" in record.getMessage()
    bell.ring_account(2, fence=1)
    assert waiting(celery) == 1


@pytest.mark.django_db(transaction=True)
def test_a_bell_that_fails_does_not_undo_what_was_committed(
    celery: Celery, redis_server: servers.Server, pair: Pair, settings: Any
) -> None:
    settings.REDIS_URL = ""
    after: list[str] = []
    redis_server.kill()
    try:
        with transaction.atomic():
            pair.say("one")
            transaction.on_commit(lambda: after.append("others are told"))
    finally:
        redis_server.start()

    assert (pair.there.deliveries.count(), after) == (1, ["others are told"])
