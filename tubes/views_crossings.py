"""The page of what crossed one Tube."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.decorators import SignedIn
from tubes.codes import code_of, find_place, place_of
from tubes.models import Delivery, Tube
from tubes.services import Crossing, crossing_rows, crossings_of

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


@login_required
@never_cache
@require_GET
def crossing_list(request: SignedIn, tube_code: str) -> HttpResponse:
    """What crossed a Tube of the viewer's, newest first; a closed one's for as long as ids are kept."""
    tube = get_object_or_404(Tube.objects.owned_by(request.user).with_sides(), code=tube_code)
    chosen = BY_NAME.get(request.GET.get("state", ""))
    before = find_place(Delivery, request.GET.get("before", ""))
    found = crossings_of(tube=tube, statuses=chosen.statuses if chosen else (), before=before, most=ROWS + 1)
    shown = found[:ROWS]
    rows = crossing_rows(deliveries=shown, tube=tube, viewer=request.user)
    crossings: list[Coded] = [(code_of(row.delivery), BY_STATUS[row.delivery.status], row) for row in rows]
    context: dict[str, Any] = {
        "tube": tube,
        "crossings": crossings,
        "ends": ENDS,
        "chosen": chosen,
        "is_first": before is None,
        "older": place_of(shown[-1]) if len(found) > ROWS else "",
        "days": settings.ID_DAYS,
    }
    return render(request, "tubes/crossings.html", context)
