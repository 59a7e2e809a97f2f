"""`/readyz`: whether what is said now would be relayed. Each answer is a sentence that gives nothing away."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Final

from django.conf import settings
from django.core.cache import cache as shared_cache
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from kombu import Connection

from monitor import lanes, pulse, streams
from monitor.probe import Probe
from monitor.store import is_shared
from sameroom import clock
from tubes.models import Installation

log = logging.getLogger(__name__)

TIME_LIMIT: Final = 1.8  # seconds for all checks together, whatever hangs
FRESH: Final = 0.5  # seconds for which several that ask get the same answer
BETWEEN_TURNS: Final = 0.5  # seconds in which a lane that is worked on finds its next worker
SWEEP_AGE: Final = 30.0  # seconds; beat queues a sweep every 5


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at, and how it is."""

    name: str
    ok: bool
    text: str


def database() -> list[Check]:
    """The database, and what its lanes tell: in one thread, on one connection. Database I/O."""
    if missing_migrations():
        late = Check("database", False, "Its tables are not up to date: run manage.py migrate.")
        unknown = "Cannot be known before the tables are up to date."
        return [late, Check("lag", False, unknown), Check("listener", False, unknown)]
    return [Check("database", True, "Answers and is up to date."), lag(), listener()]


def missing_migrations() -> list[tuple[str, str]]:
    """The applications whose tables are not up to date, each with its newest migration. Database I/O."""
    applied = MigrationRecorder(connection).applied_migrations()
    return [leaf for leaf in _newest_migrations() if leaf not in applied]


@cache
def _newest_migrations() -> list[tuple[str, str]]:
    """The last migration of each application. Reads files, once."""
    nodes: list[tuple[str, str]] = MigrationLoader(None, ignore_no_migrations=True).graph.leaf_nodes()
    return nodes


def lag() -> Check:
    """Whether anything due waits for a worker for too long. Database I/O.

    A lane between two turns is idle too, with old messages in it if it is deep: hence two looks.
    """
    limit = settings.READY_LAG_SECONDS
    if Installation.objects.exclude(stopped_because="").exists():
        return Check("lag", True, "Not looked at: the relay is stopped.")
    before = clock.now() - timedelta(seconds=limit)
    late = set(lanes.waiting(before=before))
    if late:
        threading.Event().wait(BETWEEN_TURNS)
        late &= set(lanes.waiting(before=before))
    if late:
        return Check("lag", False, f"Something due has waited for a worker for more than {limit} seconds.")
    return Check("lag", True, "What is due is being worked on.")


def listener() -> Check:
    """Whether somebody listens, where accounts are read by streams. Database I/O."""
    if streams.listeners():
        return Check("listener", True, "Streams are listened to.")
    if streams.wanted().exists():
        return Check("listener", False, "Nobody listens to the streams: no `manage.py listen` runs.")
    return Check("listener", True, "No account is read by a stream.")


def broker() -> list[Check]:
    """Network I/O, but for the broker in memory."""
    url = settings.CELERY_BROKER_URL
    if not url.startswith("memory"):
        limits = {"socket_timeout": TIME_LIMIT, "socket_connect_timeout": TIME_LIMIT}
        options = limits if url.startswith("redis") else {}
        with Connection(url, connect_timeout=TIME_LIMIT, transport_options=options) as asked:
            asked.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
    return [Check("broker", True, "Answers.")]


def cache_() -> list[Check]:
    """Cache I/O."""
    shared_cache.get("monitor:anything")
    return [Check("cache", True, "Answers.")]


def beat() -> list[Check]:
    """Cache I/O."""
    if not is_shared():
        return [Check("beat", True, "Not known: the processes share no memory without REDIS_URL.")]
    age = pulse.seconds_since_sweep()
    if age == float("inf"):
        return [
            Check("beat", False, "No sweep is known of: beat or the workers do not run, or just started.")
        ]
    if age > SWEEP_AGE:
        return [Check("beat", False, f"No sweep for more than {SWEEP_AGE:.0f} seconds.")]
    return [Check("beat", True, "Sweeps come and are worked off.")]


# Which checks each question answers: so many sentences where there is no answer.
QUESTIONS: Final[dict[Callable[[], list[Check]], tuple[str, ...]]] = {
    database: ("database", "lag", "listener"),
    broker: ("broker",),
    cache_: ("cache",),
    beat: ("beat",),
}


class Readiness:
    """All checks, each in a thread of its own; says in the log when one begins or ceases to fail."""

    def __init__(self) -> None:
        self._probes = {
            names: Probe(f"ready: {names[0]}", ask, fresh=FRESH) for ask, names in QUESTIONS.items()
        }
        self._were_ok: dict[str, bool] = {}

    def checks(self) -> list[Check]:
        """How everything is, within TIME_LIMIT. Never raises."""
        ends = clock.monotonic() + TIME_LIMIT
        asked = {names: probe.start() for names, probe in self._probes.items()}
        found = [check for names, future in asked.items() for check in self._answer(names, future, ends)]
        for check in found:
            if self._was_ok(check.name) != check.ok:
                log.log(logging.INFO if check.ok else logging.WARNING, "Check %s: %s", check.name, check.text)
            self._were_ok[check.name] = check.ok
        return found

    def _answer(self, names: tuple[str, ...], future: "Future[list[Check]]", ends: float) -> list[Check]:
        try:
            return future.result(max(0.0, ends - clock.monotonic()))
        except TimeoutError:
            text = "No answer in time."
        except Exception as error:
            text = "Does not answer."
            if self._was_ok(names[0]):
                log.warning("Check %s met an error", names[0], exc_info=error)
        return [Check(name, False, text) for name in names]

    def _was_ok(self, name: str) -> bool:
        return self._were_ok.get(name, True)


current = Readiness()
