"""The sandbox's SQLite file: its tables and the one connection to it."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Ids come from one counter, so that no room has the id of a user.
SCHEMA = """
CREATE TABLE IF NOT EXISTS counter (next INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS groups (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS users (
    id INTEGER PRIMARY KEY, group_id INTEGER NOT NULL, name TEXT NOT NULL, mention_name TEXT NOT NULL,
    email TEXT NOT NULL, title TEXT NOT NULL, is_group_admin SANDBOX_FLAG NOT NULL,
    is_online SANDBOX_FLAG NOT NULL, created INTEGER NOT NULL, version TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS rooms (
    id INTEGER PRIMARY KEY, group_id INTEGER NOT NULL, name TEXT NOT NULL, slug TEXT NOT NULL,
    privacy TEXT NOT NULL, topic TEXT NOT NULL, owner_id INTEGER NOT NULL,
    is_archived SANDBOX_FLAG NOT NULL, is_guest_accessible SANDBOX_FLAG NOT NULL,
    created INTEGER NOT NULL, version TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS members (
    room_id INTEGER NOT NULL, user_id INTEGER NOT NULL, PRIMARY KEY (room_id, user_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tokens (
    token TEXT PRIMARY KEY, client_id TEXT NOT NULL, group_id INTEGER NOT NULL, user_id INTEGER,
    room_id INTEGER, label TEXT NOT NULL, scopes SANDBOX_JSON NOT NULL, created INTEGER NOT NULL,
    expires INTEGER NOT NULL, is_revoked SANDBOX_FLAG NOT NULL
);
CREATE TABLE IF NOT EXISTS messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, chat TEXT NOT NULL,
    stamp INTEGER NOT NULL, type TEXT NOT NULL, user_id INTEGER, sender TEXT, text TEXT,
    mentions SANDBOX_JSON NOT NULL, extra SANDBOX_JSON NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS messages_by_time ON messages (chat, stamp);
CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, content_type TEXT NOT NULL, content BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS absent (
    room_id INTEGER NOT NULL, user_id INTEGER NOT NULL, PRIMARY KEY (room_id, user_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS emoticons (
    id INTEGER PRIMARY KEY, group_id INTEGER NOT NULL, shortcut TEXT NOT NULL, creator_id INTEGER NOT NULL,
    created INTEGER NOT NULL, UNIQUE (group_id, shortcut)
);
CREATE TABLE IF NOT EXISTS webhooks (
    id INTEGER PRIMARY KEY, room_id INTEGER NOT NULL, client_id TEXT NOT NULL, url TEXT NOT NULL,
    event TEXT NOT NULL, pattern TEXT NOT NULL, name TEXT NOT NULL, key TEXT NOT NULL
);
"""
TABLES = (
    "counter", "groups", "users", "rooms", "members", "absent", "tokens", "messages", "uploads", "emoticons",
    "webhooks",
)  # fmt: skip
# Columns that a file of an earlier version lacks.
ADDED = {
    ("users", "is_guest"): "SANDBOX_FLAG NOT NULL DEFAULT 0",
    ("users", "is_deleted"): "SANDBOX_FLAG NOT NULL DEFAULT 0",
}
FIRST_ID = 501

sqlite3.register_converter("SANDBOX_FLAG", lambda raw: raw == b"1")
sqlite3.register_converter("SANDBOX_JSON", json.loads)


class Store:
    """One connection, shared by all threads and guarded by a lock."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._depth = 0
        self._connection = sqlite3.connect(
            path,
            timeout=10,
            isolation_level=None,
            check_same_thread=False,
            detect_types=sqlite3.PARSE_DECLTYPES,
        )
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(SCHEMA)
        with self.transaction():  # two processes may open an old file at once
            for (table, column), kind in ADDED.items():
                if column not in {row["name"] for row in self.rows(f"PRAGMA table_info({table})")}:
                    self.write(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")

    def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: object) -> sqlite3.Row | None:
        found = self.rows(sql, *values)
        return found[0] if found else None

    def value(self, sql: str, *values: object) -> Any:
        """The first column of the first row, None without one."""
        found = self.row(sql, *values)
        return found[0] if found else None

    def write(self, sql: str, *values: object) -> int:
        """Run one statement; how many rows it touched."""
        with self.transaction():
            return self._connection.execute(sql, values).rowcount

    def insert(self, table: str, **values: object) -> None:
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        stored = [json.dumps(value) if isinstance(value, list | dict) else value for value in values.values()]
        self.write(f"INSERT INTO {table} ({names}) VALUES ({marks})", *stored)  # noqa: S608 - names are ours

    def update(self, table: str, row_id: int, **values: object) -> None:
        """Set columns of the row with that id."""
        changes = ", ".join(f"{name} = ?" for name in values)
        self.write(f"UPDATE {table} SET {changes} WHERE id = ?", *values.values(), row_id)  # noqa: S608 - as above

    def next_id(self) -> int:
        with self.transaction():
            if not self.write("UPDATE counter SET next = next + 1"):
                self.write("INSERT INTO counter VALUES (?)", FIRST_ID + 1)
            return int(self.value("SELECT next - 1 FROM counter"))

    def clear(self) -> None:
        with self.transaction():
            for table in TABLES:
                self.write(f"DELETE FROM {table}")  # noqa: S608 - names are ours

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; an inner transaction joins the outer one."""
        with self._lock:
            if self._depth == 0:
                self._connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._connection.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._connection.execute("COMMIT")
