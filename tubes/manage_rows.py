"""The one list on Manage: Tubes and Portals, newest first, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.core.paginator import Page, Paginator
from django.db.models import Value
from django.templatetags.static import PrefixNode

from accounts.models import LinkedAccount, User
from tubes.addresses import TubeAddresses
from tubes.filters import ManageFilter
from tubes.models import Portal, Seat, Tube
from tubes.services import (
    Door,
    Standing,
    TubeState,
    flow_of,
    portal_door,
    standing_of,
    tube_state,
    undelivered_words,
)

ROWS = 50


@dataclass(frozen=True, slots=True)
class End:
    """One end of a Tube, or where a Portal leads, as a page shows it."""

    logo: str  # its address
    name: str
    where: str
    is_theirs: bool

    @classmethod
    def of(cls, seat: Seat, viewer: Any) -> End:
        """Of the other party a page names the service, not the team."""
        account, is_theirs = seat.account, seat.owner_id != viewer.pk
        team = "" if is_theirs else account.team_name
        where = f"{team} · {account.label}" if team else account.label
        return cls(_logo(account.kind), seat.room.name, where, is_theirs)


@dataclass(frozen=True, slots=True)
class Row:
    """A Tube as a page shows it."""

    tube: Tube
    state: TubeState
    flow: str  # which way messages may go: both, forward (A to B), back, none
    undelivered: str  # how much did not arrive, a sentence or empty
    mine: list[Seat]  # the viewer's sides, whose options are theirs to set
    a: End
    b: End

    @property
    def key(self) -> str:
        """What the ids of its acts end with: short, as there are many."""
        return self.tube.code[:6]

    @property
    def to(self) -> TubeAddresses:
        """Where its acts lead."""
        return TubeAddresses(self.tube.code)

    @classmethod
    def of(cls, tube: Tube, viewer: Any, known: Standing) -> Row:
        """Of a Tube with its sides, their rooms and accounts. No query."""
        mine = [seat for seat in (tube.side_a, tube.side_b) if seat.owner_id == viewer.pk]
        state = tube_state(tube, viewer, known)
        ends = End.of(tube.side_a, viewer), End.of(tube.side_b, viewer)
        return cls(tube, state, flow_of(tube), undelivered_words(tube, known), mine, *ends)


@dataclass(frozen=True, slots=True)
class PortalRow:
    """A Portal as its owner's page shows it."""

    portal: Portal
    address: str
    door: Door
    open_tubes: int
    end: End

    @classmethod
    def of(cls, portal: Portal, open_tubes: int) -> PortalRow:
        address = f"{settings.PUBLIC_URL}{portal.path}"
        end = End.of(portal.seat, portal.seat.owner)
        return cls(portal, address, portal_door(portal, open_tubes=open_tubes), open_tubes, end)


def page_of(viewer: User, chosen: ManageFilter, number: str | None) -> Page[Any]:
    """One page of those of the viewer's open Tubes and Portals that are chosen.

    Two queries, and two for Tubes, one for Portals, where any are on it; one more where has to be known what
    waits.
    """
    tubes = chosen.tubes(Tube.objects.owned_by(viewer).not_closed(), viewer)
    portals = chosen.portals(Portal.objects.owned_by(viewer).not_deleted())
    both = [
        rows.annotate(is_portal=Value(number)).values_list("created_at", "pk", "is_portal")
        for number, rows in enumerate((tubes, portals))
    ]
    page: Page[Any] = Paginator(
        both[0].union(both[1], all=True).order_by("-created_at", "-pk"), ROWS
    ).get_page(number)
    ids = {kind: [pk for _, pk, is_portal in page.object_list if is_portal == kind] for kind in (0, 1)}
    found: list[dict[int, Any]] = [
        _tubes(ids[0]),
        Portal.objects.with_seat().counted().in_bulk(ids[1]),
    ]
    # What went between the two looks is not there any more.
    page.object_list = [found[kind][pk] for _, pk, kind in page.object_list if pk in found[kind]]
    return page


def _tubes(ids: list[int]) -> dict[int, Tube]:
    """These Tubes with their rooms and accounts. Accounts are few, each is read once. Two queries."""
    tubes = Tube.objects.select_related("side_a__room", "side_b__room").in_bulk(ids)
    seats = [seat for tube in tubes.values() for seat in (tube.side_a, tube.side_b)]
    accounts = LinkedAccount.objects.in_bulk({seat.account_id for seat in seats})
    for seat in seats:
        if seat.account_id in accounts:
            seat.account = accounts[seat.account_id]
    return {
        pk: tube
        for pk, tube in tubes.items()
        if {tube.side_a.account_id, tube.side_b.account_id} <= accounts.keys()
    }


@cache
def _logo(kind: str) -> str:
    """Its plain address, which is shorter than the one with a hash: there are a hundred on a page."""
    return f"{PrefixNode.handle_simple('STATIC_URL')}connectors/{kind}/logo.svg"


def rows_of(page: Sequence[Tube | Portal], viewer: User) -> list[Row | PortalRow]:
    """What Manage shows of each. Two queries."""
    known = standing_of([it for it in page if isinstance(it, Tube)], viewer, only_told=True)
    return [
        Row.of(it, viewer, known) if isinstance(it, Tube) else PortalRow.of(it, it.open_tubes)  # type: ignore[attr-defined]
        for it in page
    ]
