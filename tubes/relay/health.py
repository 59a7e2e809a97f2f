"""What calls tell about accounts and Seats: who works, who needs a login, who has lost a room."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from celery import current_app
from django.db import transaction
from django.db.models import Q, QuerySet
from kombu.exceptions import KombuError

from accounts.models import LinkedAccount
from connectors.base import Kind, Reading
from connectors.errors import LoginRejected
from sameroom import clock
from tubes.models import Event, Room, Seat
from tubes.relay import bell, expiry, hooking, news
from tubes.relay.listening import marking

log = logging.getLogger(__name__)

Status = LinkedAccount.Status
WRITE = "accounts.tasks.write_to_owner"
TROUBLED_AFTER = 3  # failed reads in a row before an account is shown as having trouble


def account_move(account: LinkedAccount, to: LinkedAccount.Status, reason: str = "") -> bool:
    """Move an account unless somebody else moved it first; False where nothing changed."""
    if to == account.status or to not in LinkedAccount.MOVES[account.status]:
        return False
    # Since when: a refusal of a login that was renewed meanwhile is about the old one.
    rows = LinkedAccount.objects.filter(
        pk=account.pk, status=account.status, status_since=account.status_since
    )
    now = clock.now()
    moved = rows.update(status=to, status_reason=reason[:500], status_since=now) == 1
    if moved:
        log.info("Account %s: %s → %s", account.code, account.status, to)
        account.status, account.status_reason, account.status_since = to, reason[:500], now
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
        _go_on_without(account)
        transaction.on_commit(lambda: _ring_mail(account.pk), robust=True)


def disabled(account: LinkedAccount, reason: str) -> bool:
    """An operator has it used no more. Inside the caller's transaction."""
    moved = account_move(account, Status.DISABLED, reason)
    if moved:
        _go_on_without(account)
        bell.ring_listeners_on_commit()
    return moved


def _go_on_without(account: LinkedAccount) -> None:
    """Its rooms get other readers where there are any; the other sides of its Tubes hear that they wait."""
    for room in Room.objects.filter(reader__account=account):
        choose_reader(room)
    news.stands_still(account.seats.values_list("pk", flat=True))


def recovered(account: LinkedAccount) -> bool:
    """A login that was refused works again; what has waited for it follows."""
    moved = account_move(account, Status.CONNECTED)
    if moved:
        for room in Room.objects.filter(seats__in=account.seats.in_use()).distinct():
            choose_reader(room)
        now = clock.now()  # what its service announced meanwhile nobody has noted
        Room.objects.filter(reader__account=account, next_poll_at__gt=now).update(next_poll_at=now)
        bell.ring_lanes_on_commit(account.seats.values_list("pk", flat=True))
        bell.ring_listeners_on_commit()
        tell_of_recovery(account)
        transaction.on_commit(lambda: _ring_mail(account.pk), robust=True)
    return moved


def tell_of_recovery(account: LinkedAccount) -> None:
    """Tell the rooms behind an account that it works again, and how much of what has waited there is late."""
    seats = list(account.seats.in_use().values_list("pk", flat=True))
    news.works_again(seats)
    expiry.follow_late(seats)


def _ring_mail(account_id: int) -> None:
    """Have a worker write to the owner. A ring that is lost costs minutes: the row says what is due."""
    try:
        current_app.send_task(WRITE, args=(account_id,), retry=False, ignore_result=True)
    except (KombuError, OSError) as error:
        log.warning("The broker did not take a mail (%s); it is asked again", type(error).__name__)


def seat_failed(seat: Seat, reason: str, *, looks_after: timedelta | None = None) -> None:
    """This Seat cannot enter its room any more. Another one reads for everybody.

    Whether it can again is looked at soon, or not before so long; its owner may have it looked at whenever.
    Nothing happens where the room goes on as another one by now: that was not what was asked for.
    """
    fine = Seat.objects.filter(pk=seat.pk, failure="", room__remote_id=seat.room.remote_id)
    later = {"checked_at": clock.now() + looks_after} if looks_after else {}
    if fine.update(failure=reason, failed_since=clock.now(), **later):
        seat.failure = reason
        log.info("Seat %s failed", seat.code)
        news.stands_still([seat.pk])
        choose_reader(seat.room)


def seat_works(seat: Seat) -> None:
    """This Seat has just entered its room."""
    Seat.objects.filter(pk=seat.pk).update(failure="", failed_since=None, checked_at=clock.now())
    if seat.failure:
        seat.failure = ""
        bell.ring_lanes_on_commit([seat.pk])  # what has waited follows at once
        marking.mark([seat.pk])
        news.works_again([seat.pk])
        expiry.follow_late([seat.pk])


def choose_reader(room: Room) -> None:
    """Have a Seat that works read the room for everybody; keep the present one while it does."""
    able = Seat.objects.able().filter(room=room).order_by("pk")
    if reader := able.filter(pk=room.reader_id or 0).values_list("pk", "hook_id").first():
        if not reader[1]:
            hooking.mark([reader[0]])
    elif seat := able.first():
        due = _due_at_once(room) if _is_polled(seat.account) else {"next_poll_at": None}
        Room.objects.filter(pk=room.pk).update(reader=seat, read_failures=0, pushes=0, pushes_read=0, **due)
        hooking.mark([room.reader_id, seat.pk])


def login_replaced(account: LinkedAccount) -> None:
    """An account has other credentials, with which its service may tell it of news in another way.

    The rooms that it reads are read in that one from now on. Inside the caller's transaction.
    """
    in_use = Seat.objects.in_use().filter(account=account)
    rooms = Room.objects.filter(reader__in=in_use)
    if not _is_polled(account):
        rooms.filter(next_poll_at__isnull=False).update(next_poll_at=None)
        return
    for room in rooms.filter(next_poll_at=None):
        Room.objects.filter(pk=room.pk, next_poll_at=None).update(**_due_at_once(room))
    marking.mark(in_use.values_list("pk", flat=True))  # whoever still listens to it finds that it need not


def _due_at_once(room: Room) -> dict[str, Any]:
    """What has a room polled from now on: where its news were told so far, from the last one on."""
    due: dict[str, Any] = {"next_poll_at": clock.now()}
    if room.next_poll_at is None:
        said = Event.objects.filter(room=room, kind__in=(Kind.MESSAGE, Kind.NOTICE)).exclude(remote_id="")
        last = said.order_by("-number").first()
        if last is not None and (room.read_time is None or last.said_at > room.read_time):
            due |= {"read_id": last.remote_id, "read_time": last.said_at}
    return due


def _is_polled(account: LinkedAccount) -> bool:
    """Whether this account has to ask for what is said; else its service tells us."""
    try:
        return account.connector().capabilities.reading is Reading.POLL
    except LoginRejected:  # a secret that no key opens: nothing is known, and reading it will say so
        return True


def rooms_without_reader() -> QuerySet[Room]:
    """Rooms at open Tubes or Portals whose reader cannot read, or is gone."""
    cannot = Q(reader=None) | ~Q(reader__failure="") | ~Q(reader__account__status__in=LinkedAccount.USABLE)
    return Room.objects.filter(cannot, pk__in=Seat.objects.in_use().values("room"))
