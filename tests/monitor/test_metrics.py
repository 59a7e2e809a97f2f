from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from connectors.budget import Use
from connectors.registry import connectors
from monitor import collectors, counting, lanes
from sameroom import clock
from tests import factories
from tubes.models import Delivery, Installation, Listener, Notice

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

WHOLE = ("Seq Scan on tubes_delivery", "SCAN tubes_delivery\n")  # how a plan says that it reads all there is
Samples = dict[tuple[str, ...], float]


def scrape(client: Client, **headers: str) -> Samples:
    """Each sample by its name and the values of its labels."""
    answer = client.get("/metrics", headers=headers or None)
    assert answer.status_code == 200
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in parse(answer.content.decode())
        for sample in family.samples
    }


def of(samples: Samples, name: str) -> dict[Any, float]:
    """The samples of this name; of services only the one that tests use and one that nobody uses."""
    others = connectors().keys() - {"echo", "hipchat"}
    found = {key[1:]: value for key, value in samples.items() if key[0] == name and not others & set(key)}
    return {key[0] if len(key) == 1 else key: value for key, value in found.items()}


def queue(seat: Any, count: int, *, age: float = 0, status: str = "queued", **extra: Any) -> list[Delivery]:
    when = clock.now() - timedelta(seconds=age)
    return [
        factories.delivery(seat_=seat, status=status, created_at=when, next_attempt_at=when, **extra)
        for _ in range(count)
    ]


def test_counters_and_lag_are_shown(client: Client) -> None:
    counting.events_in("message", "echo", 3)
    counting.delivery_ended("echo", "sent", 0.2)
    counting.delivery_ended("echo", "sent", 40)
    counting.delivery_ended("echo", "failed", None)

    samples = scrape(client)

    assert of(samples, "sameroom_events_in_total")["echo", "message"] == 3
    assert of(samples, "sameroom_deliveries_ended_total")["echo", "sent"] == 2
    assert of(samples, "sameroom_deliveries_ended_total")["echo", "failed"] == 1
    assert of(samples, "sameroom_deliveries_ended_total")["hipchat", "sent"] == 0
    buckets = of(samples, "sameroom_lag_seconds_bucket")
    assert [buckets["echo", end] for end in ("0.1", "0.25", "30.0", "60.0", "86400.0", "+Inf")] == [
        0,
        1,
        1,
        2,
        2,
        2,
    ]
    assert of(samples, "sameroom_lag_seconds_count") == {"echo": 2, "hipchat": 0}
    assert of(samples, "sameroom_lag_seconds_sum") == {"echo": 40.2, "hipchat": 0}


def test_lanes_are_shown_by_service(client: Client) -> None:
    deep, shallow = factories.seat(), factories.seat(lane_lease_until=clock.now() + timedelta(seconds=30))
    factories.seat(lane_lease_until=clock.now() - timedelta(seconds=1))
    queue(deep, 3, age=100)
    queue(deep, 1, age=900, status="sent")
    queue(shallow, 1, age=500, status="sending")
    queue(shallow, 2, age=20)

    samples = scrape(client)

    assert of(samples, "sameroom_deliveries_open") == {
        ("echo", "queued"): 5,
        ("echo", "sending"): 1,
        ("hipchat", "queued"): 0,
        ("hipchat", "sending"): 0,
    }
    assert of(samples, "sameroom_lane_depth_max") == {"echo": 3, "hipchat": 0}
    assert of(samples, "sameroom_lanes_busy") == {"echo": 1, "hipchat": 0}
    assert of(samples, "sameroom_oldest_queued_age_seconds")["echo"] == pytest.approx(100, abs=30)
    assert of(samples, "sameroom_due_age_seconds")["echo"] == pytest.approx(100, abs=30)
    assert of(samples, "sameroom_due_age_seconds")["hipchat"] == 0


@pytest.mark.parametrize(
    "waits",
    [
        {"lane_lease_until": timedelta(seconds=30)},
        {"lane_not_before": timedelta(seconds=30)},
        {"failure": "The room is gone."},
    ],
)
def test_lane_that_has_a_reason_to_wait_is_not_overdue(waits: dict[str, Any]) -> None:
    values = {
        name: clock.now() + value if isinstance(value, timedelta) else value for name, value in waits.items()
    }
    queue(factories.seat(**values), 1, age=1000)
    queue(factories.seat(factories.account(status="needs_login")), 1, age=1000)
    later = factories.seat()
    factories.delivery(seat_=later, next_attempt_at=clock.now() + timedelta(seconds=30))
    queue(later, 1, age=1000)  # stands behind the one that waits

    assert lanes.waiting() == []


