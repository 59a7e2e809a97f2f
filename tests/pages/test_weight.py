"""No page of a list weighs more than 60 KB of HTML with as many rows as it shows at once, 50 at the most."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from tests import factories
from tests.pages.test_crossings import passed
from tests.pages.test_undelivered import lost
from tubes.models import Tube

MOST = 60_000  # bytes
ROWS = 50

pytestmark = pytest.mark.django_db


def accounts(owner: Any) -> str:
    for number in range(ROWS):
        factories.account(owner, team=f"northline-{number}", remote_user_name="Sameroom Bot")
    return reverse("accounts:account-list")


def rooms(owner: Any) -> str:
    account = factories.account(owner, team="northline-logistics", remote_user_name="Sameroom Bot")
    for number in range(ROWS + 1):
        factories.listing(account, f"Customer support {number}")
    return reverse("tubes:tube-open")


def rooms_for_side_b(owner: Any) -> str:
    rooms(owner)
    listing = factories.listing(factories.account(owner), "Lobby")
    return reverse("tubes:tube-open-side-b", args=[listing.code])


def tubes(owner: Any, **extra: Any) -> str:
    here, there = (factories.account(owner, team=team) for team in ("northline", "acme-engineering"))
    for number in range(ROWS):
        near = factories.seat(here, factories.room(f"customer-support-{number}"))
        factories.tube(near, factories.seat(there, factories.room(f"help-desk-{number}")), **extra)
    return reverse("tubes:tube-list")


def paused_tubes(owner: Any) -> str:
    return tubes(owner, status="paused")


def portals(owner: Any) -> str:
    account = factories.account(owner, team="northline")
    for number in range(ROWS):
        factories.portal(factories.seat(account, factories.room(f"customer-support-{number}")))
    return reverse("tubes:tube-list")


def notices(owner: Any) -> str:
    seat = factories.tube(factories.seat(factories.account(owner))).side_a
    text = "A message from Customer support could not be delivered to Help desk: Echo refused the message."
    for number in range(ROWS):
        factories.notice(seat, f"{text} ({number})")
    return reverse("tubes:notice-list")


def log(owner: Any) -> str:
    tube = one_tube(owner)
    for _ in range(ROWS + 1):
        passed(tube.side_b, tube.side_a)
    return reverse("tubes:crossing-list", args=[tube.code])


def undelivered(owner: Any) -> str:
    tube = one_tube(owner)
    for _ in range(ROWS + 1):
        lost(tube, "Has the parcel for Oslo left already, or is it still standing in the yard?")
    return reverse("tubes:undelivered-list", args=[tube.code])


def one_tube(owner: Any) -> Tube:
    near = factories.seat(factories.account(owner), factories.room("customer-support"))
    return factories.tube(
        near, factories.seat(factories.account(owner, team="globex"), factories.room("help-desk"))
    )


@pytest.mark.parametrize(
    "made",
    [
        *(accounts, rooms, rooms_for_side_b, tubes, paused_tubes, portals, notices, log, undelivered),
    ],
)
def test_a_page_of_fifty_rows_is_light(page, ann, made: Callable[[Any], str]) -> None:
    path = made(ann)

    response = page.get(path)

    assert response.status_code == 200
    assert len(response.content) < MOST
