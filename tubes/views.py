"""Pages of Tubes: open one, look at it, manage them all."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET, require_http_methods

from accounts.decorators import SignedIn, acting_page, live_page
from accounts.models import LinkedAccount
from connectors.registry import connectors
from tubes.filters import ManageFilter
from tubes.manage_rows import Row, page_of, rows_of
from tubes.models import RoomListing, Tube
from tubes.models.tubes import TubeQuerySet
from tubes.picking import SideA, SideB
from tubes.services import (
    TubeRefused,
    standing_of,
    tube_pause,
    tube_resume,
    tube_retry,
)
from tubes.unchanged import print_of
from tubes.views_ending import back_to_manage
from tubes.views_entering import picker, picker_acting
from tubes.views_notices import newest_notices
from tubes.views_visits import requests_on_manage


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """What a Tube is; whoever is signed in has their own to look at."""
    if request.user.is_authenticated:
        return redirect("tubes:tube-list")
    services = [{"kind": kind, "label": service.label} for kind, service in connectors().items()]
    return render(request, "home.html", {"services": services})


@live_page
@require_http_methods(["GET", "POST"])
def side_a_pick(request: SignedIn) -> HttpResponse:
    """Step one of opening a Tube: pick Side A."""
    return picker(request, SideA())


@live_page
@require_http_methods(["GET", "POST"])
def side_b_pick(request: SignedIn, listing_code: str) -> HttpResponse:
    """Step two: pick Side B, which opens the Tube at once."""
    listings = RoomListing.objects.owned_by(request.user).select_related("account")
    side_a = get_object_or_404(listings, code=listing_code)
    return picker_acting(request, SideB(side_a))


@login_required
@require_GET
def tube_detail(request: SignedIn, tube_code: str) -> HttpResponse:
    """One Tube: where an opened one leads to."""
    tube = get_object_or_404(_tubes(request), code=tube_code)
    known = standing_of([tube], request.user, only_told=False)
    return render(request, "tubes/tube_detail.html", {"row": Row.of(tube, request.user, known)})


@live_page
@require_GET
def tube_list(request: SignedIn) -> HttpResponse:
    """Notices, requests, and every open Tube and Portal, newest first.

    Live: asked again by htmx, it answers 204 if unchanged.
    """
    chosen = ManageFilter(request.GET)
    page = page_of(request.user, chosen, request.GET.get("page"))
    ending = LinkedAccount.objects.owned_by(request.user).ending().order_by("expires_at", "pk")
    context: dict[str, Any] = {"page": page, "ending": ending, "chosen": chosen}
    context |= newest_notices(request.user)
    context |= requests_on_manage(request.user)
    news = render_to_string("tubes/_news.html", context, request)
    rows = rows_of(page, request.user)
    context["seen"] = print_of(news, rows, page.paginator.count)
    if request.htmx and request.GET.get("seen") == context["seen"]:
        return HttpResponse(status=204)
    context |= {"news": news, "rows": rows}
    if request.htmx:
        return render(request, "tubes/_live.html", context)
    has_account = bool(page.object_list) or LinkedAccount.objects.owned_by(request.user).exists()
    return render(request, "tubes/tube_list.html", {**context, "has_account": has_account})


@acting_page(back="tubes:tube-list")
def tube_pause_do(request: SignedIn, tube_code: str) -> HttpResponse:
    """Nothing crosses until it is resumed."""
    tube_pause(tube=_open_tube(request, tube_code), by=request.user)
    return back_to_manage(request)


@acting_page(back="tubes:tube-list")
def tube_retry_do(request: SignedIn, tube_code: str) -> HttpResponse:
    """Look again whether a lost room can be entered."""
    tube_retry(tube=_open_tube(request, tube_code), by=request.user)
    return back_to_manage(request)


@acting_page(back="tubes:tube-list")
def tube_resume_do(request: SignedIn, tube_code: str) -> HttpResponse:
    """Let messages cross again, from now on."""
    try:
        tube_resume(tube=_open_tube(request, tube_code), by=request.user)
    except TubeRefused as error:
        messages.error(request, str(error))
    return back_to_manage(request)


def _open_tube(request: SignedIn, code: str) -> Tube:
    return get_object_or_404(_tubes(request).not_closed(), code=code)


def _tubes(request: SignedIn) -> TubeQuerySet:
    return Tube.objects.owned_by(request.user).with_sides()
