"""PostgreSQL through psycopg2, with connections that outlive `close()`.

A thread that is about to wait for a chat service closes its Django connection, and that puts the
connection back for the next: hundreds of lanes share a handful of them. Django pools connections itself
only with psycopg 3, which is slower for the small statements of the relay (docs/performance.md).
"""

from __future__ import annotations

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
        self._address = repr(sorted(conn_params.items(), key=lambda item: item[0]))
        connection = pool.take(self._address)
        if connection is not None:
            return connection
        try:
            connection = super().get_new_connection(conn_params)
            _set_clock(connection)
        except BaseException:
            pool.leave()
            raise
        return connection

    def _close(self) -> None:
        if self.connection is not None:
            with self.wrap_database_errors:
                pool.put(self._address, self.connection)


def _set_clock(connection: Any) -> None:
    """All processes go by the database's clock, whatever the hosts' clocks do."""
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        clock.set_by(cursor.fetchone()[0])
