"""The map of a Tube Network: for who owns a Tube of it, and for whoever holds an address of it, for a day."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.decorators import SignedIn, acting_page
from tubes.models import Room, Seat, Tube
from tubes.services import MAP_HOURS, drawing_of, map_link_find, map_link_make, network_of, rows_of

MOST_ROWS = 500


@never_cache
@require_GET
def network_map(request: HttpRequest, key: str) -> HttpResponse:
    """The rooms of a network and the Tubes between them, drawn and listed, for whoever has the address."""
    link = map_link_find(key)
    if link is None:
        return render(request, "tubes/map_gone.html", status=404)
    response = render(request, "tubes/map.html", {"link": link, **_map_around(link.seat.room)})
    response["X-Robots-Tag"] = "noindex"
    response["Referrer-Policy"] = "no-referrer"  # the address is the key
    return response


@login_required
@never_cache
@require_GET
def tube_map(request: SignedIn, tube_code: str) -> HttpResponse:
    """The same around one's own side of a Tube, without an address for others."""
    tube = _tube(request, tube_code)
    context = {"tube": tube, "hours": MAP_HOURS, **_map_around(_own_side(tube, request).room)}
    return render(request, "tubes/map.html", context)


@acting_page(back="tubes:tube-list")
def map_make_do(request: SignedIn, tube_code: str) -> HttpResponse:
    """Make an address of the map around one's own side of a Tube, and go there."""
    seat = _own_side(_tube(request, tube_code), request)
    return redirect("tubes:network-map", map_link_make(seat=seat).key)


def _map_around(room: Room) -> dict[str, Any]:
    network = network_of(room)
    rows = rows_of(network)
    return {
        "room": room,
        "room_count": len(network.places),
        "is_whole": network.is_whole,
        "drawing": drawing_of(network),
        "rows": rows[:MOST_ROWS],
        "more": len(rows) - MOST_ROWS,
    }


def _tube(request: SignedIn, code: str) -> Tube:
    return get_object_or_404(Tube.objects.owned_by(request.user).not_closed().with_sides(), code=code)


def _own_side(tube: Tube, request: SignedIn) -> Seat:
    return next(seat for seat in (tube.side_a, tube.side_b) if seat.owner_id == request.user.pk)
