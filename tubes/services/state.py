"""A Tube's state as pages show it: the stored one, or a failure derived from its sides."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.models import LinkedAccount, User
from tubes.models import Seat, Tube


@dataclass(frozen=True, slots=True)
class TubeState:
    """What a page says about a Tube: a word, a sentence, and the account that would mend it."""

    name: str
    label: str
    reason: str = ""
    fix_account: LinkedAccount | None = None


def tube_state(tube: Tube, viewer: User | None = None) -> TubeState:
    """The state of a Tube loaded `with_sides()`, as `viewer` may see it. No query."""
    if tube.status == Tube.Status.CLOSED:
        return TubeState("closed", "Closed")
    for seat in (tube.side_a, tube.side_b):
        if (failure := _failure(seat, viewer)) is not None:
            return failure
    if tube.status == Tube.Status.PAUSED:
        return TubeState("paused", "Paused", "Nothing passes until it is resumed.")
    return TubeState("active", "Active")


def _failure(seat: Seat, viewer: User | None) -> TubeState | None:
    """Why this side fails, in words that tell a stranger nothing about the other's account."""
    is_own = viewer is not None and seat.owner_id == viewer.pk
    if seat.room.is_archived:
        return TubeState("archived", "Archived room", f"{seat.room.name} is archived at its service.")
    if not seat.account.is_usable:
        reason = seat.account.status_reason if is_own else "The other party's account needs attention."
        return TubeState("failed", "Failed", reason, seat.account if is_own else None)
    if seat.failure:
        reason = seat.failure if is_own else "The other party cannot enter its room."
        return TubeState("failed", "Failed", reason, seat.account if is_own else None)
    return None
