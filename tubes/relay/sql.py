"""The few statements of the hot path that are written as SQL, on PostgreSQL and SQLite alike.

An ORM query costs more time to build than these take to run, and PostgreSQL spends more on planning them
than on running them, so each connection keeps them prepared (docs/performance.md). Values are always
parameters; only table names, column names and marks stand in the text.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from django.db import InterfaceError, OperationalError, connection, models
from django.utils.dateparse import parse_datetime

ModelT = TypeVar("ModelT", bound=models.Model)
ResultT = TypeVar("ResultT")
PAUSES = (0.0, 0.1, 0.5)  # seconds before a statement is tried again whose connection was cut


def rows(statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """What the statement returns."""
    with _cursor() as (cursor, prepared):
        cursor.execute(_call(cursor, prepared, statement), values)
        return list(cursor.fetchall())


def run(statement: str, values: Sequence[Any] = ()) -> int:
    """How many rows the statement changed."""
    with _cursor() as (cursor, prepared):
        cursor.execute(_call(cursor, prepared, statement), values)
        return int(cursor.rowcount)


@contextmanager
def _cursor() -> Iterator[tuple[Any, dict[str, str] | None]]:
    """A cursor, and on PostgreSQL the statements that its connection has prepared.

    A thread without a connection is lent one for the statement; one inside a transaction uses its own.
    """
    if not is_postgres():
        with connection.cursor() as cursor:
            yield cursor, None
    elif connection.connection is None:
        with connection.lent() as lent, lent.cursor() as cursor:  # type: ignore[attr-defined]
            yield cursor, lent.prepared
    else:
        with connection.cursor() as cursor:
            yield cursor, connection.connection.prepared


def _call(cursor: Any, known: dict[str, str] | None, statement: str) -> str:
    """The statement, or on PostgreSQL what runs it as this connection has prepared it."""
    if known is None:
        return statement
    call = known.get(statement)
    if call is None:
        # Lists of very many lengths, or long ones: not worth remembering them all, and each takes memory.
        if len(known) >= MOST_PREPARED or statement.count("%s") > MOST_VALUES:
            return statement
        name, *pieces = f"sameroom_{len(known)}", *statement.split("%s")
        numbered = pieces[0] + "".join(f"${number}{piece}" for number, piece in enumerate(pieces[1:], 1))
        cursor.execute(f"PREPARE {name} AS {numbered}")
        values = ", ".join("%s" for _ in pieces[1:])
        call = known[statement] = f"EXECUTE {name} ({values})" if values else f"EXECUTE {name}"
    return call


MOST_PREPARED = 400  # per connection
MOST_VALUES = 400  # of a statement; to plan one that has more takes little beside running it


def is_postgres() -> bool:
    return connection.vendor == "postgresql"


def for_update(table: str) -> str:
    """Lock rows against other writers. NO KEY: rows that refer to them may still be inserted.

    SQLite's transactions are alone from their first statement on.
    """
    return f" FOR NO KEY UPDATE OF {table}" if is_postgres() else ""


def without_waiting() -> str:
    """A condition, always true, by which a statement that commits itself does not wait for the disk."""
    return " AND set_config('synchronous_commit', 'off', true) = 'off'" if is_postgres() else ""


def marks(values: Iterable[Any]) -> str:
    """`(%s, %s, …)`, as many as there are values; never empty, for `IN ()` is no SQL."""
    return f"({', '.join('%s' for _ in values) or 'NULL'})"


def padded(values: Iterable[Any]) -> list[Any]:
    """The values, the last one repeated up to a power of two: few lengths, so few statements to prepare."""
    known = list(values)
    length = 1 << max(0, len(known) - 1).bit_length()
    return known + known[-1:] * (length - len(known))


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


def read_document(value: Any) -> Any:
    """JSON as a driver gives it back."""
    return json.loads(value) if isinstance(value, str) else value


class Columns(Generic[ModelT]):
    """All columns of a model under an alias, and how rows of them become its objects."""

    def __init__(self, model: type[ModelT], alias: str) -> None:
        fields = model._meta.concrete_fields
        self.model, self._names = model, [field.attname for field in fields]
        self.text = ", ".join(f"{alias}.{field.column}" for field in fields)
        self.count = len(fields)
        self._readers: list[tuple[int, Callable[[Any], Any]]] = [
            (number, read_document if isinstance(field, models.JSONField) else read_moment)
            for number, field in enumerate(fields)
            if isinstance(field, models.JSONField | models.DateTimeField)
        ]

    def read(self, row: Sequence[Any]) -> ModelT:
        """The object that a row holds, as the ORM would make it."""
        values = list(row)
        for number, reader in self._readers:
            values[number] = reader(values[number])
        return self.model.from_db(connection.alias, self._names, values)


def give_back() -> None:
    """Give this thread's connection back to the pool: the next statement takes one again.

    Not inside a transaction, and not where each thread keeps a connection of its own (SQLite).
    """
    if is_postgres() and not connection.in_atomic_block:
        connection.close()


def end_of_work() -> None:
    """A thread has done something: its pooled connection goes back; one that an error broke is replaced."""
    if is_postgres():
        connection.close()
    else:
        connection.close_if_unusable_or_obsolete()


def again(statement: Callable[[], ResultT]) -> ResultT:
    """What a statement returns that may be repeated: by other connections where this one was cut.

    A server that ends all of them does so one after the other. Not inside a transaction: that is gone with
    its connection.
    """
    for pause in PAUSES:
        try:
            return statement()
        except (OperationalError, InterfaceError):
            if connection.in_atomic_block:
                raise
            drop_broken()
            time.sleep(pause)
    return statement()


def drop_broken() -> None:
    """Close a connection that an error has shown to be of no use; the next statement opens another."""
    connection.close_if_unusable_or_obsolete()
