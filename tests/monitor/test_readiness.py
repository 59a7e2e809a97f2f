import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.test.utils import CaptureQueriesContext

from monitor import lanes, pulse, readiness
from monitor.readiness import TIME_LIMIT
from monitor.store import store
from sameroom import clock
from tests import factories, servers
from tests.waiting import PATIENCE
from tubes.models import Installation, Listener, Seat

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

WELL = {
    "database": "Answers and is up to date.",
    "lag": "What is due is being worked on.",
    "listener": "Streams are listened to.",
    "broker": "Answers.",
    "cache": "Answers.",
    "beat": "Sweeps come and are worked off.",
}


@pytest.fixture
def swept() -> None:
    store().mark(pulse.SWEEP)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What works has all the time it takes: a busy machine may be slow."""
    monkeypatch.setattr(readiness, "TIME_LIMIT", PATIENCE)


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch, _patient: None) -> None:
    """As little time as in service."""
    monkeypatch.setattr(readiness, "TIME_LIMIT", TIME_LIMIT)


@pytest.fixture
def deaf() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def ask(client: Client) -> tuple[int, dict[str, str]]:
    """The status, and the sentence of each check that is not well."""
    answer = client.get("/readyz")
    body = answer.json()
    assert [check["name"] for check in body["checks"]] == list(WELL)
    assert body["ready"] == all(check["ok"] for check in body["checks"]) == (answer.status_code == 200)
    for check in body["checks"]:
        assert not check["ok"] or check["text"] in {WELL[check["name"]], *ALSO_WELL}
    return answer.status_code, {check["name"]: check["text"] for check in body["checks"] if not check["ok"]}


ALSO_WELL = {
    "Not looked at: the relay is stopped.",
    "No account is read by a stream.",
    "Not known: the processes share no memory without REDIS_URL.",
}


def test_ready_while_everything_is_well(client: Client, swept: None) -> None:
    assert ask(client) == (200, {})
    assert client.get("/readyz")["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    assert client.head("/readyz").status_code == 200
    assert client.post("/readyz").status_code == 405


def test_not_ready_before_the_first_sweep_nor_long_after_the_last(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "No sweep is known of: beat or the workers do not run, or just started."
    assert ask(client) == (503, {"beat": text})

    store().mark(pulse.SWEEP)
    late = clock.now() + timedelta(seconds=31)
    monkeypatch.setattr(clock, "now", lambda: late)
    monkeypatch.setattr(readiness, "current", readiness.Readiness())

    assert ask(client) == (503, {"beat": "No sweep for more than 30 seconds."})


def test_beat_is_not_judged_where_nobody_can_know(client: Client, settings: Any) -> None:
    settings.REDIS_URL, settings.CELERY_BROKER_URL = "", "amqp://127.0.0.1:1//"

    answers = {check.name: check for check in readiness.current.checks()}

    assert answers["beat"] == readiness.Check(
        "beat", True, "Not known: the processes share no memory without REDIS_URL."
    )
    assert answers["broker"].ok is False


def test_not_ready_while_something_due_waits_for_a_worker(client: Client, swept: None) -> None:
    due = clock.now() - timedelta(seconds=61)
    factories.delivery(next_attempt_at=due)

    assert ask(client) == (503, {"lag": "Something due has waited for a worker for more than 60 seconds."})


def test_ready_while_what_waits_is_young_or_the_limit_is_high(
    client: Client, swept: None, settings: Any
) -> None:
    factories.delivery(next_attempt_at=clock.now() - timedelta(seconds=40))
    assert ask(client) == (200, {})

    settings.READY_LAG_SECONDS = 10

    assert [check.ok for check in readiness.Readiness().checks()] == [True, False, True, True, True, True]


def test_ready_while_a_deep_lane_is_between_two_turns(
    client: Client, swept: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    seat = factories.seat()
    factories.delivery(seat_=seat, next_attempt_at=clock.now() - timedelta(seconds=1000))
    real, looks = lanes.waiting, []

    def look(**when: Any) -> Any:
        looks.append(real(**when))
        Seat.objects.filter(pk=seat.pk).update(lane_fence=len(looks))  # a worker has its turn in between
        return looks[-1]

    monkeypatch.setattr(lanes, "waiting", look)

    assert ask(client) == (200, {})
    assert [len(look) for look in looks] == [1, 1]


def test_lag_is_not_judged_while_the_relay_is_stopped(client: Client, swept: None) -> None:
    Installation.objects.create(pk=1, public_url="https://a.example", stopped_because="It is a copy.")
    factories.delivery(next_attempt_at=clock.now() - timedelta(seconds=1000))

    assert ask(client) == (200, {})


def test_not_ready_while_nobody_listens_to_a_stream(client: Client, swept: None) -> None:
    account = factories.account(kind="stub", stream_fence=1)
    factories.tube(factories.seat(account))
    gone = Listener.objects.create(name="here:1:a", seen_at=clock.now() - timedelta(seconds=31))
    told = {"listener": "Nobody listens to the streams: no `manage.py listen` runs."}

    assert ask(client) == (503, told)
    Listener.objects.filter(pk=gone.pk).update(seen_at=clock.now())
    readiness.current = readiness.Readiness()
    assert ask(client) == (200, {})


def test_not_ready_before_the_tables_are_up_to_date(client: Client, swept: None) -> None:
    name = max(name for app, name in MigrationRecorder(connection).applied_migrations() if app == "tubes")
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied("tubes", name)
    try:
        found = ask(client)
    finally:
        recorder.record_applied("tubes", name)

    assert found == (
        503,
        {
            "database": "Its tables are not up to date: run manage.py migrate.",
            "lag": "Cannot be known before the tables are up to date.",
            "listener": "Cannot be known before the tables are up to date.",
        },
    )


def test_what_hangs_is_said_in_time_and_is_asked_once(
    swept: None, deaf: int, limited: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def hang() -> list[readiness.Check]:
        asked.append(1)
        with socket.create_connection(("127.0.0.1", deaf)) as connection:
            connection.recv(1)
        return []

    monkeypatch.setitem(readiness.QUESTIONS, hang, ("database", "lag"))
    monkeypatch.delitem(readiness.QUESTIONS, readiness.database)
    slow = readiness.Readiness()

    took, found = [], []
    for _ in range(2):
        began = time.monotonic()
        found.append({check.name: check.text for check in slow.checks() if not check.ok})
        took.append(time.monotonic() - began)

    assert found == [{"database": "No answer in time.", "lag": "No answer in time."}] * 2
    assert max(took) < 2.5
    assert asked == [1]


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_broker_that_hangs_is_said_in_time(
    settings: Any, swept: None, deaf: int, limited: None, scheme: str
) -> None:
    settings.CELERY_BROKER_URL = f"{scheme}://127.0.0.1:{deaf}//"
    began = time.monotonic()

    checks = {check.name: check for check in readiness.current.checks()}

    assert time.monotonic() - began < 2.5
    assert checks["broker"].ok is False
    assert checks["database"].ok is True


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_broker_that_is_gone_is_said_without_its_address(settings: Any, swept: None, scheme: str) -> None:
    settings.CELERY_BROKER_URL = f"{scheme}://who:open-sesame@127.0.0.1:{servers.free_port()}//"

    checks = {check.name: check.text for check in readiness.current.checks() if not check.ok}

    assert checks == {"broker": "Does not answer."}


def test_broker_is_asked_over_the_network(settings: Any, redis: servers.Server, swept: None) -> None:
    settings.CELERY_BROKER_URL = f"{redis.url}/0"

    assert readiness.broker() == [readiness.Check("broker", True, "Answers.")]


def test_several_that_ask_at_once_cost_as_much_as_one(swept: None) -> None:
    readiness.current.checks()
    with CaptureQueriesContext(connection) as here:
        for _ in range(20):
            readiness.current.checks()

    assert len(here) == 0


def test_trouble_is_logged_when_it_begins_and_when_it_ends(
    settings: Any, swept: None, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO", logger="monitor.readiness")
    monkeypatch.setattr(readiness, "FRESH", 0.0)
    ready = readiness.Readiness()
    factories.delivery(next_attempt_at=clock.now() - timedelta(seconds=10))
    settings.READY_LAG_SECONDS = 5
    ready.checks()
    ready.checks()
    settings.READY_LAG_SECONDS = 1000
    ready.checks()

    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("WARNING", "Check lag: Something due has waited for a worker for more than 5 seconds."),
        ("INFO", "Check lag: What is due is being worked on."),
    ]


class TestHealth:
    def test_process_that_answers_is_up_and_asks_no_store(
        self, client: Client, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with django_assert_num_queries(0):
            answer = client.get("/healthz")

        assert (answer.status_code, answer.content) == (200, b"ok\n")
        assert answer.cookies == {}
        assert client.head("/healthz").status_code == 200

    @pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
    def test_probes_are_answered_over_plain_http(
        self, client: Client, settings: Any, swept: None, path: str
    ) -> None:
        settings.SECURE_SSL_REDIRECT = True

        assert client.get("/").status_code == 301
        for host in ("127.0.0.1:8000", "localhost"):
            assert client.get(path, headers={"Host": host}).status_code == 200
