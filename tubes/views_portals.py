"""Pages of Portals for their owners: create and change one, and decide about requests."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts.decorators import SignedIn, acting_page, live_page
from tubes.forms import PortalForm, PostingOptionsForm
from tubes.manage_rows import PortalRow
from tubes.models import Portal, PortalRequest, RoomListing, Seat
from tubes.picking import PortalRoom
from tubes.services import (
    TubeRefused,
    options_preview,
    options_take,
    own_preview,
    portal_change,
    portal_create,
    portal_request_approve,
    portal_request_decline,
    seat_like,
    tubes_of_portal,
)
from tubes.views_entering import picker


@live_page
@require_GET
def portal_pick(request: SignedIn) -> HttpResponse:
    """Step one of creating a Portal: pick the room that it is to lead to."""
    return picker(request, PortalRoom())


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def portal_new(request: SignedIn, listing_code: str) -> HttpResponse:
    """Step two: whom it lets in, and how messages arrive. Asked by htmx, only what the preview shows."""
    listings = RoomListing.objects.owned_by(request.user).select_related("account")
    listing = get_object_or_404(listings, code=listing_code)
    seat, form = seat_like(listing), PortalForm(request.POST or None)
    options = PostingOptionsForm(request.POST or None, instance=seat)
    if _may_save(request, form, options):
        try:
            portal = portal_create(
                owner=request.user, listing=listing, limits=form.limits, options=options.options
            )
        except TubeRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("tubes:portal-detail", portal.key)
    return _options_page(request, form, options, seat)


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def portal_options(request: SignedIn, portal_key: str) -> HttpResponse:
    """Whom a Portal lets in from now on, and how messages arrive from them."""
    portal = _portal(request, portal_key)
    seat, form = options_take(portal.seat, portal.options), PortalForm.of(portal, request.POST or None)
    options = PostingOptionsForm(request.POST or None, instance=seat)
    if _may_save(request, form, options):
        portal_change(portal=portal, limits=form.limits, options=options.options)
        messages.success(request, f"The Portal to {seat.room} is changed, for those who come from now on.")
        return redirect("tubes:portal-detail", portal.key)
    return _options_page(request, form, options, seat, portal=portal)


def _may_save(request: SignedIn, form: PortalForm, options: PostingOptionsForm) -> bool:
    """Both are looked at, whatever the first says: the second gives the Seat its values, for the preview."""
    are_valid = [form.is_valid(), options.is_valid()]
    return request.method == "POST" and all(are_valid) and not request.htmx


def _options_page(
    request: SignedIn, form: PortalForm, options: PostingOptionsForm, seat: Seat, **more: Any
) -> HttpResponse:
    posts, own = options_preview(seat=seat), own_preview(seat=seat)
    context = {"limits": form, "form": options, "seat": seat, "posts": posts, "own": own, **more}
    return render(request, "tubes/_preview.html" if request.htmx else "tubes/portal_options.html", context)


@login_required
@require_GET
def portal_detail(request: SignedIn, portal_key: str) -> HttpResponse:
    """A Portal's address, to be copied: where creating one leads to."""
    portal = _portal(request, portal_key)
    context = {"row": PortalRow.of(portal, tubes_of_portal(portal).count())}
    return render(request, "tubes/portal_detail.html", context)


@acting_page(back="tubes:tube-list")
def request_approve_do(request: SignedIn, asked_code: str) -> HttpResponse:
    """Open the Tube that somebody has asked for."""
    asked = _asked(request, asked_code)
    try:
        tube = portal_request_approve(request=asked, by=request.user)
    except TubeRefused as refusal:
        asked.refresh_from_db(fields=["tube"])
        if asked.tube is not None:  # pressed twice, or in another tab as well
            return redirect("tubes:tube-detail", asked.tube.code)
        messages.error(request, f"The rooms were not joined. {refusal}")
        return redirect("tubes:tube-list")
    return redirect("tubes:tube-detail", tube.code)


@acting_page(back="tubes:tube-list")
def request_decline_do(request: SignedIn, asked_code: str) -> HttpResponse:
    """Open no Tube, and have its visitor told."""
    asked = _asked(request, asked_code)
    if portal_request_decline(request=asked):
        messages.success(request, f"{asked.room_name} is not joined to {asked.portal.seat.room}.")
    return redirect("tubes:tube-list")


def _portal(request: SignedIn, key: str) -> Portal:
    mine = Portal.objects.owned_by(request.user).not_deleted().with_seat()
    return get_object_or_404(mine, key=key)


def _asked(request: SignedIn, code: str) -> PortalRequest:
    return get_object_or_404(PortalRequest.objects.addressed_to(request.user).with_rooms(), code=code)
