"""How often a method may be called: docs.slack.dev, "Rate limits"."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Hashable

from tests.fakeslack.refusals import Limited

TIERS = {1: 1, 2: 20, 3: 50, 4: 100}  # calls a minute, for each method, app and workspace
POSTING = 0  # the special tier of chat.postMessage: one message a second in each channel
UNLISTED = -1  # conversations.history and .replies for apps sold outside the Marketplace
UNLISTED_PAGE = 15  # messages that those get at most


class Limits:
    """Counts calls. Off until it is switched on, for most tests are not about it."""

    def __init__(self) -> None:
        self.enforced = False
        self.minute = 60.0  # seconds; a test may have shorter ones
        self.posting = 1.0  # seconds between two messages in a channel
        self.burst = 1  # messages that may come at once
        self.refused = 0  # calls that were told to wait
        self._calls: dict[Hashable, deque[float]] = {}

    def take(self, tier: int, key: Hashable) -> None:
        """Count a call. Raises Limited where it is one too many."""
        if not self.enforced:
            return
        calls, window = {
            POSTING: (self.burst, self.posting * self.burst),
            UNLISTED: (1, self.minute),
        }.get(tier) or (TIERS[tier], self.minute)
        now, made = time.monotonic(), self._calls.setdefault(key, deque())
        while made and made[0] <= now - window:
            made.popleft()
        if len(made) >= calls:
            self.refused += 1
            raise Limited(max(1, math.ceil(made[0] + window - now)))
        made.append(now)
