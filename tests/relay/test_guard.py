import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connections

from tests import factories
from tests.relay.conftest import Clock
from tubes import tasks
from tubes.models import Installation
from tubes.relay import guard, marks
from tubes.relay.guard import advance, check_in, is_stopped, resume

pytestmark = pytest.mark.django_db

HOME = "https://sameroom.example.org"


@pytest.fixture(autouse=True)
def _at_home(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.PUBLIC_URL, settings.LOCAL = HOME, False
    settings.VAR_DIR = tmp_path
    cache.delete(marks.KEY)
    guard.forget()
    yield
    cache.delete(marks.KEY)
    guard.forget()


def row() -> Installation:
    return Installation.objects.get()


def in_file(settings: Any) -> int:
    mark: int = json.loads((settings.VAR_DIR / "installation.json").read_text())["mark"]
    return mark


def lose_outside(settings: Any) -> None:
    (settings.VAR_DIR / "installation.json").unlink()
    cache.delete(marks.KEY)


def test_the_first_start_makes_the_row_and_relays(settings: Any) -> None:
    assert check_in() == ""

    assert (row().public_url, row().mark, row().stopped_because) == (HOME, 0, "")
    assert (in_file(settings), is_stopped()) == (0, False)


def test_the_mark_grows_in_the_database_and_outside(settings: Any) -> None:
    check_in()

    assert [advance(), advance()] == [True, True]

    assert (row().mark, in_file(settings)) == (2, 2)
    if settings.REDIS_URL:
        assert cache.get(marks.KEY) == 2
    assert [path.name for path in settings.VAR_DIR.iterdir()] == ["installation.json"]


def test_a_restart_relays_on() -> None:
    check_in()
    advance()

    assert check_in() == ""
    assert row().mark == 1


def test_another_address_stops_the_relay_and_says_why(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    check_in()
    settings.PUBLIC_URL = "https://staging.example.org"

    reason = check_in()

    assert "belongs to https://sameroom.example.org" in reason
    assert "relay_resume --from cursor" in reason
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.CRITICAL, f"The relay is stopped. {reason}")
    ]
    assert (is_stopped(), guard.stopped_because(), row().public_url) == (True, reason, HOME)


def test_a_stop_outlives_restarts_also_where_its_reason_has_gone(settings: Any) -> None:
    check_in()
    settings.PUBLIC_URL = "https://staging.example.org"
    reason = check_in()
    settings.PUBLIC_URL = HOME

    assert check_in() == reason
    assert is_stopped()


@pytest.mark.parametrize(
    ("was", "now", "stops"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8001", False),
        ("http://localhost:8000", "http://localhost", False),
        ("http://[::1]:8000", "http://[::1]:8001", False),
        ("http://127.0.0.1:8000", "http://localhost:8000", True),
        ("http://127.0.0.1:8000", "https://127.0.0.1:8001", True),
        ("http://10.0.0.1:8000", "http://10.0.0.1:8001", True),
    ],
)
def test_a_try_out_may_change_its_port_and_nothing_else(
    settings: Any, was: str, now: str, stops: bool
) -> None:
    settings.LOCAL, settings.PUBLIC_URL = True, was
    check_in()
    settings.PUBLIC_URL = now

    assert bool(check_in()) is stops
    assert row().public_url == (was if stops else now)


def test_in_service_another_port_is_another_installation(settings: Any) -> None:
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    check_in()
    settings.PUBLIC_URL = "http://127.0.0.1:8001"

    assert check_in() != ""


@pytest.mark.parametrize("at", ["start", "run time"])
def test_a_database_older_than_its_outside_mark_stops_the_relay(at: str) -> None:
    check_in()
    for _ in range(3):
        advance()
    Installation.objects.update(mark=1)  # as a backup holds it

    if at == "start":
        assert "mark 1, seen 3" in check_in()
    else:
        assert not advance()

    assert (is_stopped(), row().mark) == (True, 1)
    assert "relay_resume --from now" in row().stopped_because


