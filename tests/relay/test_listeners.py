"""Listeners as processes on PostgreSQL and Redis: killed, asked to stop, and replaced by each other."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.db import connection

from accounts.models import LinkedAccount
from stub.control import Stub
from tests.conftest import HERE, ON_SERVERS
from tests.relay.listening import streamed
from tests.relay.stubbed import World
from tests.waiting import until
from tubes.models import Event, Listener, Seat
from tubes.relay import health

pytestmark = pytest.mark.django_db(transaction=True)

TAKEN_OVER = 30.0  # seconds: the promise


def environment(folder: Path) -> dict[str, str]:
    told = connection.settings_dict
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LOCAL": "1",
        "VAR_DIR": str(folder / "var"),
        "SECRET_KEY": "only-for-tests",
        "ENCRYPTION_KEYS": os.environ["SAMEROOM_TESTS_KEY"],
        "CONNECTORS": "stub.connector",
        "PUBLIC_URL": settings.PUBLIC_URL,
        "DATABASE_URL": f"postgresql://{told['USER']}@{told['HOST']}:{told['PORT']}/{told['NAME']}",
        "REDIS_URL": settings.REDIS_URL,
    }


class Process:
    """One `manage.py listen`."""

    def __init__(self, folder: Path) -> None:
        self.output = folder / f"listener-{time.monotonic_ns()}"
        with self.output.open("wb") as output:
            self.popen = subprocess.Popen(
                [sys.executable, "manage.py", "listen"],
                cwd=HERE.parent,
                env=environment(folder),
                stdout=output,
                stderr=output,
            )

    @property
    def name(self) -> str:
        found = Listener.objects.filter(name__contains=f":{self.popen.pid}:").values_list("name", flat=True)
        return found.first() or ""

    def stop(self, number: signal.Signals) -> tuple[int, float]:
        """Exit code, and the seconds it took."""
        begun = time.monotonic()
        self.popen.send_signal(number)
        return self.popen.wait(20), time.monotonic() - begun


@pytest.fixture(autouse=True)
def _no_marks_of_earlier_tests() -> None:
    """Each test's database is fresh, and must not count as one that was restored."""
    if settings.REDIS_URL:
        with redis.Redis.from_url(settings.REDIS_URL) as client:
            client.flushdb()


@pytest.fixture
def two(tmp_path: Path, world: World) -> Iterator[tuple[Process, Process, Seat]]:
    """Two listeners, of which the first holds both ends of a Tube."""
    here, _ = streamed(world, "here", "there")
    first = Process(tmp_path)
    until(lambda: world.stub.counts().waiting == 2, within=60)
    other = Process(tmp_path)
    until(lambda: other.name, within=60)
    yield first, other, here
    for process in (first, other):
        if process.popen.poll() is None:
            process.stop(signal.SIGKILL)


class Talk:
    """Somebody says something every 50 ms."""

    def __init__(self, stub: Stub) -> None:
        self._stub, self._ends = Stub(stub.url), threading.Event()
        self.said: list[str] = []
        self._thread = threading.Thread(target=self._talk)
        self._thread.start()

    def _talk(self) -> None:
        while not self._ends.wait(0.05):
            self.said.append(self._stub.say("here", "Ann", f"#{len(self.said)}"))

    def end(self) -> list[str]:
        self._ends.set()
        self._thread.join()
        self._stub.close()
        return self.said


def taken_in() -> list[str]:
    """What was taken in, in the order it was; each id as often as it was."""
    return list(Event.objects.order_by("number").values_list("remote_id", flat=True))


def holder(seat: Seat) -> int:
    fence: int = LinkedAccount.objects.values_list("stream_fence", flat=True).get(pk=seat.account_id)
    return fence


if ON_SERVERS:

    def test_a_listener_that_is_killed_is_replaced_and_nothing_is_lost(
        world: World, two: tuple[Process, Process, Seat]
    ) -> None:
        first, _, here = two
        talk = Talk(world.stub)
        try:
            until(lambda: len(taken_in()) > 20)
            fence, killed = holder(here), time.monotonic()
            first.stop(signal.SIGKILL)
            until(lambda: holder(here) != fence, within=TAKEN_OVER)
            count = len(taken_in())
            until(lambda: len(taken_in()) > count, within=TAKEN_OVER - (time.monotonic() - killed))
        finally:
            said = talk.end()
        until(lambda: len(taken_in()) >= len(said))

        assert taken_in() == said
        until(lambda: Listener.objects.count() == 1, within=40)

    def test_a_listener_that_is_asked_to_stop_hands_over_at_once(
        world: World, two: tuple[Process, Process, Seat]
    ) -> None:
        first, _, here = two
        talk = Talk(world.stub)
        try:
            until(lambda: len(taken_in()) > 20)
            fence = holder(here)
            code, seconds = first.stop(signal.SIGTERM)
            assert (code, seconds < 10) == (0, True), first.output.read_text()
            until(lambda: holder(here) != fence, within=5)
        finally:
            said = talk.end()
        until(lambda: len(taken_in()) >= len(said))

        assert taken_in() == said
        assert first.output.read_text() == ""

    def test_a_process_of_its_own_is_rung_for_through_redis(world: World, tmp_path: Path) -> None:
        streamed(world, "here", "there")
        LinkedAccount.objects.update(status="needs_login")
        process = Process(tmp_path)
        try:
            until(lambda: process.name, within=60)
            time.sleep(1)
            for account in LinkedAccount.objects.all():
                began = time.monotonic()
                health.recovered(account)
            until(lambda: world.stub.counts().waiting == 2)
            assert time.monotonic() - began < 1.5
        finally:
            assert process.stop(signal.SIGTERM)[0] == 0


def test_alone_it_refuses_to_start_and_says_who_listens(tmp_path: Path) -> None:
    alone = {**environment(tmp_path), "DATABASE_URL": "", "REDIS_URL": "", "CELERY_BROKER_URL": ""}

    ended = subprocess.run(
        [sys.executable, "manage.py", "listen"],
        cwd=HERE.parent,
        env=alone,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 1
    assert "`manage.py run` listens already" in ended.stderr
