"""Mails to owners: an account was linked or removed; its login is refused, works again, or ends soon.

Of a login the row says what was written: whoever moves it there writes, so each mail is written once. All
go through the outbox, in the transaction that says why they are due.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.urls import reverse

from accounts import outbox
from accounts.models import ENDS_SOON, LinkedAccount, User
from sameroom import clock

LAST_DAYS = 3  # before the end: the second warning
# A login that works again by itself and is refused once more is not worth a mail each time.
APART = timedelta(days=1)
ASK = "If you do not know why, ask whoever runs Sameroom."


def due() -> list[int]:
    """Accounts whose owners have a mail to get. Two statements; may be repeated."""
    now = clock.now()
    LinkedAccount.objects.filter(warned_days__isnull=False).exclude(expires_at__lte=now + ENDS_SOON).update(
        warned_days=None
    )
    found = LinkedAccount.objects.filter(
        _refused(now) | _well() | _ends_within(now, ENDS_SOON) | _last_days(now)
    )
    return list(found.order_by("pk").values_list("pk", flat=True))


def write(account_id: int) -> None:
    """Have the owner of an account be sent what is due, if anything is. Database I/O; may be repeated."""
    now = clock.now()
    with transaction.atomic():
        account = LinkedAccount.objects.select_related("owner").filter(pk=account_id).first()
        if account is None:
            return
        if _claim(account, _refused(now), told_since=F("status_since")):
            _put(account, *_about_refusal(account))
        elif _claim(account, _well(), told_well_since=F("told_since")):
            _put(account, *_about_recovery(account))
        elif _claim(account, _last_days(now), warned_days=LAST_DAYS) or _claim(
            account, _ends_within(now, ENDS_SOON), warned_days=ENDS_SOON.days
        ):
            _put(account, *_about_the_end(account))


def _refused(now: datetime) -> Q:
    untold = Q(told_since=None) | (~Q(told_since=F("status_since")) & Q(told_since__lt=now - APART))
    return Q(untold, status=LinkedAccount.Status.NEEDS_LOGIN)


def _well() -> Q:
    """Whose owner was told of a refusal that is over, through no doing of theirs: renewing forgets it."""
    untold = Q(told_well_since=None) | Q(told_well_since__lt=F("told_since"))
    return Q(untold, told_since__isnull=False, status=LinkedAccount.Status.CONNECTED)


def _last_days(now: datetime) -> Q:
    unwarned = Q(warned_days=None) | Q(warned_days__gt=LAST_DAYS)
    return Q(unwarned, _ends(now, timedelta(days=LAST_DAYS)))


def _ends_within(now: datetime, span: timedelta) -> Q:
    return Q(_ends(now, span), warned_days=None)


def _ends(now: datetime, span: timedelta) -> Q:
    usable = LinkedAccount.USABLE
    return Q(status__in=usable, expires_at__gt=now, expires_at__lte=now + span)


def _claim(account: LinkedAccount, where: Q, **values: Any) -> bool:
    """Compare-and-swap: the first to note a mail as written writes it."""
    return LinkedAccount.objects.filter(where, pk=account.pk).update(**values) == 1


def _about_refusal(account: LinkedAccount) -> tuple[str, str]:
    return (
        f"{account} needs a login",
        f"{account.label} refuses the login that Sameroom uses as {account}. {account.status_reason}\n\n"
        "Its Tubes stand still until you renew it. What is said meanwhile follows then, as far back as "
        f"{settings.CATCH_UP_HOURS} hours.",
    )


def _about_recovery(account: LinkedAccount) -> tuple[str, str]:
    return (
        f"{account} works again",
        f"{account.label} takes the login that Sameroom uses as {account} again. There is nothing for you to "
        "do: what was said meanwhile follows, as far back as "
        f"{settings.CATCH_UP_HOURS} hours.",
    )


def _about_the_end(account: LinkedAccount) -> tuple[str, str]:
    days = account.days_left or 1
    when = f"{account.expires_at:%-d %B %Y, %H:%M} UTC"
    return (
        f"The login of {account} ends in {days} day{'' if days == 1 else 's'}",
        f"{account.label} takes the login that Sameroom uses as {account} until {when}. Then its Tubes "
        "stand still.\n\nMake a new login there before, and renew the account with it: nothing is lost then.",
    )


def _put(account: LinkedAccount, subject: str, text: str) -> None:
    if account.owner.is_active:
        link = settings.PUBLIC_URL + reverse("accounts:account-renew", args=[account.code])
        outbox.put(to=account.owner.email, subject=subject, text=f"{text}\n\n{link}\n")


def linked(account: LinkedAccount, *, address: str) -> None:
    """Have its owner told that an account was linked. In the caller's transaction."""
    _security(
        account.owner,
        f"{account} was linked",
        f"The {account.label} account {account} was linked to your user at Sameroom{_when(address)}. "
        "Sameroom reads and posts with it in the rooms that you join by Tubes.",
        "If that was not you, remove the account and change your password.",
        "accounts:account-list",
    )


def removed(account: LinkedAccount, *, address: str, by_operator: bool = False) -> None:
    """Have its owner told that an account is being removed. In the caller's transaction."""
    _security(
        account.owner,
        f"{account} was removed",
        f"The {account.label} account {account} was removed from your user at Sameroom"
        f"{_when(address, by_operator)}. Its secret is erased here and its Tubes have ended.",
        f"{ASK} You may link the account again."
        if by_operator
        else "If that was not you, change your password.",
        "accounts:account-list" if by_operator else "account_change_password",
    )


def left(user: User, *, address: str, by_operator: bool = False) -> None:
    """Have somebody told that their user is being deleted. In the caller's transaction."""
    _security(
        user,
        "You are deleted at Sameroom",
        f"Your user {user.email} at Sameroom was deleted{_when(address, by_operator)}, with all its "
        "accounts, secrets and Tubes.",
        "Tokens that you made for Sameroom stay valid at their services until you delete them there. "
        + (ASK if by_operator else "If it was not you who did this, tell whoever runs Sameroom."),
        "home",
    )


def _when(address: str, by_operator: bool = False) -> str:
    by = " by an operator" if by_operator else ""
    return f"{by} on {clock.now():%-d %B %Y at %H:%M} UTC" + (f" from {address}" if address else "")


def _security(to: User, subject: str, what: str, then: str, page: str) -> None:
    """Also to who is not active: it is their address and their secret that it is about."""
    if to.email:
        link = settings.PUBLIC_URL + reverse(page)
        outbox.put(to=to.email, subject=subject, text=f"{what}\n\n{then}\n\n{link}\n")