def test_lane_is_overdue_since_it_was_allowed_to_go_on() -> None:
    allowed = clock.now() - timedelta(seconds=10)
    seat = factories.seat(lane_not_before=allowed, lane_fence=7)
    [head] = queue(seat, 1, age=1000)

    assert lanes.waiting() == [lanes.Waiting(seat.pk, 7, head.pk, "echo", allowed)]
    assert lanes.waiting(before=allowed - timedelta(seconds=1)) == []


def test_heads_of_all_lanes_are_found() -> None:
    seats = [factories.seat() for _ in range(5)]
    for seat in seats[1:4]:
        queue(seat, 2, age=60)
    queue(seats[4], 3, status="sent")

    assert sorted(waiting.seat for waiting in lanes.waiting()) == sorted(seat.pk for seat in seats[1:4])


@pytest.mark.parametrize("question", [lanes.depths, lanes.waiting])
def test_questions_about_lanes_go_through_the_index_of_what_is_open(
    question: Callable[[], object], django_assert_num_queries: Any
) -> None:
    if connection.vendor == "postgresql":  # a table this small is read whole unless it must not be
        with connection.cursor() as cursor:
            cursor.execute("SET enable_seqscan = off")
    with CaptureQueriesContext(connection) as asked:
        question()
    [query] = asked.captured_queries
    with connection.cursor() as cursor:
        explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
        cursor.execute(f"{explain} {query['sql']}")
        plan = "\n".join(str(row[-1]) for row in cursor.fetchall())
        if connection.vendor == "postgresql":
            cursor.execute("RESET enable_seqscan")

    # Either index holds what is open and nothing else.
    assert any(index in plan for index in ("lanes", "under_way")), plan
    assert not any(whole in f"{plan}\n" for whole in WHOLE), plan


def test_number_of_queries_does_not_grow_with_rows(client: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            collectors.rows()
        return len(asked)

    queue(factories.seat(), 1)
    few = queries()
    for _ in range(3):
        queue(factories.seat(), 3)

    assert queries() == few == 7


def test_streams_are_shown_by_their_state(client: Client) -> None:
    soon, late = clock.now() + timedelta(seconds=20), clock.now() - timedelta(seconds=1)
    for status, until in (
        ("connected", soon),
        ("retrying", soon),
        ("connected", late),
        ("needs_login", None),
    ):
        account = factories.account(kind="stub", status=status, stream_fence=1, stream_lease_until=until)
        factories.tube(factories.seat(account))
    Listener.objects.create(name="here:1:a")
    Listener.objects.create(name="there:1:a", seen_at=clock.now() - timedelta(seconds=31))

    samples = scrape(client)

    states = {key[2]: value for key, value in samples.items() if key[:2] == ("sameroom_streams", "stub")}
    assert states == {"connected": 1, "troubled": 1, "waiting": 1}
    assert of(samples, "sameroom_listeners") == {(): 1}


def test_what_streams_brought_is_counted(client: Client) -> None:
    counting.stream_batch("stub", 0.25)
    counting.stream_batch("stub", 0.5)
    counting.stream_ended("stub", "service")
    counting.stream_unreadable("stub", 3)
    counting.stream_unreadable("stub", 0)

    samples = scrape(client)

    assert samples["sameroom_stream_batch_seconds_count", "stub"] == 2
    assert samples["sameroom_stream_batch_seconds_sum", "stub"] == 0.75
    assert samples["sameroom_streams_ended_total", "stub", "service"] == 1
    assert samples["sameroom_stream_unreadable_total", "stub"] == 3


def test_least_poll_budget_of_a_service_is_shown_and_no_account(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)  # or the window ends, and nothing is used of the next
    accounts = [
        factories.account(credentials={"team": "acme", "name": "bot", "token": token}) for token in "ab"
    ]
    for account in accounts:
        factories.seat(account)
    lost = factories.account()
    type(lost).objects.filter(pk=lost.pk).update(sealed=b"no key opens this")
    factories.seat(lost)
    full = accounts[0].connector().budget.left()
    for _ in range(3):
        accounts[1].connector().budget.take(Use.POLL)

    answer = client.get("/metrics").content.decode()

    assert full is not None
    assert f'sameroom_poll_budget_left{{connector="echo"}} {float(full - 3)}' in answer
    assert accounts[0].code not in answer
    assert 'sameroom_poll_budget_left{connector="hipchat"}' not in answer


def test_notices_and_a_stopped_relay_are_shown(client: Client) -> None:
    owner = factories.user()
    Notice.objects.create(owner=owner, kind="loss", text="x")
    Notice.objects.create(owner=owner, kind="loss", text="x", dismissed_at=clock.now())
    Installation.objects.create(pk=1, public_url="https://a.example", stopped_because="It is a copy.")

    samples = scrape(client)

    counted = of(samples, "sameroom_notices")
    assert counted.keys() == set(Notice.Kind.values)
    assert {kind: count for kind, count in counted.items() if count} == {"loss": 1}
    assert samples["sameroom_relay_stopped",] == 1


def test_running_relay_is_shown(client: Client) -> None:
    Installation.objects.create(pk=1, public_url="https://a.example")

    samples = scrape(client)

    assert samples["sameroom_relay_stopped",] == 0
    assert samples["sameroom_workers",] == 0
    assert samples["sameroom_sweep_age_seconds",] == float("inf")
    assert of(samples, "sameroom_collector_up") == {"budgets": 1, "counters": 1, "database": 1, "workers": 1}


def test_openmetrics_is_spoken_too(client: Client) -> None:
    counting.delivery_ended("echo", "sent", 0.2)

    answer = client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})

    assert answer["Content-Type"].startswith("application/openmetrics-text")
    names = {family.name for family in parse_openmetrics(answer.content.decode())}
    assert {"sameroom_lag_seconds", "sameroom_events_in", "sameroom_build"} <= names


