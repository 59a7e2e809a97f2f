"""What calls tell about accounts and Seats: who works, who needs a login, who has lost a room."""

from __future__ import annotations

import logging

from accounts.models import LinkedAccount
from sameroom import clock
from tubes.models import Room, Seat

log = logging.getLogger(__name__)

Status = LinkedAccount.Status
TROUBLED_AFTER = 3  # failed reads in a row before an account is shown as having trouble


def account_move(account: LinkedAccount, to: LinkedAccount.Status, reason: str = "") -> bool:
    """Move an account unless somebody else moved it first; False where nothing changed."""
    if to == account.status or to not in LinkedAccount.MOVES[account.status]:
        return False
    rows = LinkedAccount.objects.filter(pk=account.pk, status=account.status)
    moved = rows.update(status=to, status_reason=reason, status_since=clock.now()) == 1
    if moved:
        log.info("Account %s: %s → %s", account.code, account.status, to)
        account.status, account.status_reason = to, reason
    return moved


def works(account: LinkedAccount) -> None:
    """A call through this account succeeded."""
    if account.status == Status.RETRYING:
        account_move(account, Status.CONNECTED)


def troubled(account: LinkedAccount, reason: str) -> None:
    """Calls fail again and again, through no fault of the owner's: it will heal by itself."""
    account_move(account, Status.RETRYING, reason)


def needs_login(account: LinkedAccount, reason: str) -> None:
    """The service refuses the credentials; only the owner can help. Its rooms get other readers."""
    if account_move(account, Status.NEEDS_LOGIN, reason):
        for room in Room.objects.filter(reader__account=account):
            choose_reader(room)


def seat_failed(seat: Seat, reason: str) -> None:
    """This Seat cannot enter its room any more. Another one reads for everybody."""
    if Seat.objects.filter(pk=seat.pk, failure="").update(failure=reason, failed_since=clock.now()):
        seat.failure = reason
        log.info("Seat %s failed", seat.code)
        choose_reader(seat.room)


def seat_works(seat: Seat) -> None:
    """This Seat has just entered its room."""
    Seat.objects.filter(pk=seat.pk).update(failure="", failed_since=None, checked_at=clock.now())
    seat.failure = ""


def choose_reader(room: Room) -> None:
    """Have a Seat that works read the room for everybody; keep the present one while it does."""
    seats = list(Seat.objects.filter(room=room).select_related("account").order_by("pk"))
    able = [seat for seat in seats if not seat.failure and seat.account.is_usable]
    if able and room.reader_id not in [seat.pk for seat in able]:
        Room.objects.filter(pk=room.pk).update(reader=able[0], next_poll_at=clock.now(), read_failures=0)