def test_the_copy_in_redis_tells_too(settings: Any) -> None:
    if not settings.REDIS_URL:
        return
    check_in()
    advance()
    (settings.VAR_DIR / "installation.json").unlink()
    Installation.objects.update(mark=0)

    assert check_in() != ""


def test_a_flushed_redis_does_not_hide_an_old_database(settings: Any) -> None:
    check_in()
    advance()
    cache.delete(marks.KEY)
    Installation.objects.update(mark=0)

    assert check_in() != ""


def test_without_any_outside_mark_the_database_counts(settings: Any) -> None:
    check_in()
    advance()
    lose_outside(settings)

    assert (check_in(), in_file(settings)) == ("", 1)


def test_an_outside_mark_that_cannot_be_read_or_written_stops_nothing(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.REDIS_URL = ""
    (settings.VAR_DIR / "installation.json").write_text("{")
    assert check_in() == ""

    (settings.VAR_DIR / "installation.json").unlink()
    settings.VAR_DIR /= "missing"
    assert advance()

    assert "installation.json cannot be read" in caplog.text
    assert "installation.json cannot be written" in caplog.text


def test_a_redis_that_is_away_stops_nothing(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Away:
        def get(self, *args: object) -> None:
            raise ConnectionError

        def set(self, *args: object, **options: object) -> None:
            raise ConnectionError

    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(marks, "cache", Away())

    assert (check_in(), advance(), in_file(settings)) == ("", True, 1)


def test_a_fresh_database_beside_an_old_mark_relays(settings: Any) -> None:
    (settings.VAR_DIR / "installation.json").write_text('{"mark": 70}')

    assert (check_in(), row().mark) == ("", 70)


def test_a_backup_from_before_there_were_marks_does_not_relay(settings: Any) -> None:
    (settings.VAR_DIR / "installation.json").write_text('{"mark": 70}')
    factories.tube()

    assert "mark 0, seen 70" in check_in()


def test_while_stopped_the_mark_stands_still(settings: Any) -> None:
    check_in()
    Installation.objects.update(stopped_because="a test")

    tasks.mark_alive()

    assert (row().mark, in_file(settings)) == (0, 0)


def test_before_the_first_start_there_is_nothing_to_advance(settings: Any) -> None:
    assert (advance(), is_stopped()) == (False, False)
    assert not (settings.VAR_DIR / "installation.json").exists()


def test_resuming_takes_on_the_address_and_a_mark_above_all_others(settings: Any) -> None:
    check_in()
    for _ in range(3):
        advance()
    Installation.objects.update(mark=1, public_url="https://old.example.org")
    assert check_in() != ""

    resume()

    assert (row().mark, row().public_url, row().stopped_because) == (4, HOME, "")
    assert (in_file(settings), is_stopped(), check_in()) == (4, False, "")


def test_whether_it_is_stopped_is_asked_every_few_seconds(
    time: Clock, django_assert_num_queries: Any
) -> None:
    check_in()
    is_stopped()  # PostgreSQL prepares the statement
    guard.forget()
    with django_assert_num_queries(1):
        assert not any(is_stopped() for _ in range(100))
    Installation.objects.update(stopped_because="a test")
    assert not is_stopped()

    time.forward(guard.LOOK_AGAIN)

    with django_assert_num_queries(1):
        assert all(is_stopped() for _ in range(100))


@pytest.mark.django_db(transaction=True)
def test_many_processes_check_in_and_advance_at_once() -> None:
    raised: list[BaseException] = []

    def live() -> None:
        try:
            for _ in range(5):
                assert check_in() == ""
                assert advance()
        except BaseException as error:  # noqa: BLE001 - it is what is asked for
            raised.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=live) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert raised == []
    assert (row().mark, row().stopped_because) == (20, "")
