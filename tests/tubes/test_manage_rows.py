from datetime import timedelta

import pytest

from sameroom import clock
from tests import factories
from tubes.filters import ManageFilter
from tubes.manage_rows import PortalRow, Row, page_of, rows_of
from tubes.models import Portal, Tube

pytestmark = pytest.mark.django_db


def everything() -> ManageFilter:
    return ManageFilter({})


def test_tubes_and_portals_come_mixed_by_age_with_what_a_page_says_of_them() -> None:
    owner = factories.user()
    account = factories.account(owner)
    start = clock.now() - timedelta(hours=1)

    def at(minute: int) -> dict[str, object]:
        return {"created_at": start + timedelta(minutes=minute)}

    portal = factories.portal(factories.seat(account), **at(1))
    tube = factories.tube(
        portal.seat, factories.seat(factories.account(team="globex")), portal=portal, **at(2)
    )
    factories.tube(portal.seat, factories.seat(account), portal=portal, status="closed", **at(3))
    newest = factories.portal(factories.seat(account), **at(4))
    factories.portal(factories.seat(account), deleted_at=clock.now(), **at(5))

    page = page_of(owner, everything(), "1")
    rows = rows_of(page.object_list, owner)

    assert list(page) == [newest, tube, portal]
    assert [type(row) for row in rows] == [PortalRow, Row, PortalRow]
    assert [row.open_tubes for row in rows if isinstance(row, PortalRow)] == [0, 1]
    assert [row.address for row in rows if isinstance(row, PortalRow)] == [
        f"http://127.0.0.1:8000/p/{newest.key}",
        f"http://127.0.0.1:8000/p/{portal.key}",
    ]


def test_a_page_holds_fifty_whatever_they_are() -> None:
    account = factories.account()
    for _ in range(26):
        seat = factories.seat(account)
        factories.portal(seat)
        factories.tube(seat, factories.seat(account))

    first, second = (page_of(account.owner, everything(), number) for number in ("1", "2"))

    assert [len(list(page)) for page in (first, second)] == [50, 2]
    assert {*first, *second} == {*Tube.objects.all(), *Portal.objects.all()}
