"""What is counted where it happens: called on the hot path, costs a microsecond, does no I/O.

Each process adds up in memory; a thread of its own takes what has come together to the store about
once a second, and once more when the process ends. Imports nothing of the relay, which imports this.
"""

import atexit
import logging
import os
import threading
from bisect import bisect_left
from typing import Final

from monitor.store import Series, store

log = logging.getLogger(__name__)

# Upper ends of the lag histogram's buckets, in seconds.
BUCKETS: Final = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
    *(60.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0),
)
EVENTS: Final = "events"  # connector, kind
ENDED: Final = "ended"  # connector, status
LAG: Final = "lag"  # connector, index of the bucket
LAG_SUM: Final = "lag_sum"  # connector; in microseconds, so that all counters are whole numbers
BATCHES: Final = "batches"  # connector
BATCH_SUM: Final = "batch_sum"  # connector; in microseconds
STREAMS_ENDED: Final = "streams_ended"  # connector, why
UNREADABLE: Final = "unreadable"  # connector
EVERY: Final = 1.0  # seconds between two flushes

_lock = threading.Lock()  # held for an addition only
_flushing = threading.Lock()
_pending: dict[Series, int] = {}
_flusher: threading.Thread | None = None


def events_in(kind: str, connector: str, count: int) -> None:
    """So many events of a kind were taken in. Call it once their transaction is committed."""
    _count((EVENTS, connector, kind), count)


def stream_batch(connector: str, seconds: float) -> None:
    """A stream's batch was stored, so many seconds after it had come."""
    _count((BATCHES, connector), 1)
    _count((BATCH_SUM, connector), round(seconds * 1_000_000))


def stream_ended(connector: str, why: str) -> None:
    """A stream ended, not by our doing; it is opened anew, or its owner asked."""
    _count((STREAMS_ENDED, connector, why), 1)


def stream_unreadable(connector: str, count: int) -> None:
    """So many events of a stream were left out, as they could not be understood."""
    if count:
        _count((UNREADABLE, connector), count)


def delivery_ended(connector: str, status: str, lag_seconds: float | None) -> None:
    """A delivery came to its end; `lag_seconds`, accepted → sent, where it was sent now.

    Call it once the end is committed. A lag below zero (a clock stepped) counts as zero.
    """
    series = (ENDED, connector, status)
    with _lock:
        _pending[series] = _pending.get(series, 0) + 1
        if lag_seconds is not None:
            lag = max(0.0, lag_seconds)
            bucket, total = (LAG, connector, str(bisect_left(BUCKETS, lag))), (LAG_SUM, connector)
            _pending[bucket] = _pending.get(bucket, 0) + 1
            _pending[total] = _pending.get(total, 0) + round(lag * 1_000_000)
    if _flusher is None:
        _start()


def deliveries_ended(connector: str, status: str, count: int) -> None:
    """So many deliveries came to an end other than by being sent. Call it once that is committed."""
    _count((ENDED, connector, status), count)


def _count(series: Series, count: int) -> None:
    with _lock:
        _pending[series] = _pending.get(series, 0) + count
    if _flusher is None:
        _start()


def flush() -> None:
    """Take what has come together to the store. Cache I/O; never raises; safe at any time."""
    global _pending
    with _flushing:
        with _lock:
            taken, _pending = _pending, {}
        if taken and not _added(taken):
            with _lock:
                for series, count in taken.items():
                    _pending[series] = _pending.get(series, 0) + count


def _added(counts: dict[Series, int]) -> bool:
    try:
        return store().add(counts)
    except Exception:
        log.exception("What was counted is lost.")
        return True


def _start() -> None:
    """Start this process's flusher; of two threads that come here, one does."""
    global _flusher
    with _lock:
        if _flusher is None:
            _flusher = threading.Thread(target=_flush_for_ever, name="metrics", daemon=True)
            _flusher.start()


def _flush_for_ever() -> None:
    pause = threading.Event()
    while True:
        pause.wait(EVERY)
        flush()


def _forget() -> None:
    """A child counts its own only; its parent's thread and locks did not come along."""
    global _lock, _flushing, _flusher
    _lock, _flushing, _flusher = threading.Lock(), threading.Lock(), None
    _pending.clear()


os.register_at_fork(after_in_child=_forget)
atexit.register(flush)
