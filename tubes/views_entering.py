"""Entering and making rooms while a Tube is opened; then it goes on as if they had been picked."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.views.decorators.http import require_http_methods

from accounts.decorators import SignedIn, acting_page
from accounts.models import LinkedAccount
from connectors.registry import connector_class
from tubes.forms import NewRoomForm, RoomAddressForm
from tubes.models import RoomListing
from tubes.services import RoomRefused, TubeRefused, room_enter, room_make, tube_open


@acting_page(back="tubes:tube-open")
def room_enter_do(request: SignedIn, account_code: str, listing_code: str = "") -> HttpResponse:
    """Enter the room that an address leads to, for Side A, or for Side B of a picked Side A."""
    account, side_a = _account(request, account_code), _side_a(request, listing_code)
    form = RoomAddressForm(request.POST)
    if not form.is_valid():
        return _refused(request, side_a, str(form.errors["address"][0]), request.POST.get("address", ""))
    address = form.cleaned_data["address"]
    try:
        listing = room_enter(account=account, address=address)
    except RoomRefused as refusal:
        return _refused(request, side_a, str(refusal), address)
    return _picked(request, side_a, listing)


@login_required
@require_http_methods(["GET", "POST"])
def room_make_page(request: SignedIn, account_code: str, listing_code: str = "") -> HttpResponse:
    """Ask for the name and for whom to invite; then make the room."""
    account, side_a = _account(request, account_code), _side_a(request, listing_code)
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
            return _picked(request, side_a, listing)
    context = {"form": form, "account": account, "side_a": side_a, "hint": service.new_room_hint}
    return render(request, "tubes/room_make.html", context)


def _made(listing: RoomListing, invited: list[str]) -> str:
    people = f" Invited: {', '.join(invited)}." if invited else ""
    return f"The room {listing.name} is made.{people}"


def _picked(request: SignedIn, side_a: RoomListing | None, listing: RoomListing) -> HttpResponse:
    if side_a is None:
        return redirect("tubes:tube-open-side-b", listing.code)
    try:
        tube = tube_open(owner=request.user, listing_a=side_a, listing_b=listing)
    except TubeRefused as refusal:
        return _refused(request, side_a, f"The Tube was not opened. {refusal}", listing.name)
    return redirect("tubes:tube-detail", tube.code)


def _refused(request: HttpRequest, side_a: RoomListing | None, why: str, typed: str) -> HttpResponse:
    """Back to the picker, with what was typed still in its box."""
    messages.error(request, why)
    to = resolve_url("tubes:tube-open-side-b", side_a.code) if side_a else resolve_url("tubes:tube-open")
    return redirect(f"{to}?{urlencode({'q': typed[:200]})}" if typed else to)


def _account(request: SignedIn, code: str) -> LinkedAccount:
    return get_object_or_404(LinkedAccount.objects.owned_by(request.user), code=code)


def _side_a(request: SignedIn, code: str) -> RoomListing | None:
    listings = RoomListing.objects.owned_by(request.user).select_related("account")
    return get_object_or_404(listings, code=code) if code else None
