"""How often each method may be called: Slack counts by method, workspace and app. Cache I/O.

"Rate limits" (docs.slack.dev/apis/web-api/rate-limits): tiers 1 to 4 allow 1, 20, 50 and 100 calls a minute
and more; `chat.postMessage` one a second and channel, with short bursts. Read and listed by one call a minute
are only apps that are sold outside of Slack's Marketplace (since 2025-05-29): they are told so by 429.
"""

from __future__ import annotations

from typing import Final

from connectors.budget import Budget, Limit, Use
from connectors.errors import RetryLater

MINUTE: Final = 60.0
TIER_2, TIER_3, TIER_4 = (Limit(requests, MINUTE) for requests in (20, 50, 100))
READING: Final = "conversations.history"  # what the relay's own budget of an account counts
REPLIES: Final = "conversations.replies"  # asked for by posts, too: in which thread an answer belongs
TIERS: Final = {
    READING: TIER_3,
    "conversations.list": TIER_2,
    "conversations.info": TIER_3,
    REPLIES: TIER_3,
    "conversations.join": TIER_3,
    "users.list": TIER_2,
    "users.info": TIER_4,
    "bots.info": TIER_3,
    "emoji.list": TIER_2,
    "chat.update": TIER_3,
    "chat.delete": TIER_3,
    "reactions.add": TIER_3,
    "reactions.remove": TIER_2,
    "files.info": TIER_4,
    "files.getUploadURLExternal": TIER_4,
    "files.completeUploadExternal": TIER_4,
}
# A burst of ten, and one a second in the long run: what a budget keeps for settling comes on top.
POSTS: Final = Limit(requests=12, seconds=10)
THREADS_READ: Final = Limit(requests=40, seconds=MINUTE)  # of those of REPLIES: the rest is left to posts
USED_UP: Final = "Slack's limit of requests is used up for the moment."


class Pace:
    """The budgets of one token: one for each method, and one for the posts into each channel."""

    def __init__(self, key: str, reading: Budget) -> None:
        self._key, self._reading = key, reading

    def spend(self, method: str, use: Use, channel: str = "") -> None:
        """Count a call that is about to be made. RetryLater where there is no room for it."""
        budgets = [self._budget(method, use, channel)]
        if method == REPLIES and use is Use.POLL:
            reads = Budget(f"{self._key}:{method}:read", THREADS_READ, only_sends=True)
            budgets.insert(0, (reads, Use.SEND))
        for budget, as_use in budgets:
            if budget is not None and (wait := budget.take(as_use)) > 0:
                raise RetryLater(USED_UP, seconds=wait)

    def refused(self, method: str, use: Use, channel: str, wait: float | None) -> float:
        """A call was answered by 429: seconds until the next one."""
        budget, use = self._budget(method, use, channel)
        if budget is None:
            budget = Budget(f"{self._key}:{method}", TIER_3, only_sends=True)
        return budget.refused(retry_after=wait, use=use)

    def _budget(self, method: str, use: Use, channel: str) -> tuple[Budget | None, Use]:
        """The budget that pays. Only that of reading divides by use."""
        if method == READING:
            return self._reading, use
        if channel:
            return Budget(f"{self._key}:{method}:{channel}", POSTS, only_sends=True), Use.SEND
        tier = TIERS.get(method)
        return (Budget(f"{self._key}:{method}", tier, only_sends=True) if tier else None), Use.SEND
