"""Pages of Tubes: open one, look at it, manage them all."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET, require_http_methods

from accounts.decorators import SignedIn, acting_page, live_page
from accounts.models import LinkedAccount
from connectors.registry import connectors
from tubes.forms import RoomSearchForm, SideBForm
from tubes.models import RoomListing, Seat, Tube
from tubes.models.tubes import TubeQuerySet
from tubes.services import (
    Standing,
    TubeRefused,
    TubeState,
    standing_of,
    tube_close,
    tube_open,
    tube_pause,
    tube_resume,
    tube_retry,
    tube_state,
    undelivered_words,
)
from tubes.views_notices import newest_notices

ROWS = 50


@dataclass(frozen=True, slots=True)
class Row:
    """A Tube as a page shows it."""

    tube: Tube
    state: TubeState
    flow: str  # which way messages may go: both, forward (A to B), back, none
    undelivered: str  # how much did not arrive, a sentence or empty
    mine: list[Seat]  # the viewer's sides, whose options are theirs to set

    @classmethod
    def of(cls, tube: Tube, viewer: Any, known: Standing) -> Row:
        a, b = tube.side_a, tube.side_b
        forward, back = a.lets_out and b.lets_in, b.lets_out and a.lets_in
        flow = {(True, True): "both", (True, False): "forward", (False, True): "back"}.get(
            (forward, back), "none"
        )
        mine = [seat for seat in (a, b) if seat.owner_id == viewer.pk]
        return cls(tube, tube_state(tube, viewer, known), flow, undelivered_words(tube, known), mine)


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
    return _picker(request)


@live_page
@require_http_methods(["GET", "POST"])
def side_b_pick(request: SignedIn, listing_code: str) -> HttpResponse:
    """Step two: pick Side B, which opens the Tube at once."""
    listings = RoomListing.objects.owned_by(request.user).select_related("account")
    side_a = get_object_or_404(listings, code=listing_code)
    refusal = ""
    if request.method == "POST":
        form = SideBForm(request.POST, user=request.user, side_a=side_a)
        if form.is_valid():
            try:
                tube = tube_open(owner=request.user, listing_a=side_a, listing_b=form.cleaned_data["side_b"])
            except TubeRefused as error:
                refusal = str(error)
            else:
                return redirect("tubes:tube-detail", tube.code)
        else:
            refusal = str(form.errors["side_b"][0])
    return _picker(request, side_a=side_a, refusal=refusal)


def _picker(request: SignedIn, *, side_a: RoomListing | None = None, refusal: str = "") -> HttpResponse:
    form = RoomSearchForm(request.GET)
    context = {"form": form, "found": form.find(request.user, side_a), "side_a": side_a, "refusal": refusal}
    if request.htmx:
        return render(request, "tubes/_found.html", context)
    accounts = LinkedAccount.objects.owned_by(request.user).newest_first()
    context["accounts"] = accounts.annotate(room_count=Count("listings"))
    return render(request, "tubes/picker.html", context)


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
    """Notices, and every open Tube, newest first. Live: asked again by htmx, it answers 204 if unchanged."""
    tubes = _tubes(request).not_closed().order_by("-created_at", "-pk")
    page = Paginator(tubes, ROWS).get_page(request.GET.get("page"))
    known = standing_of(page, request.user, only_told=True)
    ending = LinkedAccount.objects.owned_by(request.user).ending().order_by("expires_at", "pk")
    context: dict[str, Any] = {"page": page, "ending": ending, **newest_notices(request.user)}
    news = render_to_string("tubes/_news.html", context, request)
    rows = render_to_string(
        "tubes/_rows.html", {"rows": [Row.of(tube, request.user, known) for tube in page]}, request
    )
    context |= {"news": news, "rows": rows, "seen": sha256((news + rows).encode()).hexdigest()[:16]}
    if request.htmx:
        if request.GET.get("seen") == context["seen"]:
            return HttpResponse(status=204)
        return render(request, "tubes/_live.html", context)
    has_account = bool(page.object_list) or LinkedAccount.objects.owned_by(request.user).exists()
    return render(request, "tubes/tube_list.html", {**context, "has_account": has_account})


@acting_page(back="tubes:tube-list")
def tube_pause_do(request: SignedIn, tube_code: str) -> HttpResponse:
    """Nothing crosses until it is resumed."""
    tube_pause(tube=_open_tube(request, tube_code), by=request.user)
    return redirect("tubes:tube-list")


@acting_page(back="tubes:tube-list")
def tube_retry_do(request: SignedIn, tube_code: str) -> HttpResponse:
    """Look again whether a lost room can be entered."""
    tube_retry(tube=_open_tube(request, tube_code), by=request.user)
    return redirect("tubes:tube-list")


@acting_page(back="tubes:tube-list")
def tube_resume_do(request: SignedIn, tube_code: str) -> HttpResponse:
    """Let messages cross again, from now on."""
    try:
        tube_resume(tube=_open_tube(request, tube_code), by=request.user)
    except TubeRefused as error:
        messages.error(request, str(error))
    return redirect("tubes:tube-list")


@login_required
@require_http_methods(["GET", "POST"])
def tube_close_page(request: SignedIn, tube_code: str) -> HttpResponse:
    """Ask, then close for good."""
    tube = _open_tube(request, tube_code)
    if request.method == "POST":
        tube_close(tube=tube, by=request.user)
        messages.success(request, f"The Tube between {tube.side_a.room} and {tube.side_b.room} is closed.")
        return redirect("tubes:tube-list")
    return render(request, "tubes/tube_close.html", {"tube": tube})


def _open_tube(request: SignedIn, code: str) -> Tube:
    return get_object_or_404(_tubes(request).not_closed(), code=code)


def _tubes(request: SignedIn) -> TubeQuerySet:
    return Tube.objects.owned_by(request.user).with_sides()
