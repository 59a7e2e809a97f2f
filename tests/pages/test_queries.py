"""Lists inside other pages: they ask as much for three rows as for one."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from tests import factories
from tubes.models import Mute, RoomListing
from tubes.services import map_link_make

pytestmark = pytest.mark.django_db


def account_remove(owner: Any, rows: int) -> str:
    account = factories.account(owner)
    for _ in range(rows):
        factories.tube(factories.seat(account))
        factories.portal(factories.seat(account))
    return reverse("accounts:account-remove", args=[account.code])


def portal_delete(owner: Any, rows: int) -> str:
    portal = factories.portal(factories.seat(factories.account(owner)))
    for _ in range(rows):
        factories.tube(portal.seat, factories.seat(), portal=portal)
    return reverse("tubes:portal-delete", args=[portal.key])


def portal_close(owner: Any, rows: int) -> str:
    return portal_delete(owner, rows).replace("/delete/", "/close-tubes/")


def muted_people(owner: Any, rows: int) -> str:
    seat = factories.tube(factories.seat(factories.account(owner))).side_a
    for number in range(rows):
        Mute.objects.create(
            seat=seat, kind="echo", space="echo#acme", author_id=str(number), author_name="Eve"
        )
    return reverse("tubes:posting-options", args=[seat.code])


def rooms_of_a_shared_account(owner: Any, rows: int) -> str:
    shared = factories.account(is_shared=True)
    for number in range(rows):
        RoomListing.objects.create(account=shared, owner=owner, name=f"Room {number}", remote_id=str(number))
    return reverse("accounts:shared-account", args=[shared.code])


def network_map(owner: Any, rows: int) -> str:
    seat = factories.seat(factories.account(owner))
    for _ in range(rows):
        factories.tube(seat, factories.seat(factories.account(owner, team="globex")))
    return reverse("tubes:network-map", args=[map_link_make(seat=seat).key])


def asked_on_manage(owner: Any, rows: int) -> str:
    portal = factories.portal(factories.seat(factories.account(owner)), needs_approval=True)
    for number in range(rows):
        factories.portal_request(portal, remote_id=f"garden-{number}")
    return reverse("tubes:tube-list")


def notices(owner: Any, rows: int) -> str:
    seat = factories.tube(factories.seat(factories.account(owner))).side_a
    for number in range(rows):
        factories.notice(seat, f"Thing {number}.")
    return reverse("tubes:notice-list")


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(
    ("made", "queries"),
    [
        (account_remove, 6),
        (portal_delete, 5),
        (portal_close, 5),
        (muted_people, 5),
        (rooms_of_a_shared_account, 6),
        (network_map, 6),
        (asked_on_manage, 11),
        (notices, 5),
    ],
)
def test_a_list_asks_as_much_for_three_rows_as_for_one(
    page: Any,
    ann: Any,
    made: Callable[[Any, int], str],
    queries: int,
    rows: int,
    django_assert_num_queries: Any,
) -> None:
    path = made(ann, rows)
    page.get(path)  # what a process asks but once

    with django_assert_num_queries(queries):
        assert page.get(path).status_code == 200
