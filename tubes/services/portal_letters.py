"""Mails about Portals: to the owner whom somebody joined or asked, to the visitor about whom was decided.

Each names the two rooms and their services, and nothing else of the other party. All work inside the
transaction of what they tell of, and need what they are given loaded with its sides or rooms. No network I/O.
"""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse

from accounts import outbox
from accounts.models import User
from tubes.models import PortalRequest, Tube


def words_of_joining(tube: Tube) -> str:
    """What the owner of the Portal is told of a Tube made through it."""
    theirs, own = tube.side_b, tube.side_a
    return (
        f"{theirs.room.name} ({theirs.account.label}) was joined to {own.room.name} through your Portal. "
        "What is said in one is heard in the other."
    )


def joined(tube: Tube) -> None:
    """To the owner of its Portal."""
    _put(
        tube.side_a.owner,
        f"{tube.side_b.room.name} has joined {tube.side_a.room.name}",
        f"{words_of_joining(tube)}\n\nYou may pause or close the Tube at any time:",
        reverse("tubes:tube-detail", args=[tube.code]),
    )


def asked(request: PortalRequest) -> None:
    """To the owner of the Portal, who decides."""
    seat = request.portal.seat
    _put(
        seat.owner,
        f"{request.room_name} asks to join {seat.room.name}",
        f"Somebody wants to join {request.room_name} ({request.account.label}) to {seat.room.name} through "
        "your Portal. Nothing passes until you approve it.\n\nApprove or decline it on Manage:",
        reverse("tubes:tube-list"),
    )


def approved(request: PortalRequest, tube: Tube) -> None:
    """To the visitor."""
    there = request.portal.seat.room.name
    _put(
        request.visitor,
        f"{request.room_name} has joined {there}",
        f"Your wish to join {request.room_name} to {there} was approved: the Tube is open.",
        reverse("tubes:tube-detail", args=[tube.code]),
    )


def declined(request: PortalRequest) -> None:
    """To the visitor."""
    there = request.portal.seat.room.name
    _put(
        request.visitor,
        f"{request.room_name} was not joined to {there}",
        f"Your wish to join {request.room_name} to {there} was declined. No Tube was opened. Ask the people "
        "who gave you the Portal’s address if you think it should have been.",
        reverse("tubes:portal-request", args=[request.code]),
    )


def _put(to: User, subject: str, text: str, path: str) -> None:
    if to.is_active:
        outbox.put(to=to.email, subject=subject, text=f"{text}\n{settings.PUBLIC_URL}{path}\n")
