"""The first steps as pages show them."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.models import User
from tubes.services import FirstSteps, first_steps_end, first_steps_of


@dataclass(frozen=True, slots=True)
class Step:
    """One of them: what to do, where that is done, and whether it was."""

    title: str
    hint: str
    page: str  # the name of its address, or empty: it is done elsewhere
    button: str
    is_done: bool
    is_next: bool


WORDS = (
    (
        "Link an account",
        "The chat account whose room you want to join to another.",
        "accounts:account-list",
        "Choose the service",
    ),
    (
        "Link the other one",
        "At the service of the other room. Where one account sees both rooms, go on.",
        "accounts:account-list",
        "Choose the service",
    ),
    ("Connect two rooms", "Pick Side A, pick Side B: the Tube is open.", "tubes:tube-open", "Open a Tube"),
    ("Say hello", "Write a line in one of the two rooms. It is ticked off when it has arrived.", "", ""),
)


@dataclass(frozen=True, slots=True)
class Steps:
    """All of them."""

    known: FirstSteps

    @property
    def steps(self) -> list[Step]:
        """In their order, the first that is not done marked as the next."""
        done = self.known.done
        following = done.index(False) if False in done else None
        return [
            Step(*words, is_done=is_done, is_next=number == following)
            for number, (words, is_done) in enumerate(zip(WORDS, done, strict=True))
        ]

    @property
    def count(self) -> int:
        """How many are done."""
        return sum(self.known.done)

    @property
    def seen(self) -> str:
        """How far they are, for whoever asks whether that has changed."""
        return "".join("-x"[is_done] for is_done in self.known.done)


def steps_of(user: User) -> Steps | None:
    """What a page that stays open shows: the last step, too. One query, or none.

    With the last one done they end: pages that are opened later show none.
    """
    if user.onboarded_at is not None:
        return None
    known = first_steps_of(user)
    if known.is_over:
        first_steps_end(user=user)
    return Steps(known)


def steps_done(user: User) -> Steps | None:
    """All of them, done; None where they were put away before. One query.

    For a page that stays open while another one was told first.
    """
    known = first_steps_of(user)
    return Steps(known) if known.is_over else None


def steps_on_page(user: User) -> Steps | None:
    """What a page that is opened now shows: nothing where all is done. One query, or none."""
    steps = steps_of(user)
    return None if steps is None or steps.known.is_over else steps
