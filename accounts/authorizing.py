"""What was asked of a service by redirect: kept in the session until its answer comes, or for ten minutes.

The state that goes along and comes back cannot be guessed, works once, and only in the browser session that
began: nobody can have somebody else link an account by sending them the address of an answer.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from django.http import HttpRequest

from sameroom import clock

SESSION_KEY = "authorizing"
LASTS = 600  # seconds; a service's own codes end as soon
MOST = 5  # at the same time, in several tabs


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that is out. `account_code` is of the account whose login is renewed, "" for a new one."""

    kind: str
    account_code: str


def begin(request: HttpRequest, *, kind: str, account_code: str = "") -> str:
    """Note a question; the state to send along. Writes to the session."""
    state = secrets.token_urlsafe(32)
    newest = list(_open(request).items())[-(MOST - 1) :]
    request.session[SESSION_KEY] = {**dict(newest), state: (kind, account_code, _now() + LASTS)}
    return state


def take(request: HttpRequest, *, kind: str, state: str) -> Asked | None:
    """The question that this state belongs to, taken out of the session at once; None where there is none."""
    out = _open(request)
    found = out.pop(state, None)
    request.session[SESSION_KEY] = out
    request.session.save()  # now: the calls that follow take seconds, and it works once
    return Asked(kind, found[1]) if found and found[0] == kind else None


def _open(request: HttpRequest) -> dict[str, tuple[str, str, int]]:
    kept = request.session.get(SESSION_KEY, {})
    return {state: asked for state, asked in kept.items() if asked[2] > _now()}


def _now() -> int:
    return int(clock.now().timestamp())
