"""What the judge reads from the relay's own tables, by SQL: the relay itself may be dead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

DUMPED = {
    **{f"tubes_{name}": "*" for name in ("room", "seat", "tube", "event", "delivery", "post", "notice")},
    "accounts_linkedaccount": "id, owner_id, kind, remote_user_id, status, status_reason, status_since",
}


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is not finished yet."""

    open: int
    held: int


@dataclass(frozen=True, slots=True)
class Unknown:
    """A delivery that ended `unknown`."""

    delivery: int
    room: str
    remote_id: str  # of the message at its origin, where it has one there
    number: str  # of the message that it is or belongs to, where the body of that is still there
    kind: str
    is_told: bool  # its owner has a notice of this kind for the Seat


class Rows:
    """Read-only queries, each on a connection of its own."""

    def __init__(self, url: str) -> None:
        self._url = url

    def backlog(self) -> Backlog:
        [(open_,)] = self._ask("SELECT count(*) FROM tubes_delivery WHERE status IN ('queued', 'sending')")
        [(held,)] = self._ask("SELECT count(*) FROM tubes_event WHERE held = 'waiting'")
        return Backlog(open_, held)

    def sending(self, rooms: Collection[str] | None = None) -> int:
        """How many sends are on the wire, by the rows; in some rooms, or in all."""
        query = (
            "SELECT r.name, count(*) FROM tubes_delivery d JOIN tubes_room r ON r.id = d.room_id "
            "WHERE d.status = 'sending' GROUP BY r.name"
        )
        return sum(count for name, count in self._ask(query) if rooms is None or name in rooms)

    def deliveries(self) -> Counter[str]:
        """How many there are in each state."""
        return Counter(dict(self._ask("SELECT status, count(*) FROM tubes_delivery GROUP BY status")))

    def unknown(self) -> list[Unknown]:
        """Every delivery whose fate nobody could find out."""
        rows = self._ask(
            "SELECT d.id, r.name, COALESCE(NULLIF(e.target, ''), e.remote_id), "
            "COALESCE(substring(e.body::text from '#([0-9]{6})'), "
            "substring(a.body::text from '#([0-9]{6})'), ''), e.kind, "
            "EXISTS(SELECT 1 FROM tubes_notice n WHERE n.seat_id = d.seat_id AND n.kind = 'unknown') "
            "FROM tubes_delivery d "
            "JOIN tubes_room r ON r.id = d.room_id JOIN tubes_event e ON e.id = d.event_id "
            "LEFT JOIN tubes_event a ON a.id = e.about_id "
            "WHERE d.status = 'unknown'"
        )
        return [Unknown(*row) for row in rows]

    def cut_connections(self) -> int:
        """Have PostgreSQL end every other connection; how many there were."""
        rows = self._ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return len(rows)

    def dump(self, folder: Path) -> None:
        """Write the tables that explain a breach as CSV; of accounts, no secrets."""
        with closing(psycopg2.connect(self._url, connect_timeout=3)) as connection:
            for table, columns in DUMPED.items():
                with (folder / f"{table}.csv").open("w") as file, connection.cursor() as cursor:
                    query = f"COPY (SELECT {columns} FROM {table} ORDER BY id) TO STDOUT CSV HEADER"  # noqa: S608
                    cursor.copy_expert(query, file)

    def _ask(self, query: str) -> list[tuple[Any, ...]]:
        with closing(psycopg2.connect(self._url, connect_timeout=3)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetchall()
