"""Pages of what did not arrive: the list of one Tube, and sending again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts.decorators import SignedIn
from sameroom import clock
from tubes.codes import code_of, find_id
from tubes.models import Delivery, Tube
from tubes.services import (
    Lost,
    NotAgain,
    deliveries_send_again,
    delivery_send_again,
    prospects,
    undelivered_of,
    undelivered_rows,
)

ROWS = 50
SEARCHED = 20_000  # looked through for a code: 0.2 seconds
MOST = 1000  # sent again at once
JUST_NOW = timedelta(minutes=1)  # so long a second press of the button is understood

Coded = tuple[str, Lost]  # with the code that a page names it by


@login_required
@never_cache
@require_GET
def undelivered_list(request: SignedIn, tube_code: str) -> HttpResponse:
    """What did not arrive at the viewer's sides of a Tube, newest first."""
    tube = _tube(request, tube_code)
    page = Paginator(undelivered_of(tube=tube, viewer=request.user), ROWS).get_page(request.GET.get("page"))
    rows = undelivered_rows(deliveries=list(page), tube=tube, viewer=request.user)
    lost: list[Coded] = [(code_of(row.delivery), row) for row in rows]
    context = {
        "tube": tube,
        "page": page,
        "lost": lost,
        "again": sum(not row.why_not for row in rows),
        "days": settings.ID_DAYS,
    }
    return render(request, "tubes/undelivered.html", context)


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def send_again_page(request: SignedIn, tube_code: str, delivery_code: str) -> HttpResponse:
    """Send one again; asked first where it may stand there already."""
    tube = _open_tube(request, tube_code)
    delivery = _delivery(request, tube, delivery_code)
    came_from = request.POST.get("from", request.GET.get("from", ""))
    if request.method == "POST":
        try:
            delivery_send_again(delivery=delivery, by=request.user)
        except NotAgain as error:
            messages.error(request, f"Not sent again: {error}")
        else:
            messages.success(request, "It is on its way again.")
        return redirect("tubes:crossing-list" if came_from == "log" else "tubes:undelivered-list", tube.code)
    [row] = undelivered_rows(deliveries=[delivery], tube=tube, viewer=request.user)
    context = {"tube": tube, "row": row, "code": delivery_code, "came_from": came_from}
    return render(request, "tubes/send_again.html", context)


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def send_all_again_page(request: SignedIn, tube_code: str) -> HttpResponse:
    """Ask which, then send again all that can be."""
    tube = _open_tube(request, tube_code)
    found = list(undelivered_of(tube=tube, viewer=request.user)[:MOST])
    looked_at = prospects(found)
    able = [delivery for delivery in found if not looked_at[delivery.pk].why_not]
    failed = [delivery for delivery in able if delivery.status == Delivery.Status.FAILED]
    if request.method == "POST":
        chosen = able if request.POST.get("which") == "all" else failed
        _report(request, deliveries_send_again(deliveries=chosen, by=request.user))
        return redirect("tubes:undelivered-list", tube.code)
    counts = {"failed": len(failed), "unknown": len(able) - len(failed), "able": len(able)}
    return render(request, "tubes/send_all_again.html", {"tube": tube, **counts})


def _report(request: SignedIn, count: int) -> None:
    if count:
        messages.success(request, f"{count} message{' is' if count == 1 else 's are'} on the way again.")
    else:
        messages.info(request, "There was nothing to send again.")


def _delivery(request: SignedIn, tube: Tube, code: str) -> Delivery:
    """One of the viewer's own, by its code: lost, or on its way since the button was pressed first."""
    mine = undelivered_of(tube=tube, viewer=request.user)
    pk = find_id(Delivery, mine.values_list("pk", flat=True)[:SEARCHED], code)
    if pk is None:
        just_sent = Q(status__in=Delivery.OPEN) | Q(finished_at__gt=clock.now() - JUST_NOW)
        pk = find_id(Delivery, _ids_at_own_sides(request, tube, just_sent), code)
    if pk is None:
        raise Http404("There is no such delivery.")
    return Delivery.objects.select_related("event__room", "carries", "room", "seat__account").get(pk=pk)


def _ids_at_own_sides(request: SignedIn, tube: Tube, where: Q) -> Iterable[int]:
    own = [seat.pk for seat in (tube.side_a, tube.side_b) if seat.owner_id == request.user.pk]
    return (
        Delivery.objects.filter(where, seat__in=own).order_by("-pk").values_list("pk", flat=True)[:SEARCHED]
    )


def _open_tube(request: SignedIn, code: str) -> Tube:
    tube = _tube(request, code)
    if tube.status == Tube.Status.CLOSED:
        raise Http404("This Tube is closed.")
    return tube


def _tube(request: SignedIn, code: str) -> Tube:
    return get_object_or_404(Tube.objects.owned_by(request.user).with_sides(), code=code)
