"""Where processes meet: counters they add to, and marks that say when somebody was last seen.

Redis where there is one, else the memory of the one process. All of it may vanish: Prometheus knows a
counter that starts again, and whoever lives marks himself again within seconds.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final, Protocol

import redis
from django.conf import settings

from sameroom import clock

log = logging.getLogger(__name__)

COUNTERS: Final = "sameroom:counters"
SEEN: Final = "sameroom:seen"
TIME_LIMIT: Final = 1.0  # seconds for one answer of Redis
FORGOTTEN: Final = 86_400.0  # seconds after which a mark is of no interest to anybody

Series = tuple[str, ...]  # a counter's name, then its labels: none holds a "|"


class Store(Protocol):
    """Counters and marks. Safe between threads; no method raises but those that say so."""

    def add(self, counts: Mapping[Series, int]) -> bool:
        """Add to the counters. False: surely not done, try again later."""

    def totals(self) -> Counter[Series]:
        """All counters. Raises redis.RedisError."""

    def mark(self, name: str) -> None:
        """Note that `name` was seen now."""

    def unmark(self, name: str) -> None:
        """Note that `name` has gone."""

    def marks(self) -> dict[str, float]:
        """When each was last seen, in wall-clock seconds. Raises redis.RedisError."""


class MemoryStore:
    """For the one process. No I/O."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._totals: Counter[Series] = Counter()
        self._seen: dict[str, float] = {}

    def add(self, counts: Mapping[Series, int]) -> bool:
        with self._lock:
            self._totals.update(counts)
        return True

    def totals(self) -> Counter[Series]:
        with self._lock:
            return Counter(self._totals)

    def mark(self, name: str) -> None:
        with self._lock:
            self._seen[name] = clock.now().timestamp()

    def unmark(self, name: str) -> None:
        with self._lock:
            self._seen.pop(name, None)

    def marks(self) -> dict[str, float]:
        with self._lock:
            return dict(self._seen)


class RedisStore:
    """For several processes: one hash of counters, one sorted set of marks. Each call is one round trip."""

    def __init__(self, url: str) -> None:
        # Without redis-py's own second tries: a hung Redis costs one time limit, not several.
        self._redis = redis.Redis.from_url(
            url, socket_timeout=TIME_LIMIT, socket_connect_timeout=TIME_LIMIT, decode_responses=True
        )
        self._answers = True

    def add(self, counts: Mapping[Series, int]) -> bool:
        """Asks first whether Redis answers: one that hangs would later add once per try what was sent to it.

        What is cut off after that counts as done: counted never is better than counted twice.
        """
        if not self._done(self._redis.ping):
            return False
        pipeline = self._redis.pipeline()
        for series, count in counts.items():
            pipeline.hincrby(COUNTERS, "|".join(series), count)
        self._done(pipeline.execute)
        return True

    def totals(self) -> Counter[Series]:
        stored: dict[str, str] = self._redis.hgetall(COUNTERS)  # type: ignore[assignment]
        return Counter({tuple(field.split("|")): int(value) for field, value in stored.items()})

    def mark(self, name: str) -> None:
        now = clock.now().timestamp()
        pipeline = self._redis.pipeline()
        pipeline.zadd(SEEN, {name: now})
        pipeline.zremrangebyscore(SEEN, "-inf", now - FORGOTTEN)
        self._done(pipeline.execute)

    def unmark(self, name: str) -> None:
        self._done(lambda: self._redis.zrem(SEEN, name))

    def marks(self) -> dict[str, float]:
        return dict(self._redis.zrange(SEEN, 0, -1, withscores=True))  # type: ignore[arg-type]

    def _done(self, call: Callable[[], object]) -> bool:
        """Whether the call succeeded. Said once when Redis goes, and once when it is back."""
        try:
            call()
        except redis.RedisError as error:
            if self._answers:
                log.warning("Redis does not take our metrics (%s); going on.", type(error).__name__)
            self._answers = False
        else:
            if not self._answers:
                log.info("Redis takes our metrics again.")
            self._answers = True
        return self._answers


@cache
def store() -> Store:
    """The store of this installation. No I/O."""
    return RedisStore(settings.REDIS_URL) if settings.REDIS_URL else MemoryStore()


def is_shared() -> bool:
    """Whether what one process notes reaches the others. With RabbitMQ and no Redis it does not."""
    return bool(settings.REDIS_URL) or settings.CELERY_BROKER_URL.startswith("memory")
