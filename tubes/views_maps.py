"""The map of a Tube Network: open to whoever holds its address, for a day."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.decorators import SignedIn, acting_page
from tubes.models import Tube
from tubes.services import drawing_of, map_link_find, map_link_make, network_of, rows_of

MOST_ROWS = 500


@never_cache
@require_GET
def network_map(request: HttpRequest, key: str) -> HttpResponse:
    """The rooms of a network and the Tubes between them, drawn and listed."""
    link = map_link_find(key)
    if link is None:
        return render(request, "tubes/map_gone.html", status=404)
    network = network_of(link.seat.room)
    rows = rows_of(network)
    context = {
        "link": link,
        "room_count": len(network.places),
        "is_whole": network.is_whole,
        "drawing": drawing_of(network),
        "rows": rows[:MOST_ROWS],
        "more": len(rows) - MOST_ROWS,
    }
    response = render(request, "tubes/map.html", context)
    response["X-Robots-Tag"] = "noindex"
    response["Referrer-Policy"] = "no-referrer"  # the address is the key
    return response


@acting_page(back="tubes:tube-list")
def map_make_do(request: SignedIn, tube_code: str) -> HttpResponse:
    """Make a link to the map around one's own side of a Tube, and go there."""
    tubes = Tube.objects.owned_by(request.user).not_closed().with_sides()
    tube = get_object_or_404(tubes, code=tube_code)
    seat = next(seat for seat in (tube.side_a, tube.side_b) if seat.owner_id == request.user.pk)
    return redirect("tubes:network-map", map_link_make(seat=seat).key)
