"""Pages of the relay monitor, for operators: behind the admin's sign-in, and a permission of their own.

Each change is made by one service and logged; each list is bounded (`finding`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.decorators import SignedIn
from accounts.models import LinkedAccount, User
from connectors.registry import connectors
from operating import acts, finding, following
from operating.asking import STATES, Asked
from operating.overview import SPANS, overview
from tubes.models import Delivery, Event, Seat
from tubes.unchanged import print_of

View = Callable[..., HttpResponse]
HOME = "admin:operating_watch_changelist"


def may_look(request: HttpRequest) -> bool:
    """Whether the monitor is for them."""
    return cast(User, request.user).has_perm("operating.view_monitor")


def _operators(view: View) -> View:
    """For those who may look; nothing of it stays in a cache."""

    @never_cache
    @wraps(view)
    def page(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if not may_look(request):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return page


@_operators
@require_safe
def overview_page(request: SignedIn) -> HttpResponse:
    """How it goes. Live: asked again by htmx, it answers 204 if unchanged."""
    span = request.GET.get("span", "")
    service = request.GET.get("service", "")
    span = span if span in SPANS else next(iter(SPANS))
    service = service if service in connectors() else ""
    shown = overview(span, service)
    seen = print_of(repr(shown.facts))
    if request.htmx and request.GET.get("seen") == seen:
        return HttpResponse(status=204)
    tail = f"&service={service}" if service else ""
    context = {
        "shown": shown,
        "seen": seen,
        "spans": SPANS,
        "services": _services(),
        "tail": tail,
        "sent_tail": f"{tail}&state=sent",
        "lost_query": Asked(state="lost", service=service, since=shown.begins).query(),
        "is_home": True,
    }
    page = "operating/_overview.html" if request.htmx else "operating/overview.html"
    return _render(request, page, "Relay monitor", context)


@_operators
@require_safe
def delivery_list(request: SignedIn) -> HttpResponse:
    """Deliveries, narrowed."""
    asked = Asked.of(request.GET)
    page = finding.deliveries(asked)
    seat = (
        Seat.objects.select_related("room", "account").filter(pk=asked.seat).first() if asked.seat else None
    )
    rows = [(delivery, acts.possible(delivery, request.user)) for delivery in page.rows]
    for_all = acts.possible_for_all(page.rows, request.user)
    context = {"rows": rows, "for_all": for_all, "seat": seat, "states": STATES, "found": asked.query()}
    return _list(request, "operating/deliveries.html", "Deliveries", asked, page, context)


@_operators
@require_safe
def event_list(request: SignedIn) -> HttpResponse:
    """Events, narrowed."""
    asked = Asked.of(request.GET)
    page = finding.events(asked)
    context = {"kinds": [kind for kind, _ in Event.KINDS]}
    return _list(request, "operating/events.html", "Events", asked, page, context)


@_operators
@require_safe
def event_detail(request: SignedIn, pk: int) -> HttpResponse:
    """The whole way of one message."""
    event = get_object_or_404(Event.objects.select_related("room", "about__room"), pk=pk)
    way = following.way_of(event)
    context: dict[str, Any] = {"way": way, "event": event}
    context["stops"] = [(stop, acts.possible(stop.delivery, request.user)) for stop in way.stops]
    return _render(request, "operating/event.html", f"Event {event.pk}", context)


@_operators
@require_safe
def lane_detail(request: SignedIn, pk: int) -> HttpResponse:
    """A Seat with its lane, its account and its Tubes."""
    seat = get_object_or_404(Seat.objects.select_related("room", "account", "owner"), pk=pk)
    lane = following.lane_of(seat)
    context = {
        "lane": lane,
        "seat": seat,
        "acts": acts.possible(seat, request.user),
        "account_acts": acts.possible(seat.account, request.user),
        "tubes": [(tube, acts.possible(tube, request.user)) for tube in lane.tubes],
        "rows": [(delivery, acts.possible(delivery, request.user)) for delivery in lane.waiting],
    }
    return _render(request, "operating/lane.html", str(seat), context)


@_operators
@require_safe
def account_detail(request: SignedIn, pk: int) -> HttpResponse:
    """An account, and the Seats it has."""
    account = get_object_or_404(LinkedAccount.objects.select_related("owner"), pk=pk)
    seats = account.seats.select_related("room", "account").order_by("-pk")[: following.MOST]
    context = {"account": account, "acts": acts.possible(account, request.user), "seats": seats}
    return _render(request, "operating/account.html", str(account), context)


@_operators
@require_safe
def find(request: SignedIn) -> HttpResponse:
    """To the event that an id names."""
    text = request.GET.get("id", "").strip()[:255]
    event = finding.event_of(text) if text else None
    if event is None:
        messages.error(request, f"Nothing is known under the id “{text}”: too old, or of another Sameroom.")
        return redirect(HOME)
    return redirect("admin:operating_event", event)


@_operators
@require_http_methods(["GET", "POST"])
def act_page(request: SignedIn, name: str, pk: int) -> HttpResponse:
    """Ask, where it cannot be undone, then do it, and go back to where it was asked for."""
    act = acts.ACTS.get(name)
    if act is None:
        raise Http404
    if not request.user.has_perm(act.permission):
        raise PermissionDenied
    row = get_object_or_404(act.rows(), pk=pk)
    back = _back(request)
    if request.method == "GET":
        context = {"act": act, "about": acts.about(row), "back": back}
        return _render(request, "operating/act.html", f"{act.label}: {row}", context)
    try:
        acts.do(act, row, request.user)
    except acts.Refused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{row}: {act.done}")
    return redirect(back)


@_operators
@require_POST
def act_on_all(request: SignedIn, name: str) -> HttpResponse:
    """Do something to all rows of a page of a list, or to all that the list finds; ask first where it
    cannot be undone, or is about rows that nobody has seen."""
    act = acts.ACTS.get(name)
    if act is None or not act.for_many:
        raise Http404
    if not request.user.has_perm(act.permission):
        raise PermissionDenied
    back, is_found = _back(request), "found" in request.POST
    found = _all_found(act, request.POST["found"]) if is_found else []
    ids = [row.pk for row in found] if is_found else _named(request.POST.getlist("row"))
    if (act.asks or is_found) and "sure" not in request.POST:
        context = {"act": act, "ids": ids, "back": back, "is_most": len(ids) == acts.AT_ONCE}
        context["about"] = acts.about_all(found)
        return _render(request, "operating/act.html", f"{act.label}: {len(ids)} deliveries", context)
    done, refused = acts.do_all(act, act.rows().filter(pk__in=ids).order_by("pk"), request.user)
    if done:
        messages.success(request, f"{act.done} {done} of {len(ids)}.")
    for why, times in refused.most_common():
        messages.error(request, f"Not for {times}: {why}")
    return redirect(back)


def _named(row_ids: list[str]) -> list[int]:
    return [int(pk) for pk in row_ids if pk.isdecimal() and len(pk) < 19][: acts.AT_ONCE]


def _all_found(act: acts.Act, query: str) -> list[Delivery]:
    """What a list of this address finds, where the act fits."""
    found = finding.all_deliveries(Asked.of(QueryDict(query)), acts.AT_ONCE)
    return [delivery for delivery in found if act.fits(delivery)]


def _back(request: SignedIn) -> str:
    """The page of ours that was left."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if ours and wanted.startswith("/") else reverse(HOME)


def _list(
    request: SignedIn,
    template: str,
    title: str,
    asked: Asked,
    page: finding.Page[Any],
    context: dict[str, Any],
) -> HttpResponse:
    """A list, with where it leads on to."""
    kept = [("seat", asked.seat), ("reason", asked.reason), ("since", asked.since), ("until", asked.until)]
    leads = {
        "older": asked.query(before=page.older) if page.older is not None else "",
        "newest": asked.query(),
        "any_time": asked.query(since=None, until=None),
        "any_seat": asked.query(seat=None),
        "any_reason": asked.query(reason=None),
    }
    told = {"page": page, "asked": asked, "kept": kept, "services": _services(), "looked": finding.LOOKED}
    return _render(request, template, title, {**told, **leads, **context})


def _services() -> list[tuple[str, str]]:
    """The services there are, with their names for people."""
    return sorted((kind, service.label) for kind, service in connectors().items())


def _render(request: SignedIn, template: str, title: str, context: dict[str, Any]) -> HttpResponse:
    """A page of the admin."""
    return render(request, template, {**admin.site.each_context(request), "title": title, **context})
