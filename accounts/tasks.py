"""Celery tasks around linked accounts."""

from datetime import timedelta

from celery import shared_task
from django.db.models import Q

from accounts import services
from accounts.models import LinkedAccount
from sameroom import clock

STALE = timedelta(hours=1)


@shared_task
def refresh_rooms(account_id: int) -> None:
    """List the rooms of one account anew."""
    account = LinkedAccount.objects.usable().filter(pk=account_id).first()
    if account is not None:
        services.account_refresh_quietly(account=account)


@shared_task
def refresh_stale_accounts() -> None:
    """Queue a listing for every account that was not listed within the hour."""
    stale = Q(rooms_refreshed_at__isnull=True) | Q(rooms_refreshed_at__lt=clock.now() - STALE)
    for account_id in LinkedAccount.objects.usable().filter(stale).values_list("pk", flat=True):
        refresh_rooms.delay(account_id)
