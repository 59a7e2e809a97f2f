"""The addresses that watch, and the logs, of a Sameroom that runs."""

import json
import os
import signal
import time

import psutil
import pytest
import redis as redis_client
from prometheus_client.parser import text_string_to_metric_families as parse

from monitor.store import COUNTERS, SEEN
from standalone import health
from tests import servers
from tests.standalone.conftest import Running, Start
from tests.waiting import until

on_servers = pytest.mark.xdist_group("servers")


def samples(running: Running) -> dict[str, float]:
    """The metrics of HipChat, messages and what was sent, and those without labels."""
    wanted = ("hipchat", "message", "sent", "+Inf")
    return {
        sample.name: sample.value
        for family in parse(running.get("/metrics").text)
        for sample in family.samples
        if all(value in wanted for value in sample.labels.values())
    }


def failing(running: Running) -> dict[str, str]:
    checks = running.get("/readyz").json()["checks"]
    return {check["name"]: check["text"] for check in checks if not check["ok"]}


def test_one_process_is_watched(start: Start) -> None:
    running = start()

    assert running.get("/healthz").text == "ok\n"
    assert health.web(running.port)
    until(lambda: running.get("/readyz").status_code == 200)
    running.get("/probe/count?here=2&there=3")
    until(lambda: samples(running)["sameroom_events_in_total"] == 5)
    found = samples(running)
    assert found["sameroom_workers"] == 1
    assert found["sameroom_sweep_age_seconds"] < 60
    assert found["sameroom_lag_seconds_bucket"] == found["sameroom_lag_seconds_count"] == 1
    assert found["sameroom_deliveries_ended_total"] == 1
    running.stop()
    assert not health.web(running.port)


@on_servers
def test_processes_count_together_and_say_good_bye(
    start: Start, stores: dict[str, str], redis: servers.Server
) -> None:
    running = start(**stores, METRICS_TOKEN="")
    until(lambda: running.get("/readyz").status_code == 200, told=running.text)

    for _ in range(10):
        running.get("/probe/count?here=2&there=3")

    until(lambda: samples(running)["sameroom_events_in_total"] == 50)
    assert samples(running)["sameroom_workers"] == 1
    running.get("/probe/count?here=1&there=4")
    until(lambda: samples(running)["sameroom_deliveries_ended_total"] == 11)
    running.stop()
    with redis_client.Redis.from_url(stores["REDIS_URL"], decode_responses=True) as client:
        counted: dict[str, str] = client.hgetall(COUNTERS)  # type: ignore[assignment]
        assert (counted["events|hipchat|message"], counted["ended|hipchat|sent"]) == ("55", "11")
        assert client.zrange(SEEN, 0, -1) == ["sweep"]


@on_servers
def test_probes_are_answered_while_the_database_hangs(
    start: Start, stores: dict[str, str], postgres: servers.Server
) -> None:
    running = start(**stores)
    until(lambda: running.get("/readyz").status_code == 200, told=running.text)
    assert postgres.process
    everything = [postgres.process.pid]
    everything += [child.pid for child in psutil.Process(postgres.process.pid).children(recursive=True)]

    for pid in everything:
        os.kill(pid, signal.SIGSTOP)
    try:
        until(lambda: "database" in failing(running))
        began = time.monotonic()
        found = failing(running)
        took = time.monotonic() - began
        alive = running.get("/healthz").status_code
        part = running.get("/metrics").text
    finally:
        for pid in reversed(everything):
            os.kill(pid, signal.SIGCONT)

    assert found["database"] == found["lag"] == "No answer in time."
    assert not {"broker", "cache"} & found.keys()
    assert took < 4  # the limit is 2 s; the machine may be busy
    assert alive == 200
    assert 'sameroom_collector_up{part="database"} 0.0' in part
    assert 'sameroom_collector_up{part="counters"} 1.0' in part
    until(lambda: running.get("/readyz").status_code == 200, told=running.text)


@on_servers
def test_probes_are_answered_while_redis_is_gone(
    start: Start, stores: dict[str, str], redis: servers.Server
) -> None:
    running = start(**stores)
    until(lambda: running.get("/readyz").status_code == 200, told=running.text)

    redis.kill()
    try:
        until(lambda: sorted(failing(running)) == ["beat", "broker", "cache"])
        part = running.get("/metrics").text
    finally:
        redis.start()

    assert 'sameroom_collector_up{part="counters"} 0.0' in part
    assert 'sameroom_collector_up{part="database"} 1.0' in part
    until(lambda: running.get("/readyz").status_code == 200, told=running.text)
    until(lambda: samples(running).get("sameroom_workers") == 1)


@on_servers
def test_every_process_logs_json_without_what_people_wrote(start: Start, stores: dict[str, str]) -> None:
    running = start(**stores, LOG_FORMAT="json")
    running.get("/probe/fail?words=by%20the%20old%20oak")
    family = psutil.Process(running.process.pid).children()
    [web] = [child for child in family if "gunicorn" in child.cmdline()]
    web.children()[0].kill()

    def records() -> list[dict[str, object]]:
        whole = running.text().rpartition("\n")[0]  # the last line may still be written
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]

    until(
        lambda: {"celery.app.trace", "gunicorn.error"} <= {record["logger"] for record in records()},
    )
    assert running.get("/healthz").status_code == 200
    running.stop()
    [failure] = [record for record in records() if record["logger"] == "celery.app.trace"]
    assert "invalid input syntax for type integer: [hidden]" in str(failure["exception"])
    assert "oak" not in running.text()
    assert "Traceback" not in [line.split(" ")[0] for line in running.text().splitlines()]
