"""Pages of one's own data: what there is, taking it along, and deleting one's user."""

from __future__ import annotations

from typing import Any

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts.decorators import SignedIn
from accounts.exporting import pieces
from accounts.forms import LeaveForm
from accounts.leaving import LeaveRefused, losses_of, user_remove
from accounts.origins import client_address
from sameroom import clock


@login_required
@never_cache
@require_GET
def own_data(request: SignedIn) -> HttpResponse:
    """What one may take along, and the way out."""
    return render(request, "accounts/own_data.html")


@login_required
@never_cache
@require_GET
def own_data_export(request: SignedIn) -> StreamingHttpResponse:
    """Everything that Sameroom knows of the viewer, without secrets, as a file."""
    name = f"sameroom-{clock.now():%Y-%m-%d}.json"
    return StreamingHttpResponse(
        pieces(request.user),
        content_type="application/json; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@login_required
@reauthentication_required  # type: ignore[untyped-decorator]  # by the password, however short ago somebody signed in
@never_cache
@require_http_methods(["GET", "POST"])
def user_delete(request: SignedIn) -> HttpResponse:
    """Ask, with what goes; then delete."""
    form = LeaveForm(request.POST or None, email=request.user.email)
    if request.method == "POST" and form.is_valid():
        try:
            user_remove(user=request.user, address=client_address(request))
        except LeaveRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            logout(request)
            messages.success(request, "Your user and everything of yours is deleted.")
            return redirect("home")
    accounts, tubes = losses_of(request.user)
    context: dict[str, Any] = {"form": form, "accounts": accounts, "tube_count": tubes}
    return render(request, "accounts/user_delete.html", context)
