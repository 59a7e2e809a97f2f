"""Putting notices away."""

from __future__ import annotations

from accounts.models import User
from sameroom import clock
from tubes.models import Notice


def notice_dismiss(*, notice: Notice, by: User) -> bool:
    """Put one notice away; False where it is away already. The next of its kind is told anew."""
    mine = Notice.objects.owned_by(by).standing().filter(pk=notice.pk)
    return mine.update(dismissed_at=clock.now()) == 1


def notices_dismiss(*, by: User, up_to: Notice) -> int:
    """Put away everything up to this notice, the newest that its owner has seen; how many."""
    seen = Notice.objects.owned_by(by).standing().filter(created_at__lte=up_to.created_at)
    return seen.update(dismissed_at=clock.now())


def notices_restore(*, notice: Notice, by: User) -> int:
    """Take back what put this notice away, with all that it put away; how many stand there again."""
    if notice.dismissed_at is None:
        return 0
    together = Notice.objects.owned_by(by).filter(dismissed_at=notice.dismissed_at)
    return together.update(dismissed_at=None)
