"""The one view for every service's webhooks: checked by its connector, stored, then acknowledged."""

from __future__ import annotations

import logging

from django.db import DatabaseError, InterfaceError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt

from accounts.models import LinkedAccount
from connectors.errors import LoginRejected, UnsupportedAction
from tubes.relay.hooking import secret_of
from tubes.relay.pushing import NotNow, take_push

log = logging.getLogger(__name__)

SOON = "5"  # seconds after which a service may push again


@csrf_exempt
def hook(request: HttpRequest, account_code: str, secret: str) -> HttpResponse:
    """Take a push in. 200: stored; 503: again later; 403: not signed as it should be; 400: unreadable."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    try:
        return _take(_account(account_code, secret), request)
    except NotNow as error:
        return _later(str(error))
    except (DatabaseError, InterfaceError) as error:
        log.warning("A push for account %.32r was not stored: %s", account_code, type(error).__name__)
        return _later("The database does not answer.")


def _account(code: str, secret: str) -> LinkedAccount:
    account = LinkedAccount.objects.filter(code=code).first()
    if account is None or not constant_time_compare(secret, secret_of(account)):
        raise Http404
    return account


def _take(account: LinkedAccount, request: HttpRequest) -> HttpResponse:
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        connector = account.connector()
        push = connector.receive(headers, request.body)
    except LoginRejected:
        return HttpResponse("The signature does not fit.\n", status=403, content_type="text/plain")
    except (ValueError, UnsupportedAction):
        return HttpResponse("This cannot be read.\n", status=400, content_type="text/plain")
    # An error of ours from here on is a 500, and the service pushes again: nothing is lost by it.
    take_push(account, push, has_ids=connector.capabilities.message_ids)
    return HttpResponse(push.answer, content_type="text/plain")


def _later(why: str) -> HttpResponse:
    return HttpResponse(f"{why}\n", status=503, headers={"Retry-After": SOON}, content_type="text/plain")
