"""A Tube's state as pages show it: the stored one, or a failure derived from its sides."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.models import LinkedAccount, User
from tubes.models import Seat, Tube


@dataclass(frozen=True, slots=True)
class TubeState:
    """What a page says about a Tube: a word, a sentence, and what the viewer can do about it."""

    name: str
    label: str
    reason: str = ""
    fix_account: LinkedAccount | None = None  # the viewer's own, which needs a login
    can_retry: bool = False  # the viewer's own Seat lost its room; looking again may mend it


def tube_state(tube: Tube, viewer: User | None = None) -> TubeState:
    """The state of a Tube loaded `with_sides()`, as `viewer` may see it. No query."""
    if tube.status == Tube.Status.CLOSED:
        return TubeState("closed", "Closed")
    if tube.status == Tube.Status.PAUSED:  # whatever else is wrong: nothing is to pass
        return TubeState("paused", "Paused", "Nothing passes until it is resumed.")
    sides = (tube.side_a, tube.side_b)
    problems = [problem for seat in sides if (problem := _problem(seat, viewer)) is not None]
    return min(problems, key=_urgency, default=TubeState("active", "Active"))


def _urgency(state: TubeState) -> int:
    """What the viewer can mend comes first, what heals by itself last."""
    if state.fix_account or state.can_retry:
        return 0
    return 2 if state.name == "waiting" else 1


def _problem(seat: Seat, viewer: User | None) -> TubeState | None:
    """What is wrong with this side, in words that tell a stranger nothing about the other's account."""
    account, is_own = seat.account, viewer is not None and seat.owner_id == viewer.pk
    if seat.room.is_archived:
        reason = f"{seat.room.name} is archived at its service."
        return TubeState("archived", "Archived room", reason, can_retry=is_own)
    if not account.is_usable:
        reason = account.status_reason if is_own else "The other party's account needs attention."
        return TubeState("failed", "Failed", reason, fix_account=account if is_own else None)
    if seat.failure:
        reason = seat.failure if is_own else "The other party cannot enter its room."
        return TubeState("failed", "Failed", reason, can_retry=is_own)
    if account.status == LinkedAccount.Status.RETRYING:
        return TubeState("waiting", "Waiting", f"{account.label} does not answer for {seat.room.name}.")
    return None
