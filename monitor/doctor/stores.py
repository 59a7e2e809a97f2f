"""The database, the broker and Redis; and whether their clocks and ours agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from connectors.findings import Finding, Severity, error, ok, warning
from monitor import readiness
from monitor.scrubbing import first_line
from sameroom import clock
from tubes.models import Installation

ANSWERS_WITHIN: Final = 5.0  # seconds for one answer of Redis
# Seconds. All processes go by the database's clock, so these harm logs and signatures, not leases.
_DIFFER: Final = 5.0
_DIFFER_BADLY: Final = 240.0  # services refuse what is signed five minutes ago or ahead
_OLDEST_REDIS: Final = (7, 0)


def database() -> Iterator[Finding]:
    """Whether it answers, what it is, and whether it keeps what it says it has stored. Database I/O."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError) as failure:
        yield _no_database(failure)
        return
    version = ".".join(map(str, connection.get_database_version()))
    label = "PostgreSQL" if connection.vendor == "postgresql" else "SQLite"
    missing = readiness.missing_migrations()
    if missing:
        names = ", ".join(f"{app}.{name}" for app, name in missing)
        yield error(f"The tables are not up to date: {names} is missing.", "Run manage.py migrate.")
    else:
        yield ok(f"{label} {version} answers, and its tables are up to date.")
    yield from _postgres() if connection.vendor == "postgresql" else _sqlite()


def _no_database(failure: Exception) -> Finding:
    told = first_line(failure)
    if connection.vendor != "postgresql":
        return error(
            f"The database cannot be opened: {told}.",
            "See that the file DATABASE_URL names, or VAR_DIR, is there, belongs to the user that Sameroom "
            "runs as, and is not on a full disk.",
        )
    if "password" in told or "role" in told:
        remedy = "Check user and password in DATABASE_URL; signs such as @ and / are written as %40 and %2F."
    elif "does not exist" in told:
        remedy = "Make it (createdb), or correct its name in DATABASE_URL; then run manage.py migrate."
    elif "translate host name" in told:
        remedy = "Check the host in DATABASE_URL, and this machine's name server."
    else:
        remedy = (
            "See that PostgreSQL runs, listens there (listen_addresses, pg_hba.conf), has connections left, "
            "and that no firewall stands between; check host and port in DATABASE_URL."
        )
    return error(f"The database does not answer: {told}.", remedy)


def _postgres() -> Iterator[Finding]:
    names = (
        "server_encoding",
        "TimeZone",
        "fsync",
        "full_page_writes",
        "synchronous_commit",
        "max_connections",
    )
    shown = {name: _one(f"SHOW {name}") for name in names}
    if shown["server_encoding"] != "UTF8":
        yield error(
            f"The database's encoding is {shown['server_encoding']}: not every message can be stored.",
            "Make it anew with ENCODING 'UTF8', and restore into it.",
        )
    if shown["TimeZone"] != "UTC":
        yield error(
            f"Connections keep the time of {shown['TimeZone']} instead of UTC.",
            "Take TIME_ZONE and any timezone option out of DATABASE_URL.",
        )
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        if shown[name] == "off":
            yield error(
                f"{name} is off: a crash of the database loses messages that were acknowledged.",
                f"Set {name} = on in postgresql.conf.",
            )
    if int(shown["max_connections"]) < 2 * settings.DATABASE_POOL_SIZE:
        yield warning(
            f"The database takes {shown['max_connections']} connections; each process may want "
            f"{settings.DATABASE_POOL_SIZE}.",
            "Raise max_connections above processes × DATABASE_POOL_SIZE, or lower DATABASE_POOL_SIZE.",
        )


def _sqlite() -> Iterator[Finding]:
    journal = str(_one("PRAGMA journal_mode"))
    if journal not in ("wal", "memory"):  # the tests' own may be in memory
        yield warning(
            f"SQLite keeps its journal as {journal!r}: readers and writers wait for each other.",
            "Keep VAR_DIR on a local disk; network file systems allow no WAL.",
        )


def _one(question: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0]


def broker() -> Iterator[Finding]:
    """Whether the broker answers, and Redis with it. Network I/O."""
    if settings.CELERY_BROKER_URL.startswith("memory"):
        yield ok("The broker is in the one process.")
    else:
        found = _broker()
        yield found
        if found.severity is Severity.ERROR and settings.CELERY_BROKER_URL == settings.REDIS_URL:
            return  # the same server: it has been told
    if settings.REDIS_URL:
        yield from _redis()


