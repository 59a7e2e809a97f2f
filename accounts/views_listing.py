"""Looking up an account's rooms anew, and how far that is."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET

from accounts.decorators import SignedIn, acting_page, live_page
from accounts.models import LinkedAccount
from accounts.tasks import look_up_rooms

LISTED = "rooms-listed"  # the event that has a search for rooms done again


@acting_page(back="accounts:account-list")
def account_refresh(request: SignedIn, account_code: str) -> HttpResponse:
    """Have a worker ask the service again which rooms this account may enter; the pages say how far it is."""
    account = get_object_or_404(LinkedAccount.objects.owned_by(request.user), code=account_code)
    if account.is_usable and not account.is_listing and not look_up_rooms(account):
        messages.error(request, "Rooms cannot be looked up at the moment. Try again in a minute.")
    came_from = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(came_from, allowed_hosts=None):
        came_from = resolve_url("accounts:account-list")
    return redirect(came_from)


@live_page
@require_GET
def listing_state(request: SignedIn, account_code: str) -> HttpResponse:
    """How far the lookup is, for htmx; once it has ended, a search that is on the page is done again."""
    accounts = LinkedAccount.objects.owned_by(request.user).annotate(room_count=Count("listings"))
    account = get_object_or_404(accounts, code=account_code)
    response = render(request, "accounts/_listing_state.html", {"account": account})
    if not account.is_listing:
        response["HX-Trigger-After-Settle"] = LISTED
    return response
