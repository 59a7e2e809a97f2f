"""Rate limit and flood control.

HipChat API v2: a personal token has 100 requests in 5 minutes over all endpoints, an add-on's five
times as many, and both 30 sends a minute into one room. Windows are taken to open with the first
request, and a refused request not to extend its window; switches make either otherwise. Counted in
memory: a restart refills them.
"""

import math
import threading
from collections import Counter, deque
from dataclasses import dataclass, field

from .clock import Clock
from .records import Token
from .switches import Switches

REQUEST_SECONDS = 300
FLOOD_SECONDS = 60
ADDON_SHARE = 5  # an add-on's 500 requests to a person's 100


@dataclass(frozen=True, slots=True)
class Quota:
    """Where a limiter stands, as its three headers tell it."""

    limit: int
    remaining: int
    reset: int
    is_exceeded: bool


@dataclass(slots=True)
class Limiter:
    """One window per key."""

    clock: Clock
    switches: Switches
    limit: int
    seconds: int
    _windows: dict[str, deque[float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hit(self, key: str, *, limit: int | None = None) -> Quota:
        """Count one against the key's limit: the usual one, if no other is given."""
        return self._quota(key, self.limit if limit is None else limit, hits=1)

    def peek(self, key: str, *, limit: int | None = None) -> Quota:
        return self._quota(key, self.limit if limit is None else limit, hits=0)

    def exhaust(self, key: str, *, limit: int | None = None) -> None:
        """Make the next hit the first one too many."""
        allowed = self.limit if limit is None else limit
        self._quota(key, allowed, hits=allowed)

    def clear(self) -> None:
        with self._lock:
            self._windows.clear()

    def _quota(self, key: str, limit: int, *, hits: int) -> Quota:
        with self._lock:
            now = self.clock.now()
            window = self._open(key, now)
            exceeded = hits > 0 and len(window) >= limit
            window.extend([now] * min(hits, max(0, limit - len(window))))
            if exceeded and self.switches.refused_calls == "extend":
                window = self._windows[key] = deque([now] * len(window))
            opened = window[0] if window else now
            remaining = max(0, limit - len(window))
        # Seen on HipChat: while limited, the reset is sometimes "60" instead of an epoch.
        as_delta = exceeded and self.switches.reset_as_delta
        return Quota(limit, remaining, 60 if as_delta else math.ceil(opened + self.seconds), exceeded)

    def _open(self, key: str, now: float) -> deque[float]:
        """The times of the hits that still count."""
        window = self._windows.setdefault(key, deque())
        if self.switches.window == "sliding":
            while window and now >= window[0] + self.seconds:
                window.popleft()
        elif window and now >= window[0] + self.seconds:
            window.clear()
        return window


class Limits:
    """Both limiters of a world, and how many requests each token has made."""

    def __init__(self, clock: Clock, switches: Switches, *, request_limit: int, flood_limit: int) -> None:
        self.requests = Limiter(clock, switches, request_limit, REQUEST_SECONDS)
        self.sends = Limiter(clock, switches, flood_limit, FLOOD_SECONDS)
        self.own: dict[str, int] = {}  # request limits of single tokens, as an administrator could set
        self._switches = switches
        self._counts: dict[str, Counter[str]] = {}
        self._lock = threading.Lock()

    def hit_request(self, token: Token) -> Quota:
        return self.requests.hit(self._request_key(token), limit=self.of(token))

    def hit_send(self, token: Token, chat: str) -> Quota:
        return self.sends.hit(self._send_key(token, chat))

    def exhaust_requests(self, token: Token) -> None:
        self.requests.exhaust(self._request_key(token), limit=self.of(token))

    def exhaust_sends(self, token: Token, chat: str) -> None:
        self.sends.exhaust(self._send_key(token, chat))

    def of(self, token: Token) -> int:
        """How many requests the token has in 5 minutes."""
        usual = self.requests.limit if token.user_id else self.requests.limit * ADDON_SHARE
        return self.own.get(token.token, usual)

    def count(self, token: str, call: str) -> None:
        with self._lock:
            self._counts.setdefault(token, Counter())[call] += 1

    def counts(self) -> dict[str, dict[str, int]]:
        with self._lock:
            return {token: dict(counter) for token, counter in self._counts.items()}

    def clear(self) -> None:
        self.requests.clear()
        self.sends.clear()
        self.own.clear()
        self.clear_counts()

    def clear_counts(self) -> None:
        with self._lock:
            self._counts.clear()

    def _request_key(self, token: Token) -> str:
        by_user = self._switches.rate_key == "user" and token.user_id
        return f"user {token.user_id}" if by_user else token.token

    def _send_key(self, token: Token, chat: str) -> str:
        keys = {"token_and_room": f"{token.token} {chat}", "token": token.token, "room": chat}
        return keys[self._switches.flood_key]
