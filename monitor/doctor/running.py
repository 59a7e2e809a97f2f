"""What runs: web's disk, workers, beat, listeners, as far as the database and Redis know of them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from django.conf import settings

from connectors.findings import Finding, error, ok, warning
from monitor import pulse, readiness
from monitor.store import is_shared
from sameroom import clock
from tubes.models import Installation

_GIB: Final = 1024**3
_LITTLE: Final = 1 * _GIB
_TOO_LITTLE: Final = _GIB // 8
_FEW_FILES: Final = 0.02  # of a file system's inodes that are free
_MARKED: Final = timedelta(seconds=120)  # beat and a worker mark every 30 seconds that the relay runs


def disk() -> Iterator[Finding]:
    """The disk of VAR_DIR: files behind links, SQLite, the copy guard's mark. Writes and removes a file."""
    folder = Path(settings.VAR_DIR)
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as file:
            file.write(b"x")
            file.flush()
    except OSError as failure:
        yield error(
            f"Nothing can be written to VAR_DIR {folder}: {failure.strerror}.",
            "Give the folder to the user that Sameroom runs as, and see that its disk is not full or read "
            "only.",
        )
        return
    free, inodes = shutil.disk_usage(folder).free, os.statvfs(folder)
    few = inodes.f_files and inodes.f_favail < _FEW_FILES * inodes.f_files
    remedy = "Make room, or lower FILE_QUOTA_MB: files behind links are fetched again when asked for."
    if free < _TOO_LITTLE or few:
        what = "No more files can be made" if few else f"{free / _GIB:.2f} GiB are free"
        yield error(f"{what} on the disk of VAR_DIR {folder}.", remedy)
    elif free < _LITTLE:
        yield warning(f"{free / _GIB:.2f} GiB are free on the disk of VAR_DIR {folder}.", remedy)
    else:
        yield ok(f"{free / _GIB:.0f} GiB are free on the disk of VAR_DIR {folder}, which can be written to.")


def processes() -> Iterator[Finding]:
    """Workers, beat and listeners, and whether what is due is worked on. Database and cache I/O."""
    row = Installation.objects.filter(pk=1).values("stopped_because", "marked_at").first()
    if row is None:
        yield warning(
            "Nothing has run on this database yet.", "Start Sameroom: make run, or docker compose up."
        )
        return
    if row["stopped_because"]:
        yield error(
            f"The relay is stopped. {row['stopped_because']}",
            "Do what this sentence says, once you are sure.",
        )
    else:
        yield from _beating(clock.now() - row["marked_at"])
        yield _told(
            readiness.lag(), "Start more workers, or give them more threads (WORKER_THREADS, LANE_THREADS)."
        )
    yield _told(readiness.listener(), "Start manage.py listen, and look at its log.")


def _beating(silent: timedelta) -> Iterator[Finding]:
    """By Redis where the processes meet there; else by the mark that beat has a worker make."""
    if silent > _MARKED:
        yield error(
            f"Beat or the workers have shown no sign of life for {_ago(silent)}: nothing is polled or sent.",
            "Start worker and beat (make run, or docker compose up), and look at their logs.",
        )
    elif not settings.REDIS_URL or not is_shared():
        yield ok("Beat and a worker run.")
    elif workers := pulse.workers():
        yield ok(f"{workers} worker{'' if workers == 1 else 's'} run{'s' if workers == 1 else ''}.")
        [beat] = readiness.beat()
        yield _told(beat, "Start exactly one beat: celery -A sameroom beat.")
    else:
        yield error("No worker has been seen for a minute.", "Start one, and look at its log.")


def _ago(silent: timedelta) -> str:
    minutes = round(silent.total_seconds() / 60)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"


def _told(check: readiness.Check, remedy: str) -> Finding:
    return ok(check.text) if check.ok else error(check.text, remedy)
