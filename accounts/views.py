"""Pages of linked accounts, and the door of an invitation."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from accounts.decorators import SignedIn, live_page
from accounts.forms import ask_secrets_only, is_login_of, known_of
from accounts.invitations import invitation_remember
from accounts.limits import linking_use
from accounts.models import Invitation, LinkedAccount, LinkedAccountQuerySet
from accounts.origins import client_address
from accounts.returning import Goal, goal_of
from accounts.services import LinkRefused, account_link, account_remove
from accounts.tasks import look_up_rooms
from connectors.authorizing import Proof, authorization_of
from connectors.base import Reading
from connectors.forms import CredentialsForm
from connectors.registry import connector_class, connectors
from tubes.relay.hooking import address_of
from tubes.services import portals_of_account, shared_accounts, tubes_of_account


@live_page
@require_GET
def account_list(request: SignedIn) -> HttpResponse:
    """Every linked account, newest first, and the services one can add."""
    accounts = _accounts(request).newest_first().annotate(room_count=Count("listings"))
    context = {
        "accounts": accounts,
        "rows": [(account, _hook_of(account)) for account in accounts],
        "shared": shared_accounts(),
        "services": [{"kind": kind, "label": service.label} for kind, service in connectors().items()],
        "goal": goal_of(request),
    }
    return render(request, "accounts/account_list.html", context)


def _hook_of(account: LinkedAccount) -> str:
    """Where the account's service is to push, if it pushes: for its owner to enter there. Secret; no I/O."""
    service = connector_class(account.kind)
    if service is None or service.capabilities.one_address:
        return ""
    return address_of(account) if service.capabilities.reading is Reading.WEBHOOK else ""


@login_required
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def account_add(request: SignedIn, kind: str) -> HttpResponse:
    """Link an account of any service: its connector brings the form and the steps beside it."""
    service = connector_class(kind)
    if service is None:
        raise Http404(f"There is no service {kind!r}.")
    if request.method == "POST":
        linking_use(request)
    form = service.credentials_form(request.POST or None, connector_class=service)
    return _link(request, form, {"kind": kind, "label": service.label})


@login_required
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def account_renew(request: SignedIn, account_code: str) -> HttpResponse:
    """Ask for the secret again, and for nothing else."""
    account = get_object_or_404(_accounts(request), code=account_code)
    service = connector_class(account.kind)
    if service is None:
        raise Http404(f"There is no service {account.kind!r}.")
    if request.method == "POST":
        linking_use(request)
    form = service.credentials_form(request.POST or None, connector_class=service)
    ask_secrets_only(form, known=known_of(account))
    if request.method == "POST" and form.is_valid() and not is_login_of(form, account):
        form.add_error(None, f"This logs in as another user than {account}. Use a token of that one.")
    return _link(request, form, {"kind": account.kind, "label": service.label, "account": account})


def _link(request: SignedIn, form: CredentialsForm, context: dict[str, Any]) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        try:
            return link(request, form, is_renewed="account" in context)
        except LinkRefused as refusal:
            form.add_error(None, str(refusal))
    place = f"connectors/{context['kind']}"
    context |= {"form": form, "steps": f"{place}/setup.html"}
    if way := authorization_of(form.connector_class):
        context |= {"authorization": way, "authorize": f"{place}/authorize.html"}
    return render(request, "accounts/account_add.html", context)


def link(request: SignedIn, proof: Proof, *, is_renewed: bool) -> HttpResponse:
    """Link the account that has just logged in, have its rooms looked up, and go on. LinkRefused."""
    account = account_link(owner=request.user, form=proof, address=client_address(request))
    # Robust: without a broker the account is linked all the same, and the hourly listing finds it.
    transaction.on_commit(lambda: look_up_rooms(account), robust=True)
    goal = goal_of(request)
    messages.success(request, _linked(account, goal, is_renewed=is_renewed))
    return redirect(goal.path if goal else "accounts:account-list")


def _linked(account: LinkedAccount, goal: Goal | None, *, is_renewed: bool) -> str:
    if is_renewed or account.seats.exists():
        return f"{account} works again. What was said meanwhile follows now."
    if goal:
        return f"{account} is linked. Its rooms are being looked up."
    return f"{account} is linked. Now open a Tube from one of its rooms."


@login_required
@require_http_methods(["GET", "POST"])
def account_remove_page(request: SignedIn, account_code: str) -> HttpResponse:
    """Ask, with the rooms affected; then remove."""
    account = get_object_or_404(_accounts(request), code=account_code)
    if request.method == "POST":
        account_remove(account=account, address=client_address(request))
        messages.success(request, f"{account} is removed.")
        return redirect("accounts:account-list")
    context = {
        "account": account,
        "tubes": tubes_of_account(account),
        "portals": portals_of_account(account),
    }
    return render(request, "accounts/account_remove.html", context)


@never_cache
@require_GET
def invitation_accept(request: HttpRequest, invitation_code: str) -> HttpResponse:
    """Remember who was invited, and go on to sign up."""
    if request.user.is_authenticated:
        messages.info(request, "You are signed in already, so you need no invitation.")
        return redirect("accounts:account-list")
    invitation = Invitation.objects.filter(code=invitation_code, used_by=None).first()
    if invitation is None:
        return render(request, "accounts/invitation_gone.html", status=404)
    invitation_remember(request=request, invitation=invitation)
    return redirect("account_signup")


def _accounts(request: SignedIn) -> LinkedAccountQuerySet:
    """The viewer's accounts. Secrets stay unread until somebody logs in with them."""
    return LinkedAccount.objects.owned_by(request.user)
