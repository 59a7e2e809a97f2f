"""A form takes what it asks for, whatever else is sent along: no field of a row behind it."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse

from accounts.models import LinkedAccount, User
from connectors.echo import connector as echo
from tests import factories
from tests.pages.test_options import chosen
from tests.pages.test_portals import OPTIONS
from tubes.models import Portal, Seat, Tube

pytestmark = pytest.mark.django_db

LOGIN = {"team": "acme", "name": "bot", "token": "open-sesame"}
PASSWORDS = {"password1": factories.PASSWORD, "password2": factories.PASSWORD}


@pytest.fixture(autouse=True)
def empty_house() -> Iterator[None]:
    echo.clear()
    yield
    echo.clear()


@pytest.fixture
def eve(client: Client) -> User:
    eve = factories.user("eve@example.com")
    client.force_login(eve)
    return eve


def along(asked: dict[str, str], **wanted: Any) -> dict[str, Any]:
    """What a form asks for, with every column of every row there is: `wanted`, or "on"."""
    columns = {
        name: "on"
        for label in ("accounts", "tubes")
        for model in apps.get_app_config(label).get_models()
        for field in model._meta.concrete_fields
        for name in (field.name, field.attname)
        if name not in {"email", "password", "name", "server", "direction"}
    }
    return columns | wanted | asked


def test_signing_up_gives_no_rights(client: Client) -> None:
    client.post("/user/signup/", along({"email": "new@example.com", **PASSWORDS}, daily_messages="0"))

    user = User.objects.get()
    assert (user.is_staff, user.is_superuser, user.daily_messages, user.onboarded_at) == (
        False,
        False,
        None,
        None,
    )


def test_linking_gives_an_account_to_nobody_else_and_shares_none(client: Client, eve: User) -> None:
    ann = factories.user()

    client.post("/accounts/add/echo/", along(LOGIN, owner=ann.pk, owner_id=ann.pk, kind="slack"))

    [account] = LinkedAccount.objects.all()
    assert (account.owner, account.kind, account.is_shared, account.space) == (
        eve,
        "echo",
        False,
        "echo#acme",
    )
    assert (account.status, account.stream_token) == ("connected", "")


def test_renewing_changes_the_secret_alone(client: Client, eve: User) -> None:
    account = factories.account(eve, credentials=LOGIN, remote_user_id="acme/bot", status="needs_login")
    ann = factories.user()

    client.post(reverse("accounts:account-renew", args=[account.code]), along(LOGIN, owner=ann.pk))

    account.refresh_from_db()
    assert (account.owner, account.is_shared, account.kind) == (eve, False, "echo")


def test_options_leave_a_seat_where_it_is(client: Client, eve: User) -> None:
    seat, other = factories.tube(factories.seat(factories.account(eve))).side_a, factories.seat()
    theirs = {"owner": other.owner_id, "account": other.account_id, "room": other.room_id}
    fixed = ("owner_id", "account_id", "room_id", "code", "hook_id", "failure", "lane_fence")
    before = Seat.objects.values(*fixed).get(pk=seat.pk)

    answer = client.post(
        reverse("tubes:posting-options", args=[seat.code]), along(chosen(direction="in"), **theirs)
    )

    assert answer.status_code == 302
    assert Seat.objects.values(*fixed).get(pk=seat.pk) == before
    assert Seat.objects.get(pk=seat.pk).direction == "in"


def test_portal_is_to_ones_own_room_under_a_key_of_ours(client: Client, eve: User) -> None:
    account = factories.account(eve, credentials=LOGIN, remote_user_id="acme/bot")
    listing, other = factories.listing(account), factories.seat()

    client.post(
        reverse("tubes:portal-new", args=[listing.code]),
        along(
            OPTIONS | {"most_tubes": "", "expires_at": ""},
            seat=other.pk,
            seat_id=other.pk,
            key="guess-me",
            owner=other.owner_id,
        ),
    )

    [portal] = Portal.objects.all()
    assert (portal.seat.owner, portal.seat.account) == (eve, account)
    assert portal.key != "guess-me"
    assert Tube.objects.count() == 0
