"""The page of what crossed one Tube."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from accounts.decorators import SignedIn, live_page
from tubes.codes import code_of, find_place, place_of
from tubes.models import Delivery, Tube
from tubes.services import Crossing, crossing_rows, crossings_of
from tubes.unchanged import print_of

ROWS: Final = 50
Status = Delivery.Status


@dataclass(frozen=True, slots=True)
class End:
    """How things on their way over a Tube ended, or that they have not: one word for a page."""

    name: str
    label: str
    badge: str
    statuses: tuple[str, ...]


ENDS: Final = (
    End("arrived", "Arrived", "good", (Status.SENT,)),
    End("on-its-way", "On its way", "waiting", Delivery.OPEN),
    End("failed", "Not delivered", "failed", (Status.FAILED,)),
    End("unknown", "May not have arrived", "wait", (Status.UNKNOWN,)),
    End("left-out", "Left out", "closed", (Status.SKIPPED,)),
    End("removed", "Removed there", "closed", (Status.REMOVED,)),
)
BY_NAME: Final = {end.name: end for end in ENDS}
BY_STATUS: Final = {str(status): end for end in ENDS for status in end.statuses}

Coded = tuple[str, End, Crossing]  # with the code that a page names it by, and how it ended


@live_page
@require_GET
def crossing_list(request: SignedIn, tube_code: str) -> HttpResponse:
    """What crossed a Tube of the viewer's, newest first; a closed one's for as long as ids are kept.

    Live: asked again by htmx, it answers 204 if unchanged. Who reads further down names the `newest` row
    they have: then those rows are renewed, and what is newer is only counted.
    """
    tube = get_object_or_404(Tube.objects.owned_by(request.user).with_sides(), code=tube_code)
    context = _window(request, tube)
    rows = crossing_rows(deliveries=context.pop("shown"), tube=tube, viewer=request.user)
    context["seen"] = print_of(rows, context["newer"], bool(context["older"]))
    if request.htmx and request.GET.get("seen") == context["seen"]:
        return HttpResponse(status=204)
    crossings: list[Coded] = [(code_of(row.delivery), BY_STATUS[row.delivery.status], row) for row in rows]
    context |= {"tube": tube, "crossings": crossings, "ends": ENDS, "days": settings.ID_DAYS}
    return render(request, "tubes/_log.html" if request.htmx else "tubes/crossings.html", context)


def _window(request: SignedIn, tube: Tube) -> dict[str, Any]:
    """Which rows are asked for, and where the list goes on around them."""
    chosen = BY_NAME.get(request.GET.get("state", ""))
    statuses = chosen.statuses if chosen else ()
    before = find_place(Delivery, request.GET.get("before", ""))
    newest = find_place(Delivery, request.GET.get("newest", "")) if before is None else None
    newer = 0
    if newest is not None:
        latest = crossings_of(tube=tube, statuses=statuses, most=ROWS + 1)
        newer = sum(it.pk > newest for it in latest)
    end = before if newest is None else newest + 1
    found = crossings_of(tube=tube, statuses=statuses, before=end, most=ROWS + 1)
    shown = found[:ROWS]
    return {
        "shown": shown,
        "chosen": chosen,
        "before": request.GET["before"] if before is not None else "",
        "newest": place_of(shown[0]) if shown else "",
        "newer": newer,
        "most": ROWS,
        "older": place_of(shown[-1]) if len(found) > ROWS else "",
    }
