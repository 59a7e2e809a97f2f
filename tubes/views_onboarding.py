"""The first steps: how far a newcomer is, asked again by itself, and putting them away."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.http import require_GET

from accounts.decorators import SignedIn, acting_page, live_page
from tubes.onboarding import steps_done, steps_of
from tubes.services import first_steps_again, first_steps_end
from tubes.undoing import undoable


@live_page
@require_GET
def first_steps(request: SignedIn) -> HttpResponse:
    """The list as it stands; for htmx, 204 where it is as it was seen last."""
    if not request.htmx:
        return redirect("tubes:tube-list")
    steps = steps_of(request.user) or steps_done(request.user)
    if steps is None:
        return HttpResponse()
    if steps.seen == request.GET.get("seen"):
        return HttpResponse(status=204)
    return render(request, "tubes/_first_steps.html", {"first_steps": steps})


@acting_page(back="tubes:tube-list")
def first_steps_end_do(request: SignedIn) -> HttpResponse:
    """Put them away."""
    first_steps_end(user=request.user)
    undo = resolve_url("tubes:first-steps-again")
    undoable(request, "The first steps are put away. Help has them, too.", undo=undo)
    return redirect("tubes:tube-list")


@acting_page(back="tubes:tube-list")
def first_steps_again_do(request: SignedIn) -> HttpResponse:
    """Take that back."""
    first_steps_again(user=request.user)
    return redirect("tubes:tube-list")
