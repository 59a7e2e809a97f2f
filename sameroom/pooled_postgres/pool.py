"""The idle connections of one process."""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from contextlib import suppress
from typing import Any

import psycopg2
from psycopg2.extensions import TRANSACTION_STATUS_IDLE

WAIT = 30.0  # seconds for a connection, before the database counts as out of reach


class Pool:
    """Idle connections, the last one used on top; at most `size` are out at a time. Thread safe."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.forget()
        os.register_at_fork(after_in_child=self.forget)

    def take(self, address: str) -> Any | None:
        """An idle connection to this address that is still open, or None: make one.

        Either way a place is taken. Waits for one up to WAIT seconds.
        """
        if not self._places.acquire(timeout=WAIT):
            raise psycopg2.OperationalError(f"No database connection was free within {WAIT:.0f} seconds.")
        while True:
            try:
                known, connection = self._idle.pop()
            except IndexError:
                return None
            if known == address and _is_open(connection):
                return connection
            _discard(connection)

    def put(self, address: str, connection: Any) -> None:
        """Give a connection back. One that is inside a transaction, or broken, is closed instead."""
        try:
            if not connection.closed and connection.info.transaction_status == TRANSACTION_STATUS_IDLE:
                self._idle.append((address, connection))
            else:
                _discard(connection)
        finally:
            self.leave()

    def leave(self) -> None:
        """Give back the place of a connection that could not be made."""
        self._places.release()

    def close_idle(self) -> None:
        """Close what nobody uses."""
        while True:
            try:
                _discard(self._idle.pop()[1])
            except IndexError:
                return

    def forget(self) -> None:
        """Begin anew, without a word to the server: after a fork what is open is the parent's."""
        self._idle: deque[tuple[str, Any]] = deque()
        self._places = threading.Semaphore(self._size)


def _is_open(connection: Any) -> bool:
    """Whether nothing came while it lay idle: what would come is the server's farewell. No query."""
    waiting = select.poll()  # select() knows no more than 1024 files, and each lane has one open
    try:
        waiting.register(connection, select.POLLIN)
        return not connection.closed and not waiting.poll(0)
    except (OSError, ValueError, psycopg2.Error):
        return False


def _discard(connection: Any) -> None:
    with suppress(psycopg2.Error):
        connection.close()
