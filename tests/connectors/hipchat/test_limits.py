"""Both limits of a HipChat token, as the sandbox counts them: none of our requests is one too many."""

import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import responses

from connectors.base import Login, OutgoingMessage, RoomId, UserId
from connectors.errors import RetryLater
from connectors.hipchat.connector import HipChatConnector
from sameroom import clock
from sandbox.limits import Limiter, Quota
from tests.connectors.hipchat.harness import HipChatHarness
from tests.servers import Server

HELLO = OutgoingMessage(text="[Ann, Acme] hello")
SERVER = "https://hipchat.example.com"
LATEST = f"{SERVER}/v2/room/1/history/latest"
MESSAGE = f"{SERVER}/v2/room/1/message"
ROOT = Path(__file__).parents[3]


class Time:
    """Our clock and the sandbox's, moved together.

    By itself it hardly passes, as how busy a machine is must not count.
    """

    def __init__(self) -> None:
        self.began, self.ahead = clock.monotonic(), 0.0
        self._started, self._monotonic = clock.now(), clock.monotonic

    def passed(self) -> float:
        return self.ahead + (self._monotonic() - self.began) / 1000

    def now(self) -> datetime:
        return self._started + timedelta(seconds=self.passed())

    def monotonic(self) -> float:
        return self.began + self.passed()

    def forward(self, seconds: float) -> None:
        self.ahead += seconds


