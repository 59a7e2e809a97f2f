"""The one view for every service's webhooks: checked by its connector, stored, then acknowledged."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError
from django.db.models import Exists, OuterRef, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt

from accounts.models import LinkedAccount, LinkedAccountQuerySet
from connectors.base import Addressee, Connector
from connectors.errors import LoginRejected, UnsupportedAction
from connectors.markup.sanitize import clean_text
from connectors.registry import connector_class
from tubes.models import Seat
from tubes.relay.hooking import secret_of
from tubes.relay.pushing import NeedsAttention, NotNow, take_push

log = logging.getLogger(__name__)

ACKNOWLEDGED, FORBIDDEN, LATER = 202, 403, 503
# Of the answers for several accounts these count last, in this order; that it is stored counts first.
LAST = (LATER, ACKNOWLEDGED, FORBIDDEN)
SOON = "5"  # seconds after which a service may push again


@csrf_exempt
def hook(request: HttpRequest, account_code: str, secret: str) -> HttpResponse:
    """Take a push in. 200: stored; 503: again later; 403: not signed as it should be; 400: unreadable."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    return _patiently(lambda: _take(_account(account_code, secret), request), account_code)


@csrf_exempt
def service_hook(request: HttpRequest, kind: str) -> HttpResponse:
    """Take a push in that came to the one address of a service. As `hook`, by whose signature it is.

    202: it is theirs whose login is refused; it is not to be pushed again.
    """
    service = connector_class(kind)
    if service is None or not service.capabilities.one_address:
        raise Http404
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    return _patiently(lambda: _hand_out(service, request), kind)


def _hand_out(service: type[Connector], request: HttpRequest) -> HttpResponse:
    """Give a push to the accounts of its team, to each whose signature it bears.

    Where we know none it is acknowledged all the same, and where their logins are refused, too: a service
    that is refused too often stops pushing, also for others.
    """
    try:
        addressee = service.addressed(_headers(request), request.body)
    except (ValueError, UnsupportedAction):
        return _unreadable()
    if addressee.answer:
        return HttpResponse(addressee.answer, content_type="text/plain")
    answers = [_taken_by(account, request) for account in _accounts_of(service, addressee)]
    return min(answers, key=_rank, default=HttpResponse(content_type="text/plain"))


def _rank(answer: HttpResponse) -> int:
    return LAST.index(answer.status_code) + 1 if answer.status_code in LAST else 0


def _taken_by(account: LinkedAccount, request: HttpRequest) -> HttpResponse:
    try:
        return _take(account, request)
    except NeedsAttention:  # which may take days: its service would give up pushing by then
        return HttpResponse(status=ACKNOWLEDGED, content_type="text/plain")
    except NotNow as error:
        return _later(str(error))


def _accounts_of(service: type[Connector], addressee: Addressee) -> LinkedAccountQuerySet:
    """The accounts that a push may be for. Nothing of it is signed yet."""
    meant = Q(team_id=clean_text(addressee.team_id)[:255])
    if room := clean_text(addressee.shared_room)[:255]:
        seats = Seat.objects.in_use().filter(account=OuterRef("pk"), room__remote_id=room)
        meant |= Q(Exists(seats))
    return LinkedAccount.objects.filter(meant, kind=service.kind).order_by("pk")


def _patiently(take: Callable[[], HttpResponse], whose: str) -> HttpResponse:
    try:
        return take()
    except NotNow as error:
        return _later(str(error))
    except (DatabaseError, InterfaceError) as error:
        log.warning("A push for %.32r was not stored: %s", whose, type(error).__name__)
        return _later("The database does not answer.")


def _account(code: str, secret: str) -> LinkedAccount:
    account = LinkedAccount.objects.filter(code=code).first()
    if account is None or not constant_time_compare(secret, secret_of(account)):
        raise Http404
    return account


def _take(account: LinkedAccount, request: HttpRequest) -> HttpResponse:
    try:
        connector = account.connector()
        push = connector.receive(_headers(request), request.body)
    except LoginRejected:
        return HttpResponse("The signature does not fit.\n", status=FORBIDDEN, content_type="text/plain")
    except (ValueError, UnsupportedAction):
        return _unreadable()
    # An error of ours from here on is a 500, and the service pushes again: nothing is lost by it.
    take_push(account, push, has_ids=connector.capabilities.message_ids)
    return HttpResponse(push.answer, content_type="text/plain")


def _headers(request: HttpRequest) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def _unreadable() -> HttpResponse:
    return HttpResponse("This cannot be read.\n", status=400, content_type="text/plain")


def _later(why: str) -> HttpResponse:
    return HttpResponse(f"{why}\n", status=LATER, headers={"Retry-After": SOON}, content_type="text/plain")
