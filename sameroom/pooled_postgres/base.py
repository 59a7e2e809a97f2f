"""PostgreSQL through psycopg2, with connections that outlive `close()`.

A thread that is about to wait for a chat service closes its Django connection, and that puts the
connection back for the next: hundreds of lanes share a handful of them. Django pools connections itself
only with psycopg 3, which is slower for the small statements of the relay (docs/performance.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2.extensions
from django.conf import settings
from django.db.backends.postgresql import base, creation

from sameroom import clock
from sameroom.pooled_postgres.pool import Pool

pool = Pool(settings.DATABASE_POOL_SIZE)


class Connection(psycopg2.extensions.connection):
    """psycopg2's own, with the statements that were prepared on it: text → how it is called."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.prepared: dict[str, str] = {}


class DatabaseCreation(creation.DatabaseCreation):
    def _destroy_test_db(self, *args: Any, **options: Any) -> None:
        pool.close_idle()
        super()._destroy_test_db(*args, **options)  # type: ignore[misc]


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own, but for where a connection comes from and goes to."""

    creation_class = DatabaseCreation

    def get_connection_params(self) -> dict[str, Any]:
        return super().get_connection_params() | {"connection_factory": Connection}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        self._address = self._where()
        return self._take(self._address, conn_params)

    def _close(self) -> None:
        if self.connection is not None:
            with self.wrap_database_errors:
                pool.put(self._address, self.connection)

    @contextmanager
    def lent(self) -> Iterator[Connection]:
        """A connection for one statement that commits itself, past all that Django does for a connection.

        Raises what Django raises. Not inside a transaction of this thread: it would not see it.
        """
        address = self._where()
        with self.wrap_database_errors:
            connection = self._take(address, None)
            try:
                if not connection.autocommit:
                    connection.autocommit = True
                yield connection
            finally:
                pool.put(address, connection)

    def _where(self) -> str:
        """Which database this is; without its password."""
        told = self.settings_dict
        return f"{told['USER']}@{told['HOST']}:{told['PORT']}/{told['NAME']}"

    def _take(self, address: str, conn_params: dict[str, Any] | None) -> Connection:
        connection: Connection | None = pool.take(address)
        if connection is not None:
            return connection
        try:
            connection = super().get_new_connection(conn_params or self.get_connection_params())
            _begin(connection)
        except BaseException:
            pool.leave()
            raise
        return connection


def _begin(connection: Any) -> None:
    """All processes go by the database's clock, whatever the hosts' clocks do; and all speak of UTC."""
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SET TIME ZONE 'UTC'; SELECT clock_timestamp()")
        clock.set_by(cursor.fetchone()[0])
