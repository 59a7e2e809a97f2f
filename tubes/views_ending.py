"""Ending things, and taking that back: close a Tube, delete a Portal, close what came through one."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.views.decorators.http import require_http_methods

from accounts.decorators import SignedIn, acting_page
from tubes.filters import ManageFilter
from tubes.models import Portal, Tube
from tubes.models.portals import PortalQuerySet
from tubes.models.tubes import TubeQuerySet
from tubes.services import (
    Followed,
    TubeRefused,
    TubesBack,
    portal_close_tubes,
    portal_delete,
    portal_restore,
    tube_close,
    tube_reopen,
    tubes_of_portal,
)
from tubes.undoing import undoable


def back_to_manage(request: SignedIn) -> HttpResponse:
    """To the list, narrowed as it was."""
    query = ManageFilter(QueryDict(request.POST.get("narrowed", ""))).query
    to = resolve_url("tubes:tube-list")
    return redirect(f"{to}?{query}" if query else to)


@acting_page(back="tubes:tube-list")
def tube_close_do(request: SignedIn, tube_code: str) -> HttpResponse:
    """End a Tube. No question is asked: for a while it can be taken back."""
    tube = get_object_or_404(_tubes(request).not_closed(), code=tube_code)
    if tube_close(tube=tube, by=request.user):
        undo = resolve_url("tubes:tube-reopen", tube.code)
        text = f"The Tube between {tube.side_a.room} and {tube.side_b.room} is closed."
        undoable(request, text, undo=undo)
    return back_to_manage(request)


@acting_page(back="tubes:tube-list")
def tube_reopen_do(request: SignedIn, tube_code: str) -> HttpResponse:
    """Take back that a Tube was closed."""
    tube = get_object_or_404(_closed_tubes(request), code=tube_code)
    try:
        followed = tube_reopen(tube=tube, by=request.user)
    except TubeRefused as refusal:
        messages.error(request, f"The Tube stays closed. {refusal}")
    else:
        text = f"{tube.side_a.room} and {tube.side_b.room} are joined again.{_followed(followed)}"
        messages.success(request, text)
    return back_to_manage(request)


@login_required
@require_http_methods(["GET", "POST"])
def portal_delete_page(request: SignedIn, portal_key: str) -> HttpResponse:
    """Delete; with its Tubes, where its owner says so. GET asks which, where there is anything to ask."""
    portal = get_object_or_404(_portals(request).not_deleted(), key=portal_key)
    if request.method == "POST":
        with_tubes = "with_tubes" in request.POST
        closed = _closed(tubes_of_portal(portal).count()) if with_tubes else ""
        portal_delete(portal=portal, with_tubes=with_tubes)
        undo = resolve_url("tubes:portal-restore", portal.key)
        undoable(request, f"The Portal to {portal.seat.room} is deleted.{closed}", undo=undo)
        return redirect("tubes:tube-list")
    context = {"portal": portal, "tubes": tubes_of_portal(portal)}
    return render(request, "tubes/portal_delete.html", context)


@acting_page(back="tubes:tube-list")
def portal_restore_do(request: SignedIn, portal_key: str) -> HttpResponse:
    """Take back that a Portal was deleted."""
    portal = get_object_or_404(_portals(request), key=portal_key)
    try:
        back = portal_restore(portal=portal)
    except TubeRefused as refusal:
        messages.error(request, f"The Portal stays deleted. {refusal}")
    else:
        text = f"The Portal to {portal.seat.room} is there again, at the same address.{_joined(back)}"
        messages.success(request, text)
        for why in back.stay_closed:
            messages.error(request, f"One of its Tubes stays closed. {why}")
    return redirect("tubes:tube-list")


@login_required
@require_http_methods(["GET", "POST"])
def portal_close_page(request: SignedIn, portal_key: str) -> HttpResponse:
    """Ask, with the rooms affected; then close every Tube that was made through a Portal."""
    portal = get_object_or_404(_portals(request).not_deleted(), key=portal_key)
    if request.method == "POST":
        closed = portal_close_tubes(portal=portal, by=request.user)
        messages.success(request, f"The Portal to {portal.seat.room} is still open.{_closed(closed)}")
        return redirect("tubes:tube-list")
    context = {"portal": portal, "tubes": tubes_of_portal(portal)}
    return render(request, "tubes/portal_close.html", context)


def _closed(count: int) -> str:
    if not count:
        return ""
    return " Its Tube is closed." if count == 1 else f" Its {count} Tubes are closed."


def _joined(back: TubesBack) -> str:
    if not back.joined:
        return ""
    tubes = "Its Tube is open" if back.joined == 1 else f"Its {back.joined} Tubes are open"
    return f" {tubes} again.{_followed(back.followed)}"


def _followed(followed: Followed) -> str:
    """What became of what waited when it was closed; empty where nothing did."""
    text = ""
    if followed.queued:
        text = (
            " 1 message that waited follows."
            if followed.queued == 1
            else (f" {followed.queued} messages that waited follow.")
        )
    if followed.left:
        text += f" {followed.left} that waited cannot: too old, changed since, or overtaken by another way."
    return text


def _tubes(request: SignedIn) -> TubeQuerySet:
    return Tube.objects.owned_by(request.user).with_sides()


def _closed_tubes(request: SignedIn) -> TubeQuerySet:
    """With the Portals they were made through, by which their visitors come back."""
    came_by = (f"portal__seat__{path}" for path in ("room", "account", "owner"))
    return _tubes(request).select_related(*came_by)


def _portals(request: SignedIn) -> PortalQuerySet:
    return Portal.objects.owned_by(request.user).with_seat()
