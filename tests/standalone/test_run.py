"""`make run` without anything set: one process on SQLite."""

import os
import signal
import socket
from pathlib import Path

import pytest

from tests.servers import free_port
from tests.standalone.conftest import ROOT, Start


def test_start_answers_and_tells_where_everything_is(start: Start) -> None:
    running = start(with_tables=False)

    assert running.get().status_code == 200
    text = running.text()
    assert text.startswith("Bringing the database up to date (")
    assert running.url in text
    assert "runs as         one process" in text
    assert "SQLite" in text
    assert "LOCAL=1 .venv/bin/python manage.py createsuperuser" in text
    assert f"{running.url}/sandbox" in text
    assert "arning" not in text
    assert "ERROR" not in text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stop_is_clean_and_quick(start: Start, number: signal.Signals) -> None:
    running = start()

    code, seconds = running.stop(number)

    assert code == 0
    assert seconds < 5
    assert running.text().endswith("Sameroom has stopped.\n")


def test_task_queued_by_the_web_runs_at_once(start: Start) -> None:
    running = start()

    seconds = sorted(running.mark()["seconds"] for _ in range(20))

    assert seconds[10] < 0.1


def test_database_connection_outlives_the_task(start: Start) -> None:
    running = start()

    assert {running.mark()["connections"] for _ in range(20)} == {1}


def test_web_answers_and_stop_is_quick_while_every_worker_thread_hangs(start: Start) -> None:
    running = start()
    running.get("/probe/hang?times=8")

    assert running.get().status_code == 200
    code, seconds = running.stop()

    assert code == 0
    assert seconds < 5
    assert "4 task(s) cut off" in running.text()


def test_taken_port_is_said_in_a_sentence(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        running = start(ready=False, PORT=str(other.getsockname()[1]))
        code = running.process.wait(30)

    assert code == 1
    assert f"port {running.port} on 127.0.0.1 cannot be used" in running.text()
    assert "Traceback" not in running.text()


def test_missing_key_is_said_in_a_sentence(start: Start) -> None:
    running = start(ready=False, LOCAL="0", SECRET_KEY="")

    assert running.process.wait(30) == 2
    assert "SECRET_KEY is not set" in running.text()
    assert "Traceback" not in running.text()


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"LOCAL": "0", "SECRET_KEY": "x"}, "SECRET_KEY is too short"),
        ({"ENCRYPTION_KEYS": "abc"}, "ENCRYPTION_KEYS holds something that is no Fernet key"),
        (
            {"PUBLIC_URL": "https://sameroom.example.org"},
            "this is a local try-out",
        ),
        ({"WORKER_THREADS": "many"}, "WORKER_THREADS is 'many'; it has to be a whole number"),
    ],
)
def test_unusable_setting_is_said_in_a_sentence(
    start: Start, variables: dict[str, str], sentence: str
) -> None:
    running = start(ready=False, **variables)

    assert running.process.wait(30) == 2
    assert sentence in running.text()
    assert "Traceback" not in running.text()


@pytest.mark.parametrize(
    ("variable", "address", "sentence"),
    [
        ("DATABASE_URL", "postgresql://who:open-sesame@127.0.0.1:{}/x", "the database does not answer"),
        ("REDIS_URL", "redis://:open-sesame@127.0.0.1:{}/0", "Redis does not answer"),
        ("CELERY_BROKER_URL", "amqp://who:open-sesame@127.0.0.1:{}//", "the Celery broker does not answer"),
    ],
)
def test_store_that_does_not_answer_is_said_in_a_sentence(
    start: Start, variable: str, address: str, sentence: str
) -> None:
    running = start(ready=False, **{variable: address.format(free_port())})

    assert running.process.wait(30) == 1
    assert sentence in running.text()
    assert variable in running.text()
    assert "open-sesame" not in running.text()
    assert "Traceback" not in running.text()


def test_unwritable_folder_is_said_in_a_sentence(start: Start, tmp_path: Path) -> None:
    database = tmp_path / "nowhere" / "x.sqlite3"
    running = start(ready=False, DATABASE_URL=f"sqlite:///{database}")

    assert running.process.wait(30) == 1
    assert "the database does not answer" in running.text()
    assert "Traceback" not in running.text()


def test_keys_survive_a_restart_and_are_private(start: Start, tmp_path: Path) -> None:
    start().stop()
    keys = tmp_path / "var" / "local-keys.env"
    first = keys.read_text()
    start().stop()

    assert keys.read_text() == first
    assert os.stat(keys).st_mode & 0o077 == 0
    assert not (ROOT / "local-keys.env").exists()
