"""A Tube's state as pages show it: the stored one, or a failure derived from its sides."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from accounts.models import LinkedAccount, User
from sameroom import clock
from tubes.models import Seat, Tube
from tubes.relay import standing
from tubes.relay.standing import StuckLane, Undelivered


@dataclass(frozen=True, slots=True)
class Standing:
    """What pages say about some Tubes beyond their rows, by Seat."""

    stuck: Mapping[int, StuckLane]
    undelivered: Mapping[int, Undelivered]  # the viewer's own


NOTHING_KNOWN = Standing({}, {})


@dataclass(frozen=True, slots=True)
class TubeState:
    """What a page says about a Tube: a word, a sentence, and what the viewer can do about it."""

    name: str
    label: str
    reason: str = ""
    fix_account: LinkedAccount | None = None  # the viewer's own, which needs a login
    can_retry: bool = False  # the viewer's own Seat lost its room; looking again may mend it
    is_echo: bool = False  # paused by the breaker, not by a person


def standing_of(tubes: Collection[Tube], viewer: User, *, only_told: bool) -> Standing:
    """How the Seats of these Tubes stand, loaded `with_sides()`. Two queries.

    `only_told`: without what the viewer has put away by dismissing its notice.
    """
    sides = [(tube, seat) for tube in tubes for seat in (tube.side_a, tube.side_b)]
    active = {seat.pk for tube, seat in sides if tube.status == Tube.Status.ACTIVE}
    own = {seat.pk for _, seat in sides if seat.owner_id == viewer.pk}
    return Standing(standing.stuck_lanes(active), standing.undelivered(own, only_told=only_told))


def tube_state(tube: Tube, viewer: User | None = None, known: Standing = NOTHING_KNOWN) -> TubeState:
    """The state of a Tube loaded `with_sides()`, as `viewer` may see it. No query."""
    if tube.status == Tube.Status.CLOSED:
        return TubeState("closed", "Closed")
    if tube.status == Tube.Status.PAUSED:  # whatever else is wrong: nothing is to pass
        return _paused(tube)
    own_first = sorted(
        (tube.side_a, tube.side_b), key=lambda seat: viewer is None or seat.owner_id != viewer.pk
    )
    found = [_problem(seat, viewer, known.stuck.get(seat.pk)) for seat in own_first]
    problems = [problem for problem in found if problem is not None]
    return min(problems, key=_urgency, default=TubeState("active", "Active"))


def _paused(tube: Tube) -> TubeState:
    if tube.status_by_id is None:  # a person's name stays with the Tube; only the breaker has none
        reason = "Sameroom has paused it: the same text went to and fro between its rooms."
        return TubeState("paused", "Paused", reason, is_echo=True)
    return TubeState("paused", "Paused", "Nothing passes, and nothing follows later.")


def _urgency(state: TubeState) -> int:
    """What the viewer can mend comes first, what heals by itself last."""
    if state.fix_account or state.can_retry:
        return 0
    return 2 if state.name == "waiting" else 1


def _problem(seat: Seat, viewer: User | None, stuck: StuckLane | None) -> TubeState | None:
    """What is wrong with this side, in words that tell a stranger nothing about the other's account."""
    account, is_own = seat.account, viewer is not None and seat.owner_id == viewer.pk
    if seat.room.is_archived:
        reason = f"{seat.room.name} is archived at its service."
        return TubeState("archived", "Archived room", reason, can_retry=is_own)
    if not account.is_usable:
        can_fix = is_own and seat.owner_id == account.owner_id
        whose = "Sameroom's own" if is_own else "The other party's"
        reason = account.status_reason if can_fix else f"{whose} account needs attention."
        return TubeState("failed", "Failed", reason, fix_account=account if can_fix else None)
    if seat.failure:
        reason = seat.failure if is_own else "The other party cannot enter its room."
        return TubeState("failed", "Failed", reason, can_retry=is_own)
    if stuck is not None:
        reason = _why_stuck(seat, stuck) if is_own else "The other party's service takes no messages now."
        return TubeState("waiting", "Waiting", reason)
    if account.status == LinkedAccount.Status.RETRYING:
        return TubeState("waiting", "Waiting", f"{account.label} does not answer for {seat.room.name}.")
    return None


def _why_stuck(seat: Seat, stuck: StuckLane) -> str:
    waiting = f"more than {standing.MOST}" if stuck.waiting > standing.MOST else str(stuck.waiting)
    wait = "1 message waits" if stuck.waiting == 1 else f"{waiting} messages wait"
    if stuck.again_at is not None:
        seconds = (stuck.again_at - clock.now()).total_seconds()
        soon = f"in about {_roughly(seconds)} (its limit is reached)"
        return f"{seat.account.label} lets us post in {seat.room.name} again {soon}; {wait}."
    where = seat.account.team_name or seat.account.label
    return f"{where} takes no messages for {seat.room.name} at the moment; {wait}. {stuck.error}".strip()


def _roughly(seconds: float) -> str:
    """A time to wait, in steps, so that a live page does not change with every second."""
    if seconds > 90:
        return f"{math.ceil(seconds / 60)} minutes"
    return f"{max(1, math.ceil(seconds / 10)) * 10} seconds"
