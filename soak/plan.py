"""Who links what, and how narrow the limits are."""

from __future__ import annotations

ROOMS = 5  # of each account
TUBES = "\n".join(f"ann acme-{number} <-> globex-{number}" for number in range(1, ROOMS + 1))

# Six ends: a chain whose middle is a Matrix room, and a triangle with two of them.
ACROSS = """
ann acme-1 <-> matrix-1
ann matrix-1 <-> globex-1

ann acme-2 <-> matrix-2
ann matrix-2 <-> matrix-3
ann matrix-3 <-> acme-2
"""

# Three services, each an end of both: a chain over a Matrix room and a triangle.
WITH_IRC = """
ann acme-1 <-> matrix-1
ann matrix-1 <-> #irc-1

ann acme-2 <-> matrix-2
ann matrix-2 <-> #irc-2
ann #irc-2 <-> acme-2
"""

# HipChat and Slack: a chain whose middle is a channel, and a triangle with two of them.
WITH_SLACK = """
ann acme-1 <-> slack-1
ann slack-1 <-> globex-1

ann acme-2 <-> slack-2
ann slack-2 <-> slack-3
ann slack-3 <-> acme-2
"""

# Slack, Matrix and IRC in the same way.
WITHOUT_HIPCHAT = """
ann slack-1 <-> matrix-1
ann matrix-1 <-> #irc-1

ann slack-2 <-> matrix-2
ann matrix-2 <-> #irc-2
ann #irc-2 <-> slack-2
"""

SENDS_A_MINUTE = 40  # into one room; HipChat itself lets 30 through
POLLS_A_MINUTE = 150  # of one account


def request_limit(things: int, minutes: float) -> int:
    """Requests of one account in five minutes: enough for its half of all things, and no more than that."""
    return int(5 * (things / minutes + POLLS_A_MINUTE))
