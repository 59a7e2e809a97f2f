"""Celery tasks of the relay. Each takes ids, calls one function, ends."""

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

from celery import shared_task
from django.db import InterfaceError, OperationalError

from tubes.relay import (
    access,
    attendants,
    bell,
    breaker,
    commands,
    guard,
    handover,
    health,
    hooking,
    intake,
    loading,
    reading,
    retention,
)
from tubes.services import claiming, commanding

PURGE_SECONDS = 10.0  # of one run, with each kind of row; what is left is for the next

log = logging.getLogger(__name__)

T = TypeVar("T")


@shared_task
def wake_lanes(seat_ids: list[int]) -> None:
    """Hand rings to the lane threads of this worker, where there is no Redis list to ring by."""
    attendants.wake(seat_ids)


@shared_task
def poll_account(account_id: int, fence: int = 0) -> None:
    """Hand a ring to the polling threads of this worker."""
    if not attendants.poll(account_id, fence=fence):
        reading.poll(account_id, fence=fence)


@shared_task
def wake_rooms() -> None:
    """Ring for accounts whose rooms are overdue: their own alarm was lost, or never set."""
    for account_id, fence in reading.overdue_accounts():
        bell.ring_account(account_id, fence=fence, anywhere=True)


@shared_task
def sweep() -> None:
    """Ring for what is due and nobody works on, decide what is held, and find readers."""
    bell.ring_lanes(loading.idle_lanes())
    _each(handover.retire, handover.stranded_seats())
    _each(intake.release_held, intake.holding_rooms())
    _each(health.choose_reader, health.rooms_without_reader())
    _each(settle_hook.delay, hooking.due_seats())
    _each(bell.ring_command, commands.due())
    _each(look_for_codes.delay, claiming.accounts_due())


def _each(do: Callable[[T], object], things: Iterable[T]) -> None:
    """Do something to each; what is wrong with one of them is logged, and the others have their turn."""
    for thing in things:
        try:
            do(thing)
        except (OperationalError, InterfaceError):
            raise  # the database is away: for all of them
        except Exception:
            log.exception("The sweep met an unexpected error")


@shared_task
def check_stale_seats() -> None:
    """Queue a look at every Seat whose access was not confirmed within the hour."""
    for seat_id in access.stale_seats():
        check_seat.delay(seat_id)


@shared_task
def check_seat(seat_id: int) -> None:
    """Ask whether one Seat can still enter its room."""
    access.check(seat_id)


@shared_task
def settle_hook(seat_id: int) -> None:
    """Have a service push for one Seat, or stop pushing."""
    hooking.settle(seat_id)


@shared_task
def carry_out(command_id: int) -> None:
    """Do what somebody has typed in a room."""
    commanding.carry_out(command_id)


@shared_task
def look_for_codes(account_id: int) -> None:
    """Look whether a code that proves a right to a room of a shared account was typed there."""
    claiming.codes_look(account_id)


@shared_task
def purge() -> None:
    """Forget what is due, for some seconds."""
    retention.purge(seconds=PURGE_SECONDS)


@shared_task
def mark_alive() -> None:
    """Raise the mark by which a copy of the database is told from it."""
    guard.advance()


@shared_task
def mail_about_echo(tube_id: int) -> None:
    """Write to the owners of a Tube that the breaker has paused."""
    breaker.mail_owners(tube_id)
