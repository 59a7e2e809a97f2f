"""The copy guard: a staging copy, or a backup that was restored, does not relay until an operator says so.

The one Installation row knows where the database belongs (PUBLIC_URL), and holds a mark that grows while
the relay runs. The newest mark is also kept outside the database, in VAR_DIR and in Redis: a database
whose mark is older than that has lost what was relayed since.

The mark is raised in the database first and written outside afterwards, and read outside first and in
the database afterwards. So at no time does an honest database look older than its outside mark.
"""

from __future__ import annotations

import logging
import threading
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

from sameroom import clock
from tubes.models import Installation, Tube
from tubes.relay import marks, sql

log = logging.getLogger(__name__)

LOOK_AGAIN = 2.0  # seconds for which a process goes by what it read
IS_STOPPED = "SELECT 1 FROM tubes_installation WHERE id = 1 AND stopped_because <> ''"
HOW = "Until then nothing is read or sent."
MOVED = (
    "This database belongs to {was}, and this installation is {now}. If this is a copy, leave it as it "
    "is; if Sameroom has moved here, run: manage.py relay_resume --from cursor. " + HOW
)
OLDER = (
    "This database is older than what this installation has seen (mark {mark}, seen {seen}): a backup was "
    "restored, or this is a copy. If it is to go on from here, run: manage.py relay_resume --from now. " + HOW
)

_lock = threading.Lock()
_known: tuple[float, bool] | None = None  # until when (monotonic), stopped?


def check_in() -> str:
    """At the start of a process that relays: find out whether it may, and log why not. As `find_out`."""
    reason = find_out()
    if reason:
        log.critical("The relay is stopped. %s", reason)
    return reason


def find_out() -> str:
    """Why this database may not relay here; "" where it may. What stops it stays in the row.

    The first start makes the row. Database, file and Redis I/O; may be repeated, by many at once.
    """
    outside = marks.newest()
    with transaction.atomic():
        made = _first_mark(outside)
        row = Installation.objects.select_for_update().get(pk=1)
        reason = row.stopped_because or made or _why_not(row, outside)
        if not reason:
            row.public_url = settings.PUBLIC_URL
        row.stopped_because = reason
        row.save(update_fields=["public_url", "stopped_because"])
    forget()
    if not reason:
        marks.keep(row.mark)
    return reason


def advance() -> bool:
    """Raise the mark; False where the relay is stopped, or stops now because the database went back.

    Called every 30 seconds by beat. Database, file and Redis I/O; may be repeated.
    """
    outside = marks.newest()
    with transaction.atomic():
        row = Installation.objects.select_for_update().filter(pk=1).first()
        if row is None or row.stopped_because:
            return False
        if outside is not None and row.mark < outside:
            row.stopped_because = OLDER.format(mark=row.mark, seen=outside)
            log.critical("The relay is stopped. %s", row.stopped_because)
        else:
            row.mark, row.marked_at = row.mark + 1, clock.now()
        row.save(update_fields=["mark", "marked_at", "stopped_because"])
    if row.stopped_because:
        forget()
        return False
    marks.keep(row.mark)
    return True


def is_stopped() -> bool:
    """Whether nothing may be read or sent. One tiny query per LOOK_AGAIN seconds and process; thread safe."""
    global _known
    known = _known
    if known is not None and clock.monotonic() < known[0]:
        return known[1]
    with _lock:
        known = _known
        if known is None or clock.monotonic() >= known[0]:
            known = _known = (clock.monotonic() + LOOK_AGAIN, bool(sql.rows(IS_STOPPED)))
    return known[1]


def stopped_because() -> str:
    """Why the relay is stopped; "" while it is not. One query."""
    return Installation.objects.filter(pk=1).values_list("stopped_because", flat=True).first() or ""


def resume() -> None:
    """Let this database relay here from now on: it takes on PUBLIC_URL, and a mark above all others.

    Database, file and Redis I/O; may be repeated.
    """
    outside = marks.newest()
    with transaction.atomic():
        row = Installation.objects.select_for_update().get(pk=1)
        row.mark, row.marked_at = max(row.mark, outside or 0) + 1, clock.now()
        row.public_url, row.stopped_because = settings.PUBLIC_URL, ""
        row.save()
    forget()
    marks.keep(row.mark)
    log.warning("The relay was resumed by an operator")


def forget() -> None:
    """Look anew at the next call of `is_stopped` in this process."""
    global _known
    _known = None


def _first_mark(outside: int | None) -> str:
    """Make the row where there is none; why this database may not relay even so, or "".

    A fresh database has no Tubes. One that has some, and no row, is a backup from before there was a
    row, if a mark was seen since.
    """
    _, made = Installation.objects.get_or_create(
        pk=1, defaults={"public_url": settings.PUBLIC_URL, "mark": 0, "marked_at": clock.now()}
    )
    if not made or outside is None:
        return ""
    if Tube.objects.exists():
        return OLDER.format(mark=0, seen=outside)
    Installation.objects.filter(pk=1).update(mark=outside)
    return ""


def _why_not(row: Installation, outside: int | None) -> str:
    if not _is_same_place(row.public_url, settings.PUBLIC_URL):
        return MOVED.format(was=row.public_url, now=settings.PUBLIC_URL)
    if outside is not None and row.mark < outside:
        return OLDER.format(mark=row.mark, seen=outside)
    return ""


def _is_same_place(was: str, now: str) -> bool:
    """Whether two public addresses are one installation's; a try-out may change its port."""
    old, new = urlsplit(was), urlsplit(now)
    same_host = (old.scheme, old.hostname, old.path) == (new.scheme, new.hostname, new.path)
    if same_host and old.port != new.port:
        return (settings.LOCAL or settings.DEBUG) and _is_loopback(new.hostname or "")
    return same_host


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
