"""RabbitMQ as the broker, with and without a Redis for the cache: `tests/run.py --only rabbitmq`."""

import pytest
from celery import Celery

from standalone import demo
from tests import servers
from tests.standalone.conftest import Start
from tests.waiting import until

pytestmark = [pytest.mark.xdist_group("servers"), pytest.mark.rabbitmq]


@pytest.mark.parametrize("cache", ["redis", "memory"])
def test_conversation_is_relayed(
    start: Start, stores: dict[str, str], rabbitmq: servers.Server, cache: str
) -> None:
    if cache == "memory":
        stores["REDIS_URL"] = ""
    running = start(**stores)
    said: list[str] = []

    demo.run(running.url, 5, said.append)

    assert said[-1] == "No message came back to where it was said."
    assert "Traceback" not in running.text()


def test_alarms_ahead_hold_up_nobody(
    start: Start, stores: dict[str, str], rabbitmq: servers.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", rabbitmq.url)  # Celery asks there before anywhere else
    running = start(**stores)
    running.mark()  # the worker is up
    with Celery(set_as_current=False) as application:
        for number in range(200):
            application.send_task("tubes.tasks.drain_lane", args=(0, number), countdown=30, expires=40)
        application.pool.force_close_all()

    assert running.mark() != {}


def test_restart_costs_no_task_that_comes_after(
    start: Start, stores: dict[str, str], rabbitmq: servers.Server
) -> None:
    running = start(**stores)
    running.mark()

    rabbitmq.kill()
    assert running.get("/").status_code == 200
    rabbitmq.start(servers.RABBITMQ_START)

    until(lambda: running.get("/probe/mark").text != "{}", within=60)
    assert [running.mark() != {} for _ in range(10)] == [True] * 10