def _broker() -> Finding:
    try:
        readiness.broker()
    except Exception as failure:  # noqa: BLE001 - each kind of broker has errors of its own
        return _away("The broker", settings.CELERY_BROKER_URL, failure, "CELERY_BROKER_URL (or REDIS_URL)")
    return ok("The broker answers.")


def _away(what: str, url: str, failure: Exception, setting: str) -> Finding:
    """Neither the address nor what the failure says may show the password: host and port are told."""
    at = urlsplit(url)
    told = str(failure).lower()
    if isinstance(failure, redis.AuthenticationError) or "auth" in told or "password" in told:
        why, remedy = "refuses our password", f"Check the password in {setting}."
    elif isinstance(failure, TimeoutError | redis.TimeoutError) or "timeout" in told or "timed out" in told:
        why = "does not answer"
        remedy = "See that it is not stopped, and that no firewall drops what is sent to it."
    else:
        why, remedy = "cannot be reached", f"See that it runs, and check host and port in {setting}."
    port = f":{at.port}" if at.port else ""
    return error(f"{what} at {at.hostname}{port} {why}.", remedy)


def _redis() -> Iterator[Finding]:
    try:
        told: dict[str, Any] = _client().info()
    except redis.RedisError as failure:
        yield _away("Redis", settings.REDIS_URL, failure, "REDIS_URL")
        return
    version = str(told.get("valkey_version") or told.get("redis_version") or "0.0")
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < _OLDEST_REDIS:
        yield error(f"Redis is of version {version}.", "Sameroom needs Redis 7.0 or newer, or Valkey.")
    else:
        yield ok(f"Redis answers (version {version}).")
    policy, most = str(told.get("maxmemory_policy", "")), int(told.get("maxmemory", 0))
    if most and policy != "noeviction":
        yield warning(
            f"When its memory is full Redis throws things away ({policy}), tasks among them.",
            "Set maxmemory-policy noeviction, or give Sameroom a Redis of its own.",
        )


def _client() -> redis.Redis:
    limits = {"socket_timeout": ANSWERS_WITHIN, "socket_connect_timeout": ANSWERS_WITHIN}
    return redis.Redis.from_url(settings.REDIS_URL, **limits)


def clocks() -> Iterator[Finding]:
    """Whether this machine's clock agrees with those of database and Redis. Database and network I/O."""
    differences = {}
    if connection.vendor == "postgresql":
        differences["the database"] = _difference(
            lambda: float(_one("SELECT extract(epoch FROM clock_timestamp())"))
        )
    if settings.REDIS_URL:
        try:
            differences["Redis"] = _difference(lambda: _told_by(_client()))
        except redis.RedisError:
            yield warning("Redis does not tell the time.", "First do what the check of the broker says.")
    marked = Installation.objects.filter(pk=1).values_list("marked_at", flat=True).first()
    ahead = (marked - clock.now()).total_seconds() if marked else 0.0
    if ahead > _DIFFER:
        yield error(
            f"The relay last marked that it runs {ahead:.0f} seconds from now: the clock that it goes by "
            "was set back, and leases last that much longer.",
            "Have the database's machine keep its time by NTP (chrony or systemd-timesyncd), then restart "
            "all processes.",
        )
    for whose, seconds in differences.items():
        how = f"This machine's clock and that of {whose} differ by {abs(seconds):.1f} seconds"
        remedy = "Have both machines keep their time by NTP (chrony or systemd-timesyncd)."
        if abs(seconds) > _DIFFER_BADLY:
            yield error(f"{how}: certificates and signatures are refused.", remedy)
        elif abs(seconds) > _DIFFER:
            yield warning(f"{how}: the times in logs cannot be compared.", remedy)
    if not differences:
        yield ok("There is only this machine's clock.")
    elif all(abs(seconds) <= _DIFFER for seconds in differences.values()):
        yield ok(f"The clocks of this machine and of {' and '.join(differences)} agree.")


def _difference(ask: Callable[[], float]) -> float:
    """How far that clock is ahead of ours, in seconds; the way there and back counts half."""
    before = clock.host_now().timestamp()
    theirs = ask()
    return theirs - (before + clock.host_now().timestamp()) / 2


def _told_by(client: redis.Redis) -> float:
    told: tuple[int, int] = client.time()
    return told[0] + told[1] / 1_000_000
