"""Deleting a user, with everything of theirs."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.auth import SESSION_KEY
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Model, QuerySet

from accounts import letters
from accounts.models import Invitation, LinkedAccount, User
from accounts.services import account_leave, rooms_touched
from sameroom import clock
from tubes.models import Seat, Tube
from tubes.relay import handover, hooking, news, shelf
from tubes.services import rooms_rewatch

LEAVING_SECONDS = 20.0  # for all services together; an account's own bounds come on top
SOMEBODY = "a deleted user"


class LeaveRefused(Exception):
    """A user cannot be deleted yet; `str(error)` is the sentence that says what has to be done before."""


def user_remove(*, user: User, address: str = "", by_operator: bool = False) -> None:
    """Delete a user and everything of theirs: accounts, secrets, Tubes, notices, sessions. They get a mail.

    `address` is where their own request came from. Network I/O, as `account_remove`, then one transaction.
    Rooms in which nobody is left go with the next purge. Raises LeaveRefused.
    """
    if user.linked_accounts.filter(is_shared=True).exists():
        raise LeaveRefused("Your user holds Sameroom's own accounts, which others use. Remove those first.")
    _leave_services(user)
    pk = user.pk
    with transaction.atomic():
        letters.left(user, address=address, by_operator=by_operator)
        rooms = set(user.seats.values_list("room", flat=True))
        rooms |= {room for account in user.linked_accounts.all() for room in rooms_touched(account)}
        tubes = Tube.objects.owned_by(user).not_closed().with_sides()
        seats = list(user.seats.values_list("pk", flat=True))
        left = news.ends_left_by(tubes, seats)
        handover.forsake(seats)
        _forget_traces(user)
        user.delete()
        rooms_rewatch(rooms)
        news.ended(left, user)
        transaction.on_commit(lambda: shelf.clear(pk), robust=True)


def _leave_services(user: User) -> None:
    """As far as that goes in LEAVING_SECONDS: a service that hangs keeps nobody from going."""
    ends = clock.monotonic() + LEAVING_SECONDS
    for account in user.linked_accounts.all():
        if clock.monotonic() < ends:
            account_leave(account)
    if clock.monotonic() < ends:
        hooking.leave(user.seats.exclude(account__owner=user))  # at Sameroom's own accounts


def _forget_traces(user: User) -> None:
    """What no foreign key leads to: sessions, invitations to this address, and names in the log of admin."""
    Session.objects.filter(pk__in=_sessions_of(user)).delete()
    Invitation.objects.filter(email=user.email).delete()
    theirs: list[tuple[type[Model], QuerySet[Any], str]] = [
        (User, User.objects.filter(pk=user.pk), SOMEBODY),
        (LinkedAccount, user.linked_accounts.all(), "an account of a deleted user"),
        (Seat, user.seats.all(), "a Seat of a deleted user"),
        (Tube, Tube.objects.owned_by(user), "a Tube of a deleted user"),
    ]
    for model, rows, words in theirs:
        ids = [str(pk) for pk in rows.values_list("pk", flat=True)]
        about = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(model))
        about.filter(object_id__in=ids).update(object_repr=words)


def _sessions_of(user: User) -> list[str]:
    """The keys of the user's sessions: all there are have to be opened for it."""
    sessions = Session.objects.iterator()
    return [session.pk for session in sessions if session.get_decoded().get(SESSION_KEY) == str(user.pk)]


def losses_of(user: User) -> tuple[list[LinkedAccount], int]:
    """What goes with a user: their accounts, and how many open Tubes."""
    accounts = list(user.linked_accounts.newest_first())
    return accounts, Tube.objects.owned_by(user).not_closed().count()
