"""The page of a room's posting options, with a preview that follows what is picked."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.decorators import SignedIn, acting_page
from tubes.codes import code_of, find_id
from tubes.forms import RoomOptionsForm
from tubes.models import Mute, Seat
from tubes.services import mute_remove, options_preview, options_set, own_preview


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def posting_options(request: SignedIn, seat_code: str) -> HttpResponse:
    """How messages arrive in one room of the viewer's. Asked by htmx, only what the preview shows."""
    mine = Seat.objects.owned_by(request.user).in_use().select_related("account", "room")
    seat = get_object_or_404(mine, code=seat_code)
    form = RoomOptionsForm(request.POST or None, instance=seat)
    is_valid = form.is_valid()  # which gives the Seat the picked values, unsaved
    if is_valid and not request.htmx:
        options_set(seat=seat)
        messages.success(request, f"From now on messages arrive in {seat.room} like this.")
        return redirect("tubes:tube-list")
    context = {"form": form, "seat": seat, "posts": options_preview(seat=seat), "own": own_preview(seat=seat)}
    if not request.htmx:
        mutes = seat.mutes.order_by("author_name", "pk")
        context["mutes"] = [(mute, code_of(mute)) for mute in mutes]
    return render(request, "tubes/_preview.html" if request.htmx else "tubes/posting_options.html", context)


@acting_page(back="tubes:tube-list")
def mute_remove_do(request: SignedIn, seat_code: str, mute_code: str) -> HttpResponse:
    """Let somebody be heard in a room again."""
    seat = get_object_or_404(Seat.objects.owned_by(request.user).in_use(), code=seat_code)
    mutes = Mute.objects.owned_by(request.user).filter(seat=seat)
    mute = get_object_or_404(mutes, pk=find_id(Mute, mutes.values_list("pk", flat=True), mute_code) or 0)
    if mute_remove(mute=mute):
        messages.success(request, f"{mute.author_name} is heard in {seat.room} again.")
    return redirect("tubes:posting-options", seat.code)