@pytest.fixture
def time(hipchat: HipChatHarness, monkeypatch: pytest.MonkeyPatch) -> Time:
    moved = Time()
    monkeypatch.setattr(clock, "now", moved.now)
    monkeypatch.setattr(clock, "monotonic", moved.monotonic)
    monkeypatch.setattr(hipchat.world.clock, "now", lambda: moved.now().timestamp())
    return moved


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the sandbox refused because of a limit."""
    seen: list[str] = []
    hit = Limiter.hit

    def counted(limiter: Limiter, key: str, **limit: Any) -> Quota:
        quota = hit(limiter, key, **limit)
        if quota.is_exceeded:
            seen.append(key)
        return quota

    monkeypatch.setattr(Limiter, "hit", counted)
    return seen


@pytest.fixture
def limited(hipchat: HipChatHarness) -> HipChatHarness:
    """With the limits that HipChat gives a personal token."""
    hipchat.world.set_limits(requests=100, sends=30)
    return hipchat


def other_rooms(hipchat: HipChatHarness, count: int) -> list[RoomId]:
    made = [hipchat.world.create_room(hipchat.person.id, f"Room {number}") for number in range(count)]
    return [RoomId(str(room.id)) for room in made]


def test_a_lone_room_is_read_within_six_seconds_while_sends_stay_under_their_share(
    limited: HipChatHarness, time: Time, refused: list[str]
) -> None:
    connector = HipChatConnector(limited.login)
    cursor, read_at, gaps = None, 0.0, []
    send_at = 0.0
    while time.ahead < 700:
        interval = connector.budget.poll_interval(1, fastest=connector.capabilities.fastest_poll)
        while send_at < read_at + interval:  # 35 sends in 300 s
            time.forward(max(0.0, send_at - time.ahead))
            connector.send(limited.room, HELLO)
            send_at += 300 / 35
        time.forward(read_at + interval - time.ahead)
        cursor = connector.read_after(limited.room, cursor).cursor
        gaps.append(time.ahead - read_at)
        read_at = time.ahead

    assert max(gaps) < 6
    assert len(limited.texts()) >= 80
    assert refused == []


def test_a_room_is_still_read_while_sends_take_all_they_may(
    limited: HipChatHarness, time: Time, refused: list[str]
) -> None:
    limited.world.set_limits(sends=1000)
    connector = HipChatConnector(limited.login)
    rooms, cursor, gaps, read_at, sent = other_rooms(limited, 10), None, [], 0.0, 0
    while time.ahead < 650:
        for room in rooms:
            with suppress(RetryLater):
                connector.send(room, HELLO)
                sent += 1
        interval = connector.budget.poll_interval(1, fastest=0.5)
        time.forward(interval)
        cursor = connector.read_after(limited.room, cursor).cursor
        gaps.append(time.ahead - read_at)
        read_at = time.ahead

    assert max(gaps) < 15
    assert sent >= 120
    assert refused == []


@pytest.mark.both_databases
@pytest.mark.parametrize(("window", "most"), [("fixed", 0), ("sliding", 1)])
def test_many_threads_on_one_token_never_pass_a_limit(
    window: str, most: int, limited: HipChatHarness, time: Time, refused: list[str]
) -> None:
    """Windows are taken for fixed. Where they slide, only the request that each thread has on its way
    when the first one is refused may be refused too, and all wait from then on.
    """
    limited.world.set_switches(window=window)
    rooms = [limited.room, *other_rooms(limited, 2)]
    dice = random.Random(1)
    HipChatConnector(limited.login).newest(limited.room)
    bursts = []
    for _ in range(14):
        seeds = [dice.random() for _ in range(8)]
        threads = [threading.Thread(target=use_up, args=(limited.login, rooms, seed, 12)) for seed in seeds]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        bursts.append(len(refused) - sum(bursts))
        time.forward(dice.choice([0.5, 2.0, 20.0, 57.0, 60.0, 299.0, 301.0]))

    assert limited.world.request_counts()[limited.token]["total"] > 250
    assert max(bursts) <= most * len(threads), bursts
    assert sum(burst > 0 for burst in bursts) <= most * 3, bursts


def use_up(login: Login, rooms: list[RoomId], seed: float, calls: int) -> None:
    """Call and send without a pause, as far as our budget lets us; any other refusal is an error."""
    dice, connector = random.Random(seed), HipChatConnector(login)
    for _ in range(calls):
        with suppress(RetryLater):
            match dice.randrange(5):
                case 0:
                    connector.read_after(rooms[0], None)
                case 1:
                    connector.recent(rooms[1])
                case 2:
                    connector.newest(rooms[2])
                case _:
                    connector.send(dice.choice(rooms), HELLO)


PROCESS = """
import sys, django
django.setup()
from connectors.base import Login, RoomId, UserId
from tests.connectors.hipchat.test_limits import use_up
server, token, seed, *rooms = sys.argv[1:]
use_up(Login(server, {"token": token}, UserId("1")), [RoomId(room) for room in rooms], float(seed), 60)
"""


def test_many_processes_on_one_token_never_pass_a_limit(
    limited: HipChatHarness, refused: list[str], redis: Server
) -> None:
    rooms = [limited.room, *other_rooms(limited, 2)]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST")},
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "SAMEROOM_TESTS_REDIS": redis.url,
        "SAMEROOM_TESTS_DATABASE": "",
    }
    command = [sys.executable, "-c", PROCESS, limited.server.url, limited.token]
    processes = [
        subprocess.Popen([*command, str(seed), *rooms], env=environment, cwd=ROOT) for seed in range(3)
    ]

    assert [process.wait(120) for process in processes] == [0, 0, 0]
    assert 60 < limited.world.request_counts()[limited.token]["total"] <= 100
    assert refused == []


def test_flood_control_is_counted_by_room_and_apart_from_the_requests(
    limited: HipChatHarness, time: Time, refused: list[str]
) -> None:
    connector = HipChatConnector(limited.login)
    [other] = other_rooms(limited, 1)
    for _ in range(28):
        connector.send(limited.room, HELLO)

    with pytest.raises(RetryLater, match="messages a minute") as caught:
        connector.send(limited.room, HELLO)

    assert caught.value.seconds is not None
    assert 50 < caught.value.seconds <= 63
    connector.send(other, HELLO)
    connector.read_after(limited.room, None)
    time.forward(caught.value.seconds)
    connector.send(limited.room, HELLO)
    assert refused == []


def test_a_flood_refusal_that_we_did_not_foresee_stops_that_room_only(
    limited: HipChatHarness, refused: list[str]
) -> None:
    limited.world.set_limits(sends=2)  # as if somebody else had sent the others
    connector = HipChatConnector(limited.login)
    connector.send(limited.room, HELLO)
    limited.fault(path="/message", method="POST", headers={"X-FloodControl-Remaining": "9"})
    connector.send(limited.room, HELLO)

    for _ in range(3):
        with pytest.raises(RetryLater, match="messages a minute"):
            connector.send(limited.room, HELLO)

    connector.read_after(limited.room, None)
    assert len(refused) <= 1


@pytest.fixture
def connector_elsewhere(monkeypatch: pytest.MonkeyPatch) -> HipChatConnector:
    """The clock stands: how long is to be waited is asked more than once."""
    from django.core.cache import cache

    cache.clear()
    moment = clock.now()
    monkeypatch.setattr(clock, "now", lambda: moment)
    return HipChatConnector(Login(SERVER, {"token": "t" * 40}, UserId("7")))


@responses.activate
@pytest.mark.parametrize("off_by", [-7200, 0, 7200])
def test_a_reset_is_read_by_the_servers_own_clock(off_by: int, connector_elsewhere: HipChatConnector) -> None:
    server_now = clock.now() + timedelta(seconds=off_by)
    responses.get(
        LATEST,
        status=429,
        headers={
            "X-Ratelimit-Limit": "100",
            "X-Ratelimit-Remaining": "0",
            "X-Ratelimit-Reset": str(int(server_now.timestamp()) + 120),
            "Date": format_datetime(server_now, usegmt=True),
        },
    )

    with pytest.raises(RetryLater) as caught:
        connector_elsewhere.read_after(RoomId("1"), None)

    assert caught.value.seconds is not None
    assert 119 < caught.value.seconds < 124


@responses.activate
@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "42"}, 42),
        ({"Retry-After": "Sun, 06 Nov 1994 08:50:19 GMT", "Date": "Sun, 06 Nov 1994 08:49:37 GMT"}, 42),
        ({"X-Backoff": "42", "X-Ratelimit-Reset": "7", "X-Ratelimit-Remaining": "0"}, 42),
        ({"X-Backoff": "42", "Retry-After": "7"}, 42),
        ({"X-Ratelimit-Reset": "60", "X-Ratelimit-Remaining": "0"}, 61),
        ({}, 5),
    ],
)
def test_a_refusal_is_waited_out_as_long_as_the_server_says(
    headers: dict[str, str], wait: float, connector_elsewhere: HipChatConnector
) -> None:
    responses.get(LATEST, status=429, headers=headers)

    with pytest.raises(RetryLater) as caught:
        connector_elsewhere.read_after(RoomId("1"), None)

    assert caught.value.seconds == pytest.approx(wait)
    with pytest.raises(RetryLater, match="used up for now") as again:
        connector_elsewhere.read_after(RoomId("1"), None)
    assert again.value.seconds == pytest.approx(wait, abs=1)
    assert len(responses.calls) == 1


@responses.activate
@pytest.mark.parametrize(
    ("status", "headers"),
    [(200, {"X-Backoff": "30"}), (503, {"Retry-After": "30"}), (502, {"X-Backoff": "30"})],
)
def test_a_busy_server_is_left_alone_as_long_as_it_asks(
    status: int, headers: dict[str, str], connector_elsewhere: HipChatConnector
) -> None:
    responses.get(LATEST, json={"items": []}, status=status, headers=headers)
    with suppress(RetryLater):
        connector_elsewhere.read_after(RoomId("1"), None)

    with pytest.raises(RetryLater) as caught:
        connector_elsewhere.send(RoomId("1"), HELLO)

    assert caught.value.seconds == pytest.approx(30, abs=1)
    assert len(responses.calls) == 1


@responses.activate
def test_a_refused_send_with_requests_left_has_met_flood_control(
    connector_elsewhere: HipChatConnector,
) -> None:
    """Quirk 14.31: the flood headers may be missing."""
    headers = {"X-Ratelimit-Limit": "100", "X-Ratelimit-Remaining": "40", "X-Ratelimit-Reset": "200"}
    responses.post(MESSAGE, status=429, headers=headers)
    responses.get(LATEST, json={"items": []})

    with pytest.raises(RetryLater, match="messages a minute"):
        connector_elsewhere.send(RoomId("1"), HELLO)

    assert connector_elsewhere.read_after(RoomId("1"), None).events == []


@responses.activate
def test_header_names_are_compared_whatever_their_case(connector_elsewhere: HipChatConnector) -> None:
    headers = {"x-ratelimit-remaining": "40", "X-Floodcontrol-Remaining": "0", "X-FLOODCONTROL-RESET": "17"}
    responses.post(MESSAGE, status=429, headers=headers)

    with pytest.raises(RetryLater, match="messages a minute") as caught:
        connector_elsewhere.send(RoomId("1"), HELLO)

    assert caught.value.seconds == pytest.approx(18)
