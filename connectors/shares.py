"""How the requests of one window are counted and divided: sends, polls and the rest. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

BITS: Final = 20
MASK: Final = (1 << BITS) - 1
# One request of a kind, as it is added to the packed count.
SENDS: Final = 1
POLLS: Final = 1 << BITS
REST: Final = 1 << 2 * BITS


@dataclass(frozen=True, slots=True)
class Used:
    """Requests of one window. In the cache: sends, polls and the rest, 20 bits each."""

    sends: int
    polls: int
    rest: int

    @classmethod
    def unpack(cls, packed: int) -> Used:
        return cls(packed & MASK, packed >> BITS & MASK, packed >> 2 * BITS & MASK)

    @property
    def total(self) -> int:
        return self.sends + self.polls + self.rest

    @property
    def packed(self) -> int:
        return self.sends * SENDS + self.polls * POLLS + self.rest * REST

    def since(self, before: Used) -> Used:
        """What came on top; a request that was taken back counts for nothing."""
        return Used(
            max(0, self.sends - before.sends),
            max(0, self.polls - before.polls),
            max(0, self.rest - before.rest),
        )


@dataclass(frozen=True, slots=True)
class Shares:
    """How the requests of a window are divided."""

    all: int
    sends: int  # at most; leaves `polls_kept` and `rest`
    polls: int  # at most; what sends do not need, up to 60 %
    polls_kept: int  # a third that sends may not take
    rest: int  # kept for settling and the like

    @classmethod
    def of(cls, requests: int, *, only_sends: bool) -> Shares:
        rest = min(max(2, requests // 20), requests // 4)
        kept = 0 if only_sends else requests // 3
        polls = 0 if only_sends else min(max(1, requests * 6 // 10), max(1, requests - rest))
        return cls(requests, requests - kept - rest, polls, kept, rest)

    def hold(self, used: Used, unit: int) -> bool:
        """Whether the request just counted, of this kind, was one that may go."""
        if unit == REST:
            return used.rest <= self.rest and used.total <= self.all
        within = used.sends <= self.sends if unit == SENDS else used.polls <= self.polls
        return within and used.total <= self.all - max(0, self.rest - used.rest)

    def polls_left(self, used: Used) -> int:
        """How many more polls `hold` would let go."""
        return max(0, min(self.polls - used.polls, self._free(used)))

    def sends_left(self, used: Used) -> int:
        """How many more sends `hold` would let go."""
        return max(0, min(self.sends - used.sends, self._free(used)))

    def _free(self, used: Used) -> int:
        """What nobody has used, and is not kept for settling."""
        return self.all - max(0, self.rest - used.rest) - used.total
