"""Pages of notices: what Manage shows of them, all of them, and putting them away."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.template.defaultfilters import pluralize
from django.views.decorators.http import require_GET

from accounts.decorators import SignedIn, acting_page, live_page
from accounts.models import User
from tubes.codes import code_of, find_id
from tubes.models import Notice
from tubes.services import notice_dismiss, notices_dismiss, notices_restore
from tubes.undoing import undoable

ROWS = 20
ON_MANAGE = 3

Coded = tuple[str, Notice]  # with the code that a page names it by


def newest_notices(owner: User) -> dict[str, Any]:
    """What Manage shows of its notices, and how many there are in all. One query, or two."""
    standing = Notice.objects.owned_by(owner).standing().newest_first()
    newest = list(standing[: ON_MANAGE + 1])
    count = len(newest) if len(newest) <= ON_MANAGE else standing.count()
    return {"notices": _coded(newest[:ON_MANAGE]), "notice_count": count}


@live_page
@require_GET
def notice_list(request: SignedIn) -> HttpResponse:
    """All notices that were not dismissed, newest first."""
    standing = Notice.objects.owned_by(request.user).standing().newest_first()
    page = Paginator(standing, ROWS).get_page(request.GET.get("page"))
    return render(request, "tubes/notice_list.html", {"page": page, "notices": _coded(page)})


@acting_page(back="tubes:tube-list")
def notice_dismiss_do(request: SignedIn, notice_code: str) -> HttpResponse:
    """Put one notice away."""
    notice = _notice(request, notice_code)
    if notice_dismiss(notice=notice, by=request.user):
        _offer_back(request, notice, "The notice is put away.")
    return _back(request)


@acting_page(back="tubes:tube-list")
def notices_dismiss_do(request: SignedIn) -> HttpResponse:
    """Put all away that were there when the page was shown; what has come since stays."""
    newest = _notice(request, request.POST.get("up_to", ""))
    count = notices_dismiss(by=request.user, up_to=newest)
    if count:
        _offer_back(request, newest, f"{count} notice{pluralize(count)} put away.")
    return _back(request)


@acting_page(back="tubes:tube-list")
def notice_restore_do(request: SignedIn, notice_code: str) -> HttpResponse:
    """Take back that a notice was put away, and all that went with it."""
    notices_restore(notice=_notice(request, notice_code), by=request.user)
    return _back(request)


def _offer_back(request: SignedIn, notice: Notice, text: str) -> None:
    undoable(request, text, undo=resolve_url("tubes:notice-restore", code_of(notice)))


def _notice(request: SignedIn, code: str) -> Notice:
    mine = Notice.objects.owned_by(request.user)
    pk = find_id(Notice, mine.values_list("pk", flat=True), code)
    if pk is None:
        raise Http404("There is no such notice.")
    return mine.get(pk=pk)


def _back(request: SignedIn) -> HttpResponse:
    return redirect("tubes:notice-list" if request.POST.get("from") == "notices" else "tubes:tube-list")


def _coded(notices: Iterable[Notice]) -> list[Coded]:
    return [(code_of(notice), notice) for notice in notices]
