"""The few statements of the hot path that are written as SQL, on PostgreSQL and SQLite alike.

An ORM query costs more time to build than these take to run (docs/performance.md). Values are always
parameters; only table names, column names and marks stand in the text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.utils.dateparse import parse_datetime


def rows(statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """What the statement returns."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def run(statement: str, values: Sequence[Any] = ()) -> int:
    """How many rows the statement changed."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def is_postgres() -> bool:
    return connection.vendor == "postgresql"


def for_update(table: str) -> str:
    """Lock rows against other writers. NO KEY: rows that refer to them may still be inserted.

    SQLite's transactions are alone from their first statement on.
    """
    return f" FOR NO KEY UPDATE OF {table}" if is_postgres() else ""


def marks(values: Iterable[Any]) -> str:
    """`(%s, %s, …)`, as many as there are values; never empty, for `IN ()` is no SQL."""
    return f"({', '.join('%s' for _ in values) or 'NULL'})"


def insert(
    table: str, columns: Sequence[str], lines: Sequence[Sequence[Any]], ending: str = ""
) -> tuple[str, list[Any]]:
    """An INSERT of several rows, with its values."""
    names = ", ".join(columns)
    statement = f"INSERT INTO {table} ({names}) VALUES {', '.join(marks(line) for line in lines)} {ending}"
    return statement, [value for line in lines for value in line]


def moment(value: datetime) -> Any:
    """A time as a parameter."""
    return connection.ops.adapt_datetimefield_value(value)


def read_moment(value: Any) -> datetime | None:
    """A time as a driver gives it back."""
    if isinstance(value, str):
        value = parse_datetime(value)
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value  # type: ignore[no-any-return]


def document(value: Any) -> str | None:
    """JSON as a parameter."""
    return None if value is None else json.dumps(value, ensure_ascii=False)


def give_back() -> None:
    """Give this thread's connection back to the pool: the next statement takes one again.

    Not inside a transaction, and not where each thread keeps a connection of its own (SQLite).
    """
    if is_postgres() and not connection.in_atomic_block:
        connection.close()


def drop_broken() -> None:
    """Close a connection that an error has shown to be of no use; the next statement opens another."""
    connection.close_if_unusable_or_obsolete()
