"""The copy of the database's mark that is kept outside of it: in VAR_DIR, and in Redis where there is one.

Either may be lost, or cannot be reached for a while: that is logged, and the other one counts.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from pathlib import Path

from django.conf import settings
from django.core.cache import cache

log = logging.getLogger(__name__)

KEY = "sameroom:mark"


def newest() -> int | None:
    """The newest mark known here; None where there is none that can be read. File and Redis I/O."""
    known = (_mark_in_file(), _mark_in_redis())
    return max((mark for mark in known if mark is not None), default=None)


def keep(mark: int) -> None:
    """Write the mark to the file, whole or not at all, and to Redis. May be repeated."""
    path = _path()
    fresh = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
    try:
        fresh.write_text(json.dumps({"mark": mark, "public_url": settings.PUBLIC_URL}) + "\n")
        fresh.replace(path)
    except OSError as error:
        log.warning("%s cannot be written (%s)", path, type(error).__name__)
    if settings.REDIS_URL:
        try:
            cache.set(KEY, mark, timeout=None)
        except Exception as error:  # noqa: BLE001 - whatever a client library raises
            log.warning("The mark cannot be written to Redis (%s)", type(error).__name__)


def _path() -> Path:
    return Path(settings.VAR_DIR) / "installation.json"


def _mark_in_file() -> int | None:
    try:
        return int(json.loads(_path().read_text())["mark"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        log.warning("%s cannot be read (%s); going on without it", _path(), type(error).__name__)
        return None


def _mark_in_redis() -> int | None:
    if not settings.REDIS_URL:
        return None  # the cache is this process's own
    try:
        mark = cache.get(KEY)
        return None if mark is None else int(mark)
    except Exception as error:  # noqa: BLE001 - whatever a client library raises
        log.warning("The mark in Redis cannot be read (%s); going on without it", type(error).__name__)
        return None
