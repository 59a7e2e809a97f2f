"""The room picker, and what it offers where a room is not listed: to enter it by address, or to make it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from accounts.decorators import SignedIn, acting_page
from accounts.models import LinkedAccount
from connectors.markup.sanitize import clean_text
from connectors.registry import connector_class
from tubes.forms import NewRoomForm, RoomAddressForm, RoomSearchForm, SideBForm
from tubes.models import RoomListing
from tubes.picking import Picking, PortalRoom, SideA, SideB
from tubes.services import RoomRefused, TubeRefused, room_enter, room_make, tube_just_opened


def picker(request: SignedIn, picking: Picking, *, refusal: str = "", **more: Any) -> HttpResponse:
    """The picker's page; asked by htmx, only what the search finds."""
    form = RoomSearchForm(request.GET)
    side_a = getattr(picking, "side_a", None)
    context = {"form": form, "found": form.find(request.user, picking.far), "refusal": refusal, **more}
    context |= {"picking": picking, "side_a": side_a}
    if request.htmx:
        return render(request, "tubes/_found.html", context)
    accounts = LinkedAccount.objects.owned_by(request.user).newest_first()
    context["accounts"] = accounts.annotate(room_count=Count("listings"))
    return render(request, "tubes/picker.html", context)


def picker_acting(request: SignedIn, picking: Picking, **more: Any) -> HttpResponse:
    """A picker whose pick acts at once; it says why, where that was refused."""
    refusal = ""
    if request.method == "POST" and picking.far is not None:
        form = SideBForm(request.POST, user=request.user, far=picking.far)
        if form.is_valid():
            try:
                return picking.go_on(request.user, form.cleaned_data["side_b"])
            except TubeRefused as error:
                refusal = str(error)
        else:
            refusal = str(form.errors["side_b"][0])
        picked = clean_text(request.POST.get("side_b", ""))
        if tube := tube_just_opened(by=request.user, far=picking.far, code=picked):
            return redirect("tubes:tube-detail", tube.code)
    return picker(request, picking, refusal=refusal, **more)


@acting_page(back="tubes:tube-open")
def room_enter_do(request: SignedIn, account_code: str, listing_code: str = "") -> HttpResponse:
    """Enter the room that an address leads to, for Side A, or for Side B of a picked Side A."""
    return enter(request, _side(request, listing_code), account_code)


@acting_page(back="tubes:portal-create")
def portal_enter_do(request: SignedIn, account_code: str) -> HttpResponse:
    """Enter the room that an address leads to, for a Portal to it."""
    return enter(request, PortalRoom(), account_code)


@login_required
@require_http_methods(["GET", "POST"])
def room_make_page(request: SignedIn, account_code: str, listing_code: str = "") -> HttpResponse:
    """Ask for the name and for whom to invite; then make the room, for a side of a Tube."""
    return make(request, _side(request, listing_code), account_code)


@login_required
@require_http_methods(["GET", "POST"])
def portal_make_page(request: SignedIn, account_code: str) -> HttpResponse:
    """As `room_make_page`, for a Portal to the room."""
    return make(request, PortalRoom(), account_code)


def enter(request: SignedIn, picking: Picking, account_code: str) -> HttpResponse:
    """Enter the room whose address was typed, and go on as if it had been picked."""
    account = _account(request, account_code)
    form = RoomAddressForm(request.POST)
    if not form.is_valid():
        return _refused(request, picking, str(form.errors["address"][0]), request.POST.get("address", ""))
    address = form.cleaned_data["address"]
    try:
        listing = room_enter(account=account, address=address)
    except RoomRefused as refusal:
        return _refused(request, picking, str(refusal), address)
    return _picked(request, picking, listing)


def make(request: SignedIn, picking: Picking, account_code: str) -> HttpResponse:
    """The page that makes a room, and goes on as if it had been picked."""
    account = _account(request, account_code)
    service = connector_class(account.kind)
    if service is None or not service.capabilities.creates_rooms:
        raise Http404(f"{account.label} lets nobody make a room from here.")
    typed = request.GET.get("name", "")
    form = NewRoomForm(request.POST or None, initial={"name": typed[: NewRoomForm.LONGEST]})
    if request.method == "POST" and form.is_valid():
        name, invited = form.cleaned_data["name"], form.cleaned_data["invited"]
        try:
            listing = room_make(account=account, name=name, invited=invited)
        except RoomRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _made(listing, invited))
            return _picked(request, picking, listing)
    context = {"form": form, "account": account, "picking": picking, "hint": service.new_room_hint}
    return render(request, "tubes/room_make.html", context)


def _made(listing: RoomListing, invited: list[str]) -> str:
    people = f" Invited: {', '.join(invited)}." if invited else ""
    return f"The room {listing.name} is made.{people}"


def _picked(request: SignedIn, picking: Picking, listing: RoomListing) -> HttpResponse:
    try:
        return picking.go_on(request.user, listing)
    except TubeRefused as refusal:
        return _refused(request, picking, f"{picking.failed} {refusal}", listing.name)


def _refused(request: HttpRequest, picking: Picking, why: str, typed: str) -> HttpResponse:
    """Back to the picker, with what was typed still in its box."""
    messages.error(request, why)
    return redirect(f"{picking.address}?{urlencode({'q': typed[:200]})}" if typed else picking.address)


def _account(request: SignedIn, code: str) -> LinkedAccount:
    return get_object_or_404(LinkedAccount.objects.owned_by(request.user), code=code)


def _side(request: SignedIn, code: str) -> Picking:
    listings = RoomListing.objects.owned_by(request.user).select_related("account")
    return SideB(get_object_or_404(listings, code=code)) if code else SideA()
