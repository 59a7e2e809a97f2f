"""The first steps of a newcomer, told by what they have really done."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, QuerySet

from accounts.models import User
from sameroom import clock
from tubes.models import Delivery, RoomListing, Tube


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """How far a newcomer is on the way from nothing to a conversation."""

    accounts: int  # linked ones, and one more for rooms at an account of the installation's own
    is_connected: bool  # a Tube was opened, whatever became of it
    has_spoken: bool  # something that was said in one of its rooms has arrived in the other

    @property
    def done(self) -> tuple[bool, bool, bool, bool]:
        """Link an account, link the other one, connect, say hello. A Tube may have needed but one account."""
        connected = self.is_connected
        return (
            self.accounts >= 1 or connected,
            self.accounts >= 2 or connected,
            connected,
            self.has_spoken,
        )

    @property
    def is_over(self) -> bool:
        """Nothing is left to do."""
        return all(self.done)


def first_steps_of(user: User) -> FirstSteps:
    """How far this user is, whether or not they are shown it. One query."""
    tubes = Tube.objects.owned_by(user)
    # By each Tube's own ends: served by the index of a Seat's deliveries, however many there are of others.
    heard = tubes.filter(Exists(_passed("side_a", "side_b")) | Exists(_passed("side_b", "side_a")))
    rooms_elsewhere = RoomListing.objects.owned_by(user).filter(account__is_shared=True)
    row = (
        User.objects.filter(pk=user.pk)
        .annotate(
            number=Count("linked_accounts"),
            at_shared=Exists(rooms_elsewhere),
            connected=Exists(tubes),
            spoken=Exists(heard),
        )
        .values_list("number", "at_shared", "connected", "spoken")
        .get()
    )
    return FirstSteps(row[0] + row[1], row[2], row[3])


def first_steps_end(*, user: User) -> None:
    """Show them no more."""
    user.onboarded_at = clock.now()
    User.objects.filter(pk=user.pk, onboarded_at=None).update(onboarded_at=user.onboarded_at)


def first_steps_again(*, user: User) -> None:
    """Show them again, to whoever has put them away."""
    user.onboarded_at = None
    User.objects.filter(pk=user.pk).update(onboarded_at=None)


def _passed(to: str, origin: str) -> QuerySet[Delivery]:
    """What has arrived at one end of a Tube from the other."""
    sent = Delivery.objects.filter(status=Delivery.Status.SENT)
    return sent.filter(seat=OuterRef(f"{to}_id"), origin=OuterRef(f"{origin}__room_id"))
