"""One request budget per credential, shared by all workers through Django's cache.

The budget is a fixed window of N requests. One counter per window holds what sends, polls and the
rest have used, packed into a single integer, so that one atomic `incr` both takes and tells. What a
service answers (limit headers, 429) moves the window and its size. All of it may vanish at any time:
the cost is then a 429, which is honoured, never a message.
"""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypedDict, TypeGuard

from django.core.cache import cache

from sameroom import clock

logger = logging.getLogger(__name__)

MOST_REQUESTS: Final = 1_000_000  # per window; below 2**20, see _Used
LONGEST_WAIT: Final = 3600.0  # a service that says "in a year" is asked again after an hour
_FIRST_BACK_OFF: Final = 5.0
_LEARNED_WINDOWS: Final = 3  # a learned limit that nothing confirms is forgotten after so many
_LONGEST_WINDOW: Final = 7 * 86_400.0  # anything above is no number of seconds
_BITS: Final = 20
_MASK: Final = (1 << _BITS) - 1
_SENDS: Final = 1
_POLLS: Final = 1 << _BITS
_REST: Final = 1 << 2 * _BITS


class Use(StrEnum):
    SEND = "send"
    POLL = "poll"
    SETTLE = "settle"  # looking whether a send arrived
    OTHER = "other"  # logging in, listing rooms


@dataclass(frozen=True, slots=True)
class Limit:
    """What the service documents: so many requests in so many seconds."""

    requests: int
    seconds: float


@dataclass(frozen=True, slots=True)
class _Used:
    """Requests of one window. In the cache: sends, polls and the rest, 20 bits each."""

    sends: int
    polls: int
    rest: int

    @classmethod
    def unpack(cls, packed: int) -> "_Used":
        return cls(packed & _MASK, packed >> _BITS & _MASK, packed >> 2 * _BITS & _MASK)

    @property
    def total(self) -> int:
        return self.sends + self.polls + self.rest


