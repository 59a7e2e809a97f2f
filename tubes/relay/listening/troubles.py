"""What a stream that ended tells about its account."""

from __future__ import annotations

import logging

from accounts.models import LinkedAccount
from connectors.errors import ConnectorError, LoginRejected, RetryLater
from monitor import counting
from tubes.relay import health

log = logging.getLogger(__name__)


def note(account: LinkedAccount, fence: int, error: Exception, failures: int) -> LinkedAccount | None:
    """Note why a stream ended for the `failures`th time in a row; the account as it is now, to try again.

    None where it is not ours any more, or may not be used. Database I/O; may be repeated.
    """
    if isinstance(error, LoginRejected):
        health.needs_login(account, str(error))
    elif failures >= health.TROUBLED_AFTER:
        health.troubled(account, sentence(error))
    ours = LinkedAccount.objects.usable().filter(pk=account.pk, stream_fence=fence)
    return ours.exclude(stream_lease_until=None).first()


def count(account: LinkedAccount, error: Exception) -> None:
    """Count an end. No I/O."""
    why = "login" if isinstance(error, LoginRejected) else "service"
    counting.stream_ended(account.kind, why if isinstance(error, ConnectorError) else "internal")


def tell(account: LinkedAccount, error: Exception, before: Exception | None) -> None:
    """Log an error of ours when it begins, not with every try; a service's trouble is told by the account."""
    if isinstance(error, ConnectorError):
        if not isinstance(error, RetryLater | LoginRejected):
            log.warning("The stream of account %s ended: %s", account.code, error)
    elif type(error) is not type(before):
        log.error("The stream of account %s met an unexpected error", account.code, exc_info=error)


def sentence(error: Exception) -> str:
    """What an owner may read of an error."""
    return str(error) if isinstance(error, ConnectorError) else f"Internal error: {type(error).__name__}."
