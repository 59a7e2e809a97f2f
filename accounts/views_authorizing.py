"""Linking an account by its service's own page: there and back again (OAuth 2.0)."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts import authorizing
from accounts.authorizing import Asked
from accounts.decorators import SignedIn
from accounts.forms import is_login_of
from accounts.models import LinkedAccount
from accounts.services import LinkRefused
from accounts.views import link
from connectors.authorizing import Authorization, Authorized, authorization_of, authorized
from connectors.base import Connector
from connectors.errors import ConnectorError
from connectors.registry import connector_class


class Refused(Exception):
    """Nothing was linked; `str(error)` is the sentence for the user."""


@login_required
@never_cache
@require_GET
def account_authorize(request: SignedIn, kind: str) -> HttpResponse:
    """Send the browser to the service's own page, to link an account there."""
    _, way = _offered(kind)
    state = authorizing.begin(request, kind=kind)
    return redirect(way.address(state=state, back=_back(kind)))


@login_required
@never_cache
@require_GET
def account_reauthorize(request: SignedIn, account_code: str) -> HttpResponse:
    """The same, to renew the login of an account."""
    account = get_object_or_404(LinkedAccount.objects.owned_by(request.user), code=account_code)
    way = authorization_of(connector_class(account.kind))
    if way is None:
        return redirect("accounts:account-renew", account.code)
    state = authorizing.begin(request, kind=account.kind, account_code=account.code)
    return redirect(way.address(state=state, back=_back(account.kind)))


@login_required
@never_cache
@require_GET
def account_authorized(request: SignedIn, kind: str) -> HttpResponse:
    """Take the service's answer: link what it lets us in as, or say why that did not work."""
    service, way = _offered(kind)
    asked = authorizing.take(request, kind=kind, state=request.GET.get("state", ""))
    try:
        if asked is None:
            raise Refused(
                f"This answer of {service.label} belongs to no question of this browser’s, or came too late. "
                "Begin again."
            )
        proof = _proof(request, service, way)
        account = _renewed(request, asked, proof)
        return link(request, proof, is_renewed=account is not None)
    except (Refused, ConnectorError, LinkRefused) as error:
        messages.error(request, str(error))
    if asked and asked.account_code:
        return redirect("accounts:account-renew", asked.account_code)
    return redirect("accounts:account-add", kind)


def _proof(request: SignedIn, service: type[Connector], way: Authorization) -> Authorized:
    """Log in with what the service has answered. Network I/O. Refused, ConnectorError."""
    error, code = request.GET.get("error", ""), request.GET.get("code", "")
    if error or not code:
        raise Refused(way.refusal(error))
    return authorized(service, code=code, back=_back(service.kind))


def _renewed(request: SignedIn, asked: Asked, proof: Authorized) -> LinkedAccount | None:
    """The account whose login was to be renewed, if any. Refused where another one has logged in."""
    if not asked.account_code:
        return None
    account = LinkedAccount.objects.owned_by(request.user).filter(code=asked.account_code).first()
    if account is not None and not is_login_of(proof, account):
        raise Refused(
            f"This logs in as {proof.identity.user_name} at {proof.identity.team_name}, not as {account}. "
            "Begin again, and choose that one."
        )
    return account


def _offered(kind: str) -> tuple[type[Connector], Authorization]:
    service = connector_class(kind)
    way = authorization_of(service)
    if service is None or way is None:
        raise Http404(f"{kind!r} is not linked by redirect here.")
    return service, way


def _back(kind: str) -> str:
    """The address that services send the browser back to; operators register it there."""
    return settings.PUBLIC_URL + reverse("accounts:account-authorized", args=[kind])
