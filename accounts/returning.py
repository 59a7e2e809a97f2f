"""Where somebody was going when they had to sign in, sign up or link an account first."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest

from sameroom import clock

SESSION_KEY = "on_the_way"
REMEMBERED = 2 * 60 * 60  # seconds


@dataclass(frozen=True, slots=True)
class Goal:
    """A page of ours, and what it is called in "Go on to …"."""

    path: str
    name: str


def remember(request: HttpRequest, goal: Goal) -> None:
    """Keep where this visitor was going, in place of what was kept before."""
    request.session[SESSION_KEY] = [goal.path, goal.name, int(clock.now().timestamp())]


def goal_of(request: HttpRequest) -> Goal | None:
    """Where this visitor was going, unless that was hours ago."""
    path, name, since = request.session.get(SESSION_KEY, ("", "", 0))
    is_recent = clock.now().timestamp() - since < REMEMBERED
    return Goal(path, name) if path and is_recent else None


def arrived(request: HttpRequest) -> None:
    """They are there: forget it."""
    request.session.pop(SESSION_KEY, None)
