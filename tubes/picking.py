"""What a room is picked for: each use of the picker says where its steps lead, and what follows."""

from __future__ import annotations

from typing import ClassVar

from django.http import HttpResponse
from django.shortcuts import redirect, resolve_url

from accounts.models import User
from tubes.models import Portal, PortalRequest, RoomListing
from tubes.services import end_of, end_of_portal, portal_join, tube_open
from tubes.services.opening import End


class Picking:
    """One use of the picker. Its URL names are followed by `at` where their addresses carry a code."""

    page: ClassVar[str]  # the picker itself
    enter: ClassVar[str]
    make: ClassVar[str]
    step: ClassVar[str] = ""  # where a room that is picked leads; empty: picking it acts, and is posted
    title: ClassVar[str] = "Open a Tube"
    head: ClassVar[str] = "tubes/_sides.html"
    failed: ClassVar[str] = "The Tube was not opened."

    verb: str = "Pick"
    at: str = ""
    far: End | None = None  # the room that the picked one will be joined to
    promise: str = "It becomes Side A of your Tube."  # what follows once a new room is made

    @property
    def address(self) -> str:
        """Where the picker is."""
        return resolve_url(self.page, self.at) if self.at else resolve_url(self.page)

    def go_on(self, user: User, listing: RoomListing) -> HttpResponse:
        """What follows when this room was picked, entered or made. Raises TubeRefused."""
        return redirect(self.step, listing.code)


class SideA(Picking):
    """The first room of a Tube."""

    page, enter, make = "tubes:tube-open", "tubes:room-enter", "tubes:room-make"
    step = "tubes:tube-open-side-b"


class SideB(Picking):
    """The second, which opens the Tube at once."""

    page = "tubes:tube-open-side-b"
    enter, make = "tubes:room-enter-side-b", "tubes:room-make-side-b"

    def __init__(self, side_a: RoomListing) -> None:
        self.verb = "Open"
        self.side_a, self.at, self.far = side_a, side_a.code, end_of(side_a)
        self.promise = f"Then the Tube from {side_a.name} to it is opened."

    def go_on(self, user: User, listing: RoomListing) -> HttpResponse:
        tube = tube_open(owner=user, listing_a=self.side_a, listing_b=listing)
        return redirect("tubes:tube-detail", tube.code)


class PortalRoom(Picking):
    """The room that a new Portal is to lead to."""

    page, enter, make = "tubes:portal-create", "tubes:portal-enter", "tubes:portal-make"
    step = "tubes:portal-new"
    title, head, failed = "Create a Portal", "tubes/_portal_head.html", "The Portal was not created."
    promise = "Then you say whom its Portal lets in."


class Visit(Picking):
    """The visitor's own room, to be joined to a Portal's at once, or once its owner approves."""

    page, enter, make = "tubes:portal-visit", "tubes:portal-visit-enter", "tubes:portal-visit-make"
    title, head = "Join a room", "tubes/_visit_head.html"
    failed = "The rooms were not joined."

    def __init__(self, portal: Portal) -> None:
        self.portal, self.at, self.far = portal, portal.key, end_of_portal(portal)
        name = portal.seat.room.name
        self.verb, self.promise = (
            ("Ask", f"Then {name}’s owner is asked.")
            if portal.needs_approval
            else ("Join", f"Then it is joined to {name}.")
        )

    def go_on(self, user: User, listing: RoomListing) -> HttpResponse:
        made = portal_join(portal=self.portal, visitor=user, listing=listing)
        if isinstance(made, PortalRequest):
            return redirect("tubes:portal-request", made.code)
        return redirect("tubes:tube-detail", made.code)