@dataclass(frozen=True, slots=True)
class _Shares:
    """How the requests of a window are divided."""

    all: int
    sends: int  # at most; leaves `polls_kept` and `rest`
    polls: int  # at most; what sends do not need, up to 60 %
    polls_kept: int  # a third that sends may not take
    rest: int  # kept for settling and the like

    @classmethod
    def of(cls, requests: int, *, only_sends: bool) -> "_Shares":
        rest = min(max(2, requests // 20), requests // 4)
        kept = 0 if only_sends else requests // 3
        polls = 0 if only_sends else min(max(1, requests * 6 // 10), max(1, requests - rest))
        return cls(requests, requests - kept - rest, polls, kept, rest)

    def hold(self, used: _Used, unit: int) -> bool:
        """Whether the request just counted, of this kind, was one that may go."""
        if unit == _REST:
            return used.rest <= self.rest and used.total <= self.all
        within = used.sends <= self.sends if unit == _SENDS else used.polls <= self.polls
        return within and used.total <= self.all - max(0, self.rest - used.rest)

    def polls_left(self, used: _Used) -> int:
        """How many more polls `hold` would let go."""
        within_all = self.all - max(0, self.rest - used.rest) - used.total
        return max(0, min(self.polls - used.polls, within_all))


class _Learned(TypedDict):
    """The service's own word, as stored. Times are wall-clock seconds, as workers share them."""

    requests: int | None
    ends: float  # of one window; the others are whole windows away
    seconds: float
    foreign: int  # used by somebody else with the same credential, in the window that ends at `ends`
    at: float


@dataclass(frozen=True, slots=True)
class _Window:
    """The window now running, and who else used it."""

    ends: float
    seconds: float
    requests: int
    foreign: int

    def is_near(self, ends: float) -> bool:
        """Whether a window that ends then is this one, but for the rounding of seconds and the way here."""
        return abs(ends - self.ends) <= min(2.0, self.seconds / 10)

    @property
    def timeout(self) -> int:
        return math.ceil(2 * self.seconds) + 60


@contextmanager
def _cache_may_fail() -> Iterator[None]:
    """Without a cache nobody counts, and the service's 429 is what keeps us in bounds."""
    try:
        yield
    except Exception:
        logger.warning("The request budget's cache fails; going on without a budget.", exc_info=True)


class Budget:
    """The budget of one credential. Cheap to make, keeps nothing itself; safe between threads and processes.

    `key` names the credential by a hash of it, never by the secret. `only_sends` is for a limit that
    counts nothing but sends (flood control): no share is kept for polls then. Without a limit nothing is
    counted: what the service refuses, it tells whoever asked.
    Every method does cache I/O, none does network I/O to the service, and none raises.
    """

    def __init__(self, key: str, limit: Limit | None, *, only_sends: bool = False) -> None:
        self._key = f"budget:{key}"
        self._is_limited = limit is not None
        self._limit = limit or Limit(MOST_REQUESTS, 60.0)
        self._only_sends = only_sends

    def take(self, use: Use) -> float:
        """0.0: go ahead, one request is counted. Else the seconds to wait before asking again."""
        if self._is_limited:
            with _cache_may_fail():
                return self._take(use)
        return 0.0

    def learn(self, *, limit: int | None, remaining: int | None, reset_in: float | None) -> None:
        """What the headers of an answer said: requests per window, requests left, seconds to its end.

        The service's word wins over the documented limit, for as long as it keeps saying so.
        """
        if self._is_limited:
            with _cache_may_fail():
                self._learn(limit, remaining, reset_in)

    def refused(self, *, retry_after: float | None, use: Use) -> None:
        """The service answered 429: nobody asks before `retry_after` seconds, or a growing wait, are over."""
        if not self._is_limited:
            return
        with _cache_may_fail():
            wait = self._back_off() if not _is_wait(retry_after) else min(max(retry_after, 1.0), LONGEST_WAIT)
            until = _now() + wait
            if until > float(cache.get(f"{self._key}:blocked") or 0.0):
                cache.set(f"{self._key}:blocked", until, math.ceil(wait) + 1)
            logger.info("A %s was refused (429); %s waits %.0f s.", use.value, self._key, wait)

    def poll_interval(self, rooms: int, *, fastest: float) -> float:
        """Seconds between two polls of one room so that `rooms` rooms stay inside the polls' share.

        The share is 60 % of the window while few send, and shrinks to the third that is kept. The
        interval is never below `fastest`.
        """
        if not self._is_limited:
            return fastest
        window, used = _Window(0.0, self._limit.seconds, self._limit.requests, 0), 0
        with _cache_may_fail():
            window = self._window(cache.get(f"{self._key}:learned"), _now())
            before = self._counter(window.ends - window.seconds)
            counters = cache.get_many([before, self._counter(window.ends)])
            used = max((_Used.unpack(packed).sends for packed in counters.values()), default=0)
        shares = _Shares.of(window.requests, only_sends=self._only_sends)
        left = shares.all - shares.rest - used * 5 // 4  # sends may grow by a quarter
        share = max(1, min(shares.polls, max(shares.polls_kept, left)))
        return max(fastest, rooms * window.seconds / share)

    def left(self) -> int | None:
        """How many polls may still go in the window now running; None where nobody counts. Takes none."""
        if self._is_limited:
            with _cache_may_fail():
                return self._left()
        return None

    # -------------------------------------------------------------------------- taking
    def _take(self, use: Use) -> float:
        now = _now()
        known = cache.get_many([f"{self._key}:blocked", f"{self._key}:learned"])
        blocked = float(known.get(f"{self._key}:blocked") or 0.0)
        if now < blocked <= now + LONGEST_WAIT:
            return blocked - now
        window = self._window(known.get(f"{self._key}:learned"), now)
        shares = _Shares.of(max(0, window.requests - window.foreign), only_sends=self._only_sends)
        if use is Use.SEND:
            taken = self._bill(window, _SENDS, shares)
        elif use is Use.POLL:
            taken = self._bill(window, _POLLS, shares)
        else:  # settling belongs to sending: what its own share cannot hold is a send
            taken = self._bill(window, _REST, shares) or self._bill(window, _SENDS, shares)
        return 0.0 if taken else max(0.05, window.ends - now)

    def _left(self) -> int:
        now = _now()
        known = cache.get_many([f"{self._key}:blocked", f"{self._key}:learned"])
        if now < float(known.get(f"{self._key}:blocked") or 0.0) <= now + LONGEST_WAIT:
            return 0
        window = self._window(known.get(f"{self._key}:learned"), now)
        shares = _Shares.of(max(0, window.requests - window.foreign), only_sends=self._only_sends)
        return shares.polls_left(_Used.unpack(cache.get(self._counter(window.ends)) or 0))

    def _bill(self, window: _Window, unit: int, shares: _Shares) -> bool:
        """Count first and look afterwards: two who look first both see the last free place."""
        counter = self._counter(window.ends)
        used = _Used.unpack(_incr(counter, unit, window.timeout))
        if shares.hold(used, unit):
            return True
        with suppress(ValueError):  # the counter vanished meanwhile
            cache.decr(counter, unit)
        return False

    def _counter(self, ends: float) -> str:
        return f"{self._key}:{round(ends * 1000)}"

    def _window(self, learned: _Learned | None, now: float) -> _Window:
        if learned is None or not 0 <= now - learned["at"] <= _LEARNED_WINDOWS * learned["seconds"]:
            seconds = self._limit.seconds
            ends = (math.floor(now / seconds) + 1) * seconds
            return _Window(ends, seconds, min(self._limit.requests, MOST_REQUESTS), 0)
        seconds = learned["seconds"]
        passed = math.floor((now - learned["ends"]) / seconds) + 1
        requests = learned["requests"] or self._limit.requests
        foreign = learned["foreign"] if passed == 0 else 0
        return _Window(learned["ends"] + passed * seconds, seconds, min(requests, MOST_REQUESTS), foreign)

    # -------------------------------------------------------------------------- learning
    def _learn(self, limit: int | None, remaining: int | None, reset_in: float | None) -> None:
        now = _now()
        learned: _Learned | None = cache.get(f"{self._key}:learned")
        window = self._window(learned, now)
        if limit is not None and limit > 0:
            window = replace(window, requests=min(limit, MOST_REQUESTS))
        if _is_wait(reset_in):
            ends = now + reset_in
            if not window.is_near(ends):
                window = self._move(window, ends, max(window.seconds, reset_in))
        if remaining is not None:
            window = replace(window, foreign=max(window.foreign, self._foreign(window, remaining)))
        self._remember(window, learned, limit, now)

    def _move(self, window: _Window, ends: float, seconds: float) -> _Window:
        """The window as the service sees it. What we used moves along; one worker moves at a time."""
        if not cache.add(f"{self._key}:moving", 1, 1):
            return window
        moved = replace(window, ends=ends, seconds=seconds, foreign=0)
        cache.add(self._counter(ends), cache.get(self._counter(window.ends)) or 0, moved.timeout)
        return moved

    def _foreign(self, window: _Window, remaining: int) -> int:
        """All that is used, less what we count ourselves: ours are counted before they are sent."""
        ours = _Used.unpack(cache.get(self._counter(window.ends)) or 0).total
        return window.requests - max(0, remaining) - ours

    def _remember(self, window: _Window, learned: _Learned | None, limit: int | None, now: float) -> None:
        """Writes only when something changed or gets old, as every answer comes by here."""
        confirmed = limit is not None and limit > 0
        requests = window.requests if confirmed or (learned and learned["requests"]) else None
        fresh = _Learned(
            requests=requests, ends=window.ends, seconds=window.seconds, foreign=window.foreign, at=now
        )
        if learned and now - learned["at"] < window.seconds / 2 and {**fresh, "at": learned["at"]} == learned:
            return
        if not confirmed and learned and learned["requests"]:
            fresh["at"] = learned["at"]  # nobody confirmed the limit: it goes on getting old
        cache.set(f"{self._key}:learned", fresh, math.ceil(_LEARNED_WINDOWS * window.seconds))

    def _back_off(self) -> float:
        strikes = _incr(f"{self._key}:strikes", 1, math.ceil(2 * self._limit.seconds))
        return min(_FIRST_BACK_OFF * 2.0 ** min(strikes - 1, 10), max(self._limit.seconds, _FIRST_BACK_OFF))


def _incr(key: str, by: int, timeout: int) -> int:
    """Atomic. A key that is missing, or that an undo after its loss left below zero, starts again."""
    try:
        value = int(cache.incr(key, by))
    except ValueError:
        cache.add(key, 0, timeout)  # of two who come here, one adds
        try:
            value = int(cache.incr(key, by))
        except ValueError:  # gone again: the cache is full, or was flushed this instant
            return by
    if value < by:
        cache.set(key, by, timeout)
        return by
    return value


def _now() -> float:
    return clock.now().timestamp()


def _is_wait(seconds: float | None) -> TypeGuard[float]:
    return seconds is not None and math.isfinite(seconds) and 0 <= seconds <= _LONGEST_WINDOW
