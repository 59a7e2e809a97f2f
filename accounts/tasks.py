"""Celery tasks around linked accounts."""

from datetime import timedelta

from celery import shared_task
from django.db.models import Q
from kombu.exceptions import OperationalError

from accounts import letters, limits, outbox, rotating, services
from accounts.models import LinkedAccount
from sameroom import clock

STALE = timedelta(hours=1)
Status = LinkedAccount.Status


@shared_task
def refresh_rooms(account_id: int) -> None:
    """List the rooms of one account anew; first see whether it works again, if it was refused."""
    account = LinkedAccount.objects.exclude(status=Status.DISABLED).filter(pk=account_id).first()
    if account is not None and (account.is_usable or services.account_try_again(account=account)):
        services.account_refresh_quietly(account=account)
    elif account is not None:
        services.account_listing_end(account=account)


def look_up_rooms(account: LinkedAccount) -> bool:
    """Have a worker list the rooms of an account, and pages say so from now on; False if the broker is away.

    Writes to the database and the broker; may be repeated.
    """
    services.account_listing_begin(account=account)
    try:
        refresh_rooms.delay(account.pk)
    except OperationalError:
        services.account_listing_end(account=account)
        return False
    return True


@shared_task
def refresh_stale_accounts() -> None:
    """Queue a listing for every account that was not listed within the hour, and mails that are due.

    Forgets who tried what so long ago that it does not count any more.
    """
    before = clock.now() - STALE
    unlisted = Q(rooms_refreshed_at__isnull=True) | Q(rooms_refreshed_at__lt=before)
    unasked = Q(checked_at__isnull=True) | Q(checked_at__lt=before)
    stale = Q(unlisted, status__in=LinkedAccount.USABLE) | Q(unasked, status=Status.NEEDS_LOGIN)
    for account_id in LinkedAccount.objects.filter(stale).values_list("pk", flat=True):
        refresh_rooms.delay(account_id)
    for account_id in letters.due():
        write_to_owner.delay(account_id)
    for letter_id in outbox.due():
        post_letter.delay(letter_id)
    limits.forget_empty()


@shared_task
def write_to_owner(account_id: int) -> None:
    """Send the owner of an account the mail that is due."""
    letters.write(account_id)


@shared_task
def post_letter(letter_id: int) -> None:
    """Send one mail that waits."""
    outbox.post(letter_id)


@shared_task
def rotate_logins() -> None:
    """Queue a trade of secrets for every account that is due."""
    for account_id in rotating.due():
        rotate_login.delay(account_id)


@shared_task
def rotate_login(account_id: int) -> None:
    """Trade the secrets of one account for new ones."""
    rotating.rotate(account_id)
