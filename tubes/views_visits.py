"""Pages of a Portal for those who follow its address: whether it lets them in, picking a room, waiting."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from allauth.core.internal import ratelimit  # its public door lets every GET pass unlimited
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from accounts import returning
from accounts.decorators import SignedIn, acting_page, live_page
from accounts.limits import TooManyTries, joining_uses
from accounts.models import LinkedAccount
from tubes.models import Portal, PortalRequest
from tubes.picking import Visit
from tubes.services import Door, portal_door, portal_request_withdraw
from tubes.views_entering import enter, make, picker_acting

# Who types into the search box asks five times a second.
VISITS = {"stranger": "120/m/ip", "visitor": "600/m/ip,240/m/user"}
STATUS = {Door.DELETED: 410, Door.EXPIRED: 410, Door.FULL: 409, Door.OUT_OF_REACH: 503, Door.OWN: 200}

PortalPage = Callable[..., HttpResponse]


def visited(view: PortalPage) -> PortalPage:
    """For a page of a Portal's visitors: limited in number, and given the Portal once it lets them in.

    Otherwise they read why not.
    """

    @never_cache
    @vary_on_headers("HX-Request")
    @wraps(view)
    def page(request: SignedIn, visited_key: str, **more: str) -> HttpResponse:
        if not _is_within(request):
            raise TooManyTries(60.0)
        if request.user.is_authenticated and request.method == "POST":
            joining_uses(request)  # it calls two services, and mails somebody
        portal = Portal.objects.with_seat().filter(key=visited_key).first()
        if portal is None:
            return render(request, "tubes/portal_unknown.html", status=404)
        visitor = request.user if request.user.is_authenticated else None
        door = portal_door(portal, visitor)
        if door is not Door.OPEN:
            returning.arrived(request)
            context = {"portal": portal, "door": door}
            return render(request, "tubes/portal_shut.html", context, status=STATUS[door])
        return view(request, portal, **more)

    return page


def _is_within(request: HttpRequest) -> bool:
    action = "visitor" if request.user.is_authenticated else "stranger"
    return bool(ratelimit.consume(request, app="tubes.portals", action=action, config=VISITS, limit_get=True))


@visited
@require_http_methods(["GET", "POST"])
def portal_visit(request: SignedIn, portal: Portal) -> HttpResponse:
    """Where a Portal leads to; then the picker of the visitor's own rooms."""
    goal = returning.Goal(portal.path, f"the Portal to {portal.seat.room.name}")
    if not request.user.is_authenticated:
        returning.remember(request, goal)
        return render(request, "tubes/portal_welcome.html", {"portal": portal})
    if LinkedAccount.objects.owned_by(request.user).exists():
        returning.arrived(request)
    else:
        returning.remember(request, goal)
    waiting = PortalRequest.objects.owned_by(request.user).waiting().filter(portal=portal).order_by("-pk")
    return picker_acting(request, Visit(portal), portal=portal, waiting=waiting)


@visited
def visit_enter_do(request: SignedIn, portal: Portal, account_code: str) -> HttpResponse:
    """Enter the room whose address was typed, and join it."""
    if not request.user.is_authenticated:
        return redirect_to_login(portal.path)
    return require_POST(enter)(request, Visit(portal), account_code)


@visited
@login_required
@require_http_methods(["GET", "POST"])
def visit_make_page(request: SignedIn, portal: Portal, account_code: str) -> HttpResponse:
    """Make a room, and join it."""
    return make(request, Visit(portal), account_code)


@live_page
@require_GET
def portal_request(request: SignedIn, request_code: str) -> HttpResponse:
    """What has become of a visitor's request: where asking leads to. While it waits it looks again."""
    mine = PortalRequest.objects.owned_by(request.user).with_rooms()
    wish = get_object_or_404(mine, code=request_code)
    return render(request, "tubes/portal_request.html", {"wish": wish})


@acting_page(back="tubes:tube-list")
def request_withdraw_do(request: SignedIn, request_code: str) -> HttpResponse:
    """Its visitor does not want it any more, or has read that it was declined."""
    mine = PortalRequest.objects.owned_by(request.user)
    portal_request_withdraw(request=get_object_or_404(mine, code=request_code))
    return redirect("tubes:tube-list")


def requests_on_manage(user: object) -> dict[str, list[PortalRequest]]:
    """What Manage shows: whom the viewer decides about, and what the viewer waits for. One query, or two.

    Mostly there is nothing, and a live page asks every two seconds.
    """
    waiting, declined = PortalRequest.Status.WAITING, PortalRequest.Status.DECLINED
    theirs = Q(portal__seat__owner=user, status=waiting)
    own = Q(visitor=user, status__in=[waiting, declined])
    requests = PortalRequest.objects.filter(theirs | own).order_by("-created_at", "-pk")
    ids = list(requests.values_list("pk", flat=True)[:100])
    found = list(requests.filter(pk__in=ids).with_rooms()) if ids else []
    return {
        "asked": [it for it in found if it.visitor != user],
        "wishes": [it for it in found if it.visitor == user],
    }
