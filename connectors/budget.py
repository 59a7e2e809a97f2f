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

from connectors.shares import POLLS, REST, SENDS, Shares, Used
from sameroom import clock

logger = logging.getLogger(__name__)

MOST_REQUESTS: Final = 1_000_000  # per window; below 2**20, see shares.Used
LONGEST_WAIT: Final = 3600.0  # a service that says "in a year" is asked again after an hour
_FIRST_BACK_OFF: Final = 5.0
_LEARNED_WINDOWS: Final = 3  # a learned limit that nothing confirms is forgotten after so many
_LONGEST_WINDOW: Final = 7 * 86_400.0  # anything above is no number of seconds
# Ends that a service names are late by rounding and by the way here, never early: see _Window.is_near.
_LATE: Final = 5.0
_EARLY: Final = 1.0
_MOST_MOVES: Final = 3


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
class Left:
    """What may still go in the window now running."""

    polls: int
    sends: int
    requests: int  # that the whole window holds
    seconds: float  # until it ends
    blocked: float  # seconds for which the service wants to be left alone; 0.0: it does not


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
        """Whether a window that ends then is this one, but for the rounding of seconds and the way here.

        What we take for its end may be late, never early: else a new window would be opened in the old one.
        """
        return -min(_LATE, self.seconds / 10) <= ends - self.ends <= min(_EARLY, self.seconds / 10)

    def is_over(self, now: float) -> bool:
        """Whether the service's window may have ended already, as we take the end for later than it is."""
        return self.ends - now < min(_LATE, self.seconds / 10)

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

    def refused(self, *, retry_after: float | None, use: Use) -> float:
        """The service answered 429: nobody asks before `retry_after` seconds, or a growing wait, are over.

        Returns the wait.
        """
        wait = _FIRST_BACK_OFF
        if _is_wait(retry_after):
            wait = min(max(retry_after, 1.0), LONGEST_WAIT)
        with _cache_may_fail():
            if not _is_wait(retry_after):
                wait = self._back_off()
            logger.info("A %s was refused (429); %s waits %.0f s.", use.value, self._key, wait)
        self.pause(wait)
        return wait

    def pause(self, seconds: float) -> None:
        """The service wants to be left alone for so long; LONGEST_WAIT at the most."""
        if not (self._is_limited and _is_wait(seconds)):
            return
        wait = min(seconds, LONGEST_WAIT)
        with _cache_may_fail():
            until = _now() + wait
            if until > float(cache.get(f"{self._key}:blocked") or 0.0):
                cache.set(f"{self._key}:blocked", until, math.ceil(wait) + 1)

    def poll_interval(self, rooms: float, *, fastest: float) -> float:
        """Seconds between two polls of one room so that `rooms` rooms stay inside the polls' share.

        The share is 60 % of the window while sends stay under what that leaves them, and shrinks to the
        third that is kept. What is left of the running window is spread over its time. The interval is
        never below `fastest`.
        """
        if not self._is_limited:
            return fastest
        window, sends, spread = _Window(0.0, self._limit.seconds, self._limit.requests, 0), 0, 0.0
        with _cache_may_fail():
            now = _now()
            window = self._window(cache.get(f"{self._key}:learned"), now)
            before, running = self._counter(window.ends - window.seconds), self._counter(window.ends)
            counters = {key: Used.unpack(packed) for key, packed in cache.get_many([before, running]).items()}
            sends = max((used.sends for used in counters.values()), default=0)
            left = self._shares(window).polls_left(counters.get(running, Used(0, 0, 0)))
            spread = rooms * (window.ends - now) / max(1, left)
        shares = Shares.of(window.requests, only_sends=self._only_sends)
        if sends > shares.all - shares.rest - shares.polls:
            sends = sends * 5 // 4  # they may go on growing
        share = max(1, min(shares.polls, max(shares.polls_kept, shares.all - shares.rest - sends)))
        usual = rooms * window.seconds / share
        return max(fastest, min(max(usual, spread), usual + window.seconds))

    def reread_after(self, *, fastest: float) -> float:
        """Seconds to let pass before a room is read again that its service announces to have news.

        `fastest` while half of the polls' share is there; then what is left is spread over the window.
        """
        if self._is_limited:
            with _cache_may_fail():
                now = _now()
                window = self._window(cache.get(f"{self._key}:learned"), now)
                shares, left = self._shares(window), self._left()
                if left * 2 < shares.polls:
                    return max(fastest, (window.ends - now) / max(1, left))
        return fastest

    def left(self) -> int | None:
        """How many polls may still go in the window now running; None where nobody counts. Takes none."""
        if self._is_limited:
            with _cache_may_fail():
                return self._left()
        return None

    def standing(self) -> Left | None:
        """What is left of the window now running, for pages; None where nobody counts. Takes none."""
        if self._is_limited:
            with _cache_may_fail():
                now = _now()
                known = cache.get_many([f"{self._key}:blocked", f"{self._key}:learned"])
                window = self._window(known.get(f"{self._key}:learned"), now)
                shares, used = self._shares(window), self._used(window)
                until = float(known.get(f"{self._key}:blocked") or 0.0)
                blocked = until - now if now < until <= now + LONGEST_WAIT else 0.0
                polls, sends = shares.polls_left(used), shares.sends_left(used)
                return Left(polls, sends, window.requests, window.ends - now, blocked)
        return None

    # -------------------------------------------------------------------------- taking
    def _take(self, use: Use) -> float:
        now = _now()
        for _ in range(_MOST_MOVES):
            known = cache.get_many([f"{self._key}:blocked", f"{self._key}:learned"])
            blocked = float(known.get(f"{self._key}:blocked") or 0.0)
            if now < blocked <= now + LONGEST_WAIT:
                return blocked - now
            window = self._window(known.get(f"{self._key}:learned"), now)
            is_taken = self._bill_as(use, window)
            # A window that was moved meanwhile may not know of this one: it is counted there as well.
            if self._window(cache.get(f"{self._key}:learned"), now).ends == window.ends:
                break
        return 0.0 if is_taken else max(0.05, window.ends - now)

    def _bill_as(self, use: Use, window: _Window) -> bool:
        shares = self._shares(window)
        if use is Use.SEND:
            return self._bill(window, SENDS, shares)
        if use is Use.POLL:
            return self._bill(window, POLLS, shares)
        # Settling belongs to sending: what its own share cannot hold is a send.
        return self._bill(window, REST, shares) or self._bill(window, SENDS, shares)

    def _left(self) -> int:
        now = _now()
        known = cache.get_many([f"{self._key}:blocked", f"{self._key}:learned"])
        if now < float(known.get(f"{self._key}:blocked") or 0.0) <= now + LONGEST_WAIT:
            return 0
        window = self._window(known.get(f"{self._key}:learned"), now)
        return self._shares(window).polls_left(self._used(window))

    def _bill(self, window: _Window, unit: int, shares: Shares) -> bool:
        """Count first and look afterwards: two who look first both see the last free place."""
        counter = self._counter(window.ends)
        used = Used.unpack(_incr(counter, unit, window.timeout))
        if shares.hold(used, unit):
            return True
        with suppress(ValueError):  # the counter vanished meanwhile
            cache.decr(counter, unit)
        return False

    def _shares(self, window: _Window) -> Shares:
        """How what others left of the window is divided."""
        return Shares.of(max(0, window.requests - window.foreign), only_sends=self._only_sends)

    def _counter(self, ends: float) -> str:
        return f"{self._key}:{round(ends * 1000)}"

    def _window(self, learned: _Learned | None, now: float) -> _Window:
        if learned is None or not _is_current(learned, now):
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
        window = self._told(learned, limit, now)
        ends = now + reset_in if _is_wait(reset_in) else window.ends
        if window.is_near(ends):
            self._remember(window, learned, limit, remaining, now)
        elif cache.add(f"{self._key}:moving", 1, 1):  # one at a time; the others learn from their next answer
            learned = cache.get(f"{self._key}:learned")
            window = self._told(learned, limit, now)
            if window.is_near(ends):
                self._remember(window, learned, limit, remaining, now)
            else:
                moved, used = self._moved(window, ends, now, tells_use=remaining is not None)
                self._remember(moved, learned, limit, remaining, now)
                self._carry(window, moved, used)
            cache.delete(f"{self._key}:moving")

    def _told(self, learned: _Learned | None, limit: int | None, now: float) -> _Window:
        """The window now running, as large as the service says."""
        window = self._window(learned, now)
        return replace(window, requests=min(limit, MOST_REQUESTS)) if limit and limit > 0 else window

    def _moved(self, window: _Window, ends: float, now: float, *, tells_use: bool) -> tuple[_Window, Used]:
        """The window as the service sees it, and what is used of ours by now, which moves along.

        But where ours was ending anyway the service counts anew. Then only what it had not counted in
        the old window moves along: it was on its way, and may be counted in the new one.
        """
        moved = replace(window, ends=ends, seconds=max(window.seconds, ends - now), foreign=0)
        used = self._used(window)
        if tells_use and ends > window.ends and window.is_over(now):
            counted = cache.get(self._counted(window))
            if counted is not None:
                return replace(moved, foreign=max(0, used.total + window.foreign - counted)), used
        cache.add(self._counter(ends), used.packed, moved.timeout)
        return moved, used

    def _carry(self, window: _Window, moved: _Window, used: Used) -> None:
        """What was taken from the old window until everybody could know of the new one moves along too."""
        late = self._used(window).since(used)
        if late.total:
            _incr(self._counter(moved.ends), late.packed, moved.timeout)

    def _used(self, window: _Window) -> Used:
        return Used.unpack(cache.get(self._counter(window.ends)) or 0)

    def _counted(self, window: _Window) -> str:
        """The key under which stands what the service has counted in a window."""
        return f"{self._counter(window.ends)}:counted"

    def _foreign(self, window: _Window, remaining: int) -> int:
        """All that is used, less what we count ourselves: ours are counted before they are sent."""
        return window.requests - max(0, remaining) - self._used(window).total

    def _remember(
        self, window: _Window, learned: _Learned | None, limit: int | None, remaining: int | None, now: float
    ) -> None:
        """Writes only when something changed or gets old, as every answer comes by here."""
        if remaining is not None:
            window = replace(window, foreign=max(window.foreign, self._foreign(window, remaining)))
            cache.set(self._counted(window), window.requests - max(0, remaining), window.timeout)
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


def _is_current(learned: _Learned, now: float) -> bool:
    """Whether what a service said still counts.

    It may have been learned after `now`: since then by another thread, or by a host whose clock is ahead. A
    clock that was set back by more than a window makes it unknown.
    """
    return -learned["seconds"] <= now - learned["at"] <= _LEARNED_WINDOWS * learned["seconds"]


def _now() -> float:
    return clock.now().timestamp()


def _is_wait(seconds: float | None) -> TypeGuard[float]:
    return seconds is not None and math.isfinite(seconds) and 0 <= seconds <= _LONGEST_WINDOW
