"""Logins whose secrets end within hours: traded for new ones before, by one worker at a time.

The row says when (`rotates_at`). Whoever moves that on has claimed it, and has HOLD to trade; no transaction
is open meanwhile. What is traded is stored under the row's lock, unless its owner has renewed the login by
then. Who dies in between leaves the row due again.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import transaction

from accounts.models import LinkedAccount
from connectors.base import Rotation
from connectors.errors import ConnectorError, LoginRejected
from sameroom import clock
from tubes.relay import health

log = logging.getLogger(__name__)

HOLD = timedelta(seconds=60)  # longer than a call may take, and so long until it is tried again


def due() -> list[int]:
    """Accounts whose secrets have to be traded now. One query."""
    found = LinkedAccount.objects.usable().filter(rotates_at__lte=clock.now())
    return list(found.order_by("rotates_at").values_list("pk", flat=True))


def rotate(account_id: int) -> bool:
    """Trade the secrets of an account that is due; whether they were traded. Network I/O.

    May be called again at any time, by any number of workers: one of them trades.
    """
    account = LinkedAccount.objects.usable().filter(pk=account_id, rotates_at__lte=clock.now()).first()
    if account is None or not _claim(account):
        return False
    try:
        former = account.credentials
        new = account.connector().rotate()
    except LoginRejected as error:
        health.needs_login(account, str(error))
        return False
    except ConnectorError as error:
        log.warning("The secrets of account %s could not be traded yet: %s", account.code, error)
        return False
    return _keep(account, former, new)


def _claim(account: LinkedAccount) -> bool:
    """Compare-and-swap: the secrets that we have read are still the ones, and nobody else trades them."""
    seen = LinkedAccount.objects.filter(pk=account.pk, rotates_at=account.rotates_at)
    return seen.update(rotates_at=clock.now() + HOLD) == 1


def _keep(account: LinkedAccount, former: dict[str, str], new: Rotation) -> bool:
    with transaction.atomic():
        row = LinkedAccount.objects.select_for_update().filter(pk=account.pk).first()
        if row is None:  # removed meanwhile
            return False
        now = row.credentials
        if any(now.get(name) != former.get(name) for name in new.credentials):  # renewed meanwhile
            return False
        row.credentials = now | dict(new.credentials)
        row.rotates_at = new.rotates_at
        row.save(update_fields=["sealed", "rotates_at"])
    log.info("Account %s has new secrets", account.code)
    return True
