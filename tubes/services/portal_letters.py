"""Mails about Portals: to the owner whom somebody joined or asked, to the visitor about whom was decided.

Each names the two rooms and their services, and nothing else of the other party. A mail that does not go
out is not tried again: Manage says the same.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Final, Literal

from celery import current_app
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.urls import reverse
from kombu.exceptions import KombuError

from accounts.models import User
from tubes.models import PortalRequest, Tube

log = logging.getLogger(__name__)

MAIL = "tubes.tasks.mail_about_portal"
Occasion = Literal["joined", "asked", "decided"]
MANAGE: Final = "tubes:tube-list"


def ring(occasion: Occasion, pk: int) -> None:
    """Have a worker write, once the transaction has committed: of a Tube (joined) or a request."""
    transaction.on_commit(partial(_ring, occasion, pk), robust=True)


def _ring(occasion: Occasion, pk: int) -> None:
    try:
        current_app.send_task(MAIL, args=(occasion, pk), retry=False, ignore_result=True)
    except (KombuError, OSError) as error:
        log.warning("The broker did not take a mail (%s); Manage says the same", type(error).__name__)


def write(occasion: Occasion, pk: int) -> None:
    """Write the mail of an occasion, if what it is about is still there. Network I/O."""
    if occasion == "joined":
        if tube := Tube.objects.with_sides().filter(pk=pk).first():
            _joined(tube)
        return
    request = PortalRequest.objects.with_rooms().filter(pk=pk).first()
    if request is None:
        return
    if occasion == "asked" and request.status == PortalRequest.Status.WAITING:
        _asked(request)
    elif occasion == "decided":
        _decided(request)


def words_of_joining(tube: Tube) -> str:
    """What the owner of the Portal is told of a Tube made through it."""
    theirs, own = tube.side_b, tube.side_a
    return (
        f"{theirs.room.name} ({theirs.account.label}) was joined to {own.room.name} through your Portal. "
        "What is said in one is heard in the other."
    )


def _joined(tube: Tube) -> None:
    _send(
        tube.side_a.owner,
        f"{tube.side_b.room.name} has joined {tube.side_a.room.name}",
        f"{words_of_joining(tube)}\n\nYou may pause or close the Tube at any time:",
        reverse("tubes:tube-detail", args=[tube.code]),
    )


def _asked(request: PortalRequest) -> None:
    seat = request.portal.seat
    _send(
        seat.owner,
        f"{request.room_name} asks to join {seat.room.name}",
        f"Somebody wants to join {request.room_name} ({request.account.label}) to {seat.room.name} through "
        "your Portal. Nothing passes until you approve it.\n\nApprove or decline it on Manage:",
        reverse(MANAGE),
    )


def _decided(request: PortalRequest) -> None:
    rooms = f"{request.room_name} to {request.portal.seat.room.name}"
    if request.status == PortalRequest.Status.APPROVED and request.tube is not None:
        _send(
            request.visitor,
            f"{request.room_name} has joined {request.portal.seat.room.name}",
            f"Your wish to join {rooms} was approved: the Tube is open.",
            reverse("tubes:tube-detail", args=[request.tube.code]),
        )
    elif request.status == PortalRequest.Status.DECLINED:
        _send(
            request.visitor,
            f"{request.room_name} was not joined to {request.portal.seat.room.name}",
            f"Your wish to join {rooms} was declined. No Tube was opened. Ask the people who gave you the "
            "Portal’s address if you think it should have been.",
            reverse("tubes:portal-request", args=[request.code]),
        )


def _send(to: User, subject: str, text: str, path: str) -> None:
    if not to.is_active:
        return
    mail = EmailMessage(subject, f"{text}\n{settings.PUBLIC_URL}{path}\n", to=[to.email])
    try:
        get_connection().send_messages([mail])
    except OSError as error:  # SMTP's errors are OSErrors as well
        log.warning("A mail about a Portal did not go out: %s", type(error).__name__)