def test_part_that_fails_costs_its_own_metrics_only(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "DEPTHS", "SELECT no_such_column")

    samples = scrape(client)

    assert of(samples, "sameroom_collector_up") == {"budgets": 1, "counters": 1, "database": 0, "workers": 1}
    assert ("sameroom_events_in_total", "echo", "message") in samples
    assert of(samples, "sameroom_deliveries_open") == {}


def test_events_of_a_removed_connector_are_still_shown(client: Client) -> None:
    counting.events_in("message", "elsewhere", 1)

    assert of(scrape(client), "sameroom_events_in_total")["elsewhere", "message"] == 1


class TestAccess:
    def test_try_out_needs_no_token(self, client: Client) -> None:
        assert client.get("/metrics").status_code == 200

    def test_without_a_token_there_is_nothing_elsewhere(self, client: Client, settings: Any) -> None:
        settings.LOCAL = False

        assert client.get("/metrics").status_code == 404
        assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404

    @pytest.mark.parametrize("local", [True, False])
    def test_token_is_asked_for_where_there_is_one(self, client: Client, settings: Any, local: bool) -> None:
        settings.LOCAL, settings.METRICS_TOKEN = local, "open-sesame"
        given = [
            "",
            "Bearer",
            "Bearer wrong",
            "open-sesame",
            "Basic open-sesame",
            "Bearer öpen",
            "Bearer open-sesame",
        ]

        answers = [client.get("/metrics", headers={"Authorization": value}) for value in given]

        assert [answer.status_code for answer in answers] == [401] * 6 + [200]
        assert answers[0]["WWW-Authenticate"] == "Bearer"
        assert answers[0].content == b""
        assert answers[-1]["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"

    def test_metrics_are_read_only(self, client: Client) -> None:
        assert client.post("/metrics").status_code == 405


def test_the_deepest_lanes_come_first_and_none_is_counted_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "MOST_COUNTED", 3)
    shallow, older, newer = factories.seat(), factories.seat(), factories.seat()
    heads = {seat.pk: queue(seat, count)[0].pk for seat, count in ((shallow, 2), (older, 6), (newer, 5))}
    queue(shallow, 9, status="sent")

    found = lanes.deepest(2)

    assert [(lane.seat, lane.open, lane.head) for lane in found] == [
        (older.pk, 4, heads[older.pk]),
        (newer.pk, 4, heads[newer.pk]),
    ]
    assert [lane.open for lane in lanes.deepest(9)] == [4, 4, 2]
