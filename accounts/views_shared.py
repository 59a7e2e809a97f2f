"""The page of a shared account: a code to type in the room it was invited to, and the rooms proved by one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.decorators import SignedIn, live_page
from accounts.forms import RoomNameForm
from accounts.models import LinkedAccount
from connectors.markup.sanitize import clean_text
from tubes.models import RoomClaim, RoomListing
from tubes.services import ClaimRefused, claim_begin, claim_code, listing_forget, shared_accounts


@live_page
@require_http_methods(["GET", "POST"])
def shared_account(request: SignedIn, shared_code: str) -> HttpResponse:
    """Ask for a code, see whether it was read, and see which rooms were proved. Live while a code is out."""
    account = next((one for one in shared_accounts() if one.code == shared_code), None)
    if account is None:
        raise Http404("There is no such account of Sameroom's own.")
    if "forget" in request.POST:
        return _forget(request, account)
    form = RoomNameForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            claim_begin(owner=request.user, account=account, room_name=form.cleaned_data["room_name"])
        except ClaimRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("accounts:shared-account", account.code)
    context = {"account": account, "form": form, **_standing(request, account)}
    return render(
        request, "accounts/_claim.html" if request.htmx else "accounts/shared_account.html", context
    )


def _standing(request: SignedIn, account: LinkedAccount) -> dict[str, Any]:
    claim = RoomClaim.objects.owned_by(request.user).filter(account=account).order_by("-pk").first()
    is_open = claim is not None and RoomClaim.objects.open().filter(pk=claim.pk).exists()
    return {
        "claim": claim,
        "code": claim_code(claim) if claim is not None and is_open else "",
        "listings": RoomListing.objects.filter(owner=request.user, account=account).order_by("name", "pk"),
    }


def _forget(request: SignedIn, account: LinkedAccount) -> HttpResponse:
    if listing_forget(owner=request.user, account=account, code=clean_text(request.POST["forget"])):
        messages.success(request, "The room is off your list. Tubes that are open stay open.")
    return redirect("accounts:shared-account", account.code)
