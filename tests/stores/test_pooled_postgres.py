"""Connections that outlive `close()`, on a PostgreSQL that crashes."""

import importlib
import os
import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import psycopg2
import pytest
from django.db import InterfaceError, OperationalError
from django.db.utils import ConnectionHandler
from django.test import override_settings

from sameroom import clock
from tests import servers

SIZE = 3
PATIENCE = 20.0


@pytest.fixture(scope="module")
def postgres() -> Iterator[servers.Server]:
    """One of our own: it is killed."""
    with servers.postgres() as server:
        yield server


@pytest.fixture(scope="module")
def backend() -> Any:
    with override_settings(DATABASE_POOL_SIZE=SIZE):
        return importlib.import_module("sameroom.pooled_postgres.base")


@pytest.fixture
def handler(
    postgres: servers.Server, backend: Any, monkeypatch: pytest.MonkeyPatch, django_db_blocker: Any
) -> Iterator[ConnectionHandler]:
    """Django's connections to it, one for each thread."""
    # A browser test that ran in this process before leaves an event loop in its thread.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    monkeypatch.setattr(backend, "pool", backend.Pool(SIZE))
    monkeypatch.setattr(clock, "_set", None)
    parts = psycopg2.extensions.parse_dsn(postgres.url)
    place = {"NAME": parts["dbname"], "USER": parts["user"], "HOST": parts["host"], "PORT": parts["port"]}
    with django_db_blocker.unblock():
        made = ConnectionHandler({"default": {"ENGINE": "sameroom.pooled_postgres", **place}})
        yield made
        with suppress(OperationalError, InterfaceError):
            made["default"].close()
        backend.pool.close_idle()


def ask(connection: Any, statement: str = "SELECT pg_backend_pid()") -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


def ask_and_close(handler: ConnectionHandler) -> int:
    """The number of the server process that answered."""
    pid: int = ask(handler["default"])
    handler["default"].close()
    return pid


def in_thread(work: Any) -> Any:
    told: list[Any] = []
    thread = threading.Thread(target=lambda: told.append(work()))
    thread.start()
    thread.join(PATIENCE)
    assert told
    return told[0]


def test_a_connection_that_is_closed_serves_the_next(handler: ConnectionHandler) -> None:
    first = ask_and_close(handler)

    assert ask_and_close(handler) == first
    assert in_thread(lambda: ask_and_close(handler)) == first


def test_each_thread_has_its_own_while_it_works(handler: ConnectionHandler) -> None:
    first = ask(handler["default"])

    assert in_thread(lambda: ask_and_close(handler)) != first


def test_of_too_many_threads_the_last_ones_wait_for_a_place(handler: ConnectionHandler) -> None:
    most, busy, lock = 0, 0, threading.Lock()

    def work() -> int:
        nonlocal most, busy
        pid = ask(handler["default"])
        with lock:
            busy += 1
            most = max(most, busy)
        time.sleep(0.02)
        with lock:
            busy -= 1
        handler["default"].close()
        return int(pid)

    pids: set[int] = set()
    threads = [threading.Thread(target=lambda: pids.add(work())) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)

    assert (most, len(pids) <= SIZE) == (SIZE, True)


def test_who_finds_no_place_is_told_that_the_database_is_out_of_reach(
    handler: ConnectionHandler, backend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sameroom.pooled_postgres.pool.WAIT", 0.05)
    for _ in range(SIZE):
        assert backend.pool._places.acquire(timeout=0)

    with pytest.raises(OperationalError, match="No database connection was free"):
        ask(handler["default"])


def test_a_connection_that_was_cut_while_idle_is_replaced_unnoticed(
    handler: ConnectionHandler, postgres: servers.Server
) -> None:
    first = ask_and_close(handler)
    postgres.kill()
    postgres.start()

    assert ask_and_close(handler) != first


def test_a_connection_that_is_cut_in_use_costs_one_error(
    handler: ConnectionHandler, postgres: servers.Server, backend: Any
) -> None:
    connection = handler["default"]
    for _ in range(SIZE + 1):
        ask(connection)
        postgres.kill()
        with pytest.raises((OperationalError, InterfaceError)):
            ask(connection)
        postgres.start()
        connection.close_if_unusable_or_obsolete()
        assert ask(connection)

    connection.close()
    assert backend.pool._places._value == SIZE


def test_a_server_that_does_not_answer_takes_no_places_away(
    handler: ConnectionHandler, postgres: servers.Server, backend: Any
) -> None:
    postgres.kill()
    for _ in range(SIZE + 1):
        with pytest.raises(OperationalError):
            ask(handler["default"])
    assert backend.pool._places._value == SIZE

    postgres.start()
    assert ask_and_close(handler)


def test_a_transaction_that_is_open_at_the_end_is_undone(handler: ConnectionHandler, backend: Any) -> None:
    connection = handler["default"]
    ask(connection, "CREATE TABLE IF NOT EXISTS notes (text text); SELECT 1")
    connection.set_autocommit(False)
    ask(connection, "INSERT INTO notes VALUES ('half done'); SELECT 1")
    connection.close()

    assert not backend.pool._idle
    assert ask(connection, "SELECT COUNT(*) FROM notes") == 0
    assert connection.get_autocommit()


def test_a_connection_is_given_back_ready_for_whoever_comes(handler: ConnectionHandler, backend: Any) -> None:
    ask(handler["default"])
    handler["default"].close()
    handler["default"].close()

    assert (len(backend.pool._idle), backend.pool._places._value) == (1, SIZE)


def test_a_fork_leaves_the_parents_connections_alone(handler: ConnectionHandler, backend: Any) -> None:
    first = ask_and_close(handler)

    child = os.fork()
    if not child:
        code = 1
        with suppress(BaseException):
            code = 0 if not backend.pool._idle and ask_and_close(handler) != first else 2
        os._exit(code)

    assert os.waitpid(child, 0)[1] == 0
    assert ask_and_close(handler) == first


def test_connections_are_kept_where_very_many_files_are_open(handler: ConnectionHandler) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096) if hard > 0 else 4096, hard))
    try:
        with ExitStack() as many:
            for _ in range(1100):  # select() knows 1024
                many.enter_context(socket.socket())
            first = ask_and_close(handler)
            assert ask_and_close(handler) == first
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_clock_goes_by_the_database(handler: ConnectionHandler, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(handler["default"])
    told = ask(handler["default"], "SELECT clock_timestamp()")

    assert abs((clock.now() - told).total_seconds()) < 1
    monkeypatch.setattr("django.utils.timezone.now", lambda: told.replace(year=1999))  # the host's is set
    assert abs((clock.now() - told).total_seconds()) < 2
