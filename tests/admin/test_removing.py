"""What operators delete goes as if its owner had done it: all of it, by its service, and it is logged."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from accounts.admin_removing import MOST_AT_ONCE
from accounts.models import Letter, LinkedAccount, User
from connectors.echo.connector import EchoConnector
from tests import factories
from tubes.models import Notice, Portal, Seat, Tube

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

USERS = reverse("admin:accounts_user_changelist")


@pytest.fixture
def operator() -> User:
    return factories.user("operator@example.com", is_staff=True, is_superuser=True)


@pytest.fixture
def desk(client: Client, operator: User) -> Client:
    client.force_login(operator)
    return client


@pytest.fixture
def staff(client: Client) -> Callable[..., Client]:
    """The browser of a staff user who has these rights."""

    def signed_in(*codenames: str) -> Client:
        user = factories.user("staff@example.com", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client.force_login(user)
        return client

    return signed_in


@pytest.fixture
def ann() -> User:
    """Somebody with a second step, and with a Tube to a room of somebody else's."""
    ann = factories.user("ann@example.com", first_name="Annabel")
    seat = factories.seat(factories.account(ann, remote_user_name="Ann's bot"))
    factories.tube(seat, factories.seat())
    factories.portal(seat)
    factories.notice(seat)
    Authenticator.objects.create(user=ann, type="totp", data={"secret": "sealed"})
    return ann


def delete_page(row: Model) -> str:
    return reverse(f"admin:accounts_{row._meta.model_name}_delete", args=[row.pk])


def delete(browser: Client, row: Model) -> Any:
    return browser.post(delete_page(row), {"post": "yes"}, follow=True)


def delete_selected(browser: Client, *rows: Model, **more: str) -> Any:
    told = {"action": "delete_selected", "_selected_action": [row.pk for row in rows], **more}
    address = reverse(f"admin:accounts_{rows[0]._meta.model_name}_changelist")
    return browser.post(address, told, follow=True)


def logged() -> list[tuple[str, int, str, str]]:
    rows = LogEntry.objects.order_by("pk")
    return list(rows.values_list("user__email", "action_flag", "object_repr", "change_message"))


def left_of(user_id: int) -> list[int]:
    """How many rows there are of this user's."""
    of_owner = [rows.objects.filter(owner=user_id).count() for rows in (LinkedAccount, Seat, Notice)]
    return [*of_owner, Authenticator.objects.filter(user=user_id).count(), Portal.objects.count()]


def test_page_that_asks_says_what_goes_along(desk: Client, ann: User) -> None:
    page = re.sub(r"\s+", " ", desk.get(delete_page(ann)).text)

    for line in ("Linked accounts: 1", "Open Tubes: 1", "Portals: 1", "the second step"):
        assert line in page
    assert "Echo: Ann&#x27;s bot @ Acme" in page
    assert 'value="Yes, I’m sure"' in page


def test_user_with_a_second_step_and_tubes_is_removed_told_and_logged(
    desk: Client, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []
    monkeypatch.setattr(EchoConnector, "sign_out", lambda self: ended.append(self.login.user_id))
    other = Tube.objects.get().side_b.owner
    login, pk = ann.linked_accounts.get().remote_user_id, ann.pk

    answer = delete(desk, ann)

    assert "was deleted successfully" in answer.text
    assert not User.objects.filter(pk=pk).exists()
    assert left_of(pk) == [0, 0, 0, 0, 0]
    assert (ended, Tube.objects.count()) == ([login], 0)
    assert Notice.objects.filter(owner=other).count() == 1
    [letter] = Letter.objects.filter(to="ann@example.com")
    assert "was deleted by an operator on " in letter.text
    assert "tell whoever runs" not in letter.text
    assert logged() == [
        (
            "operator@example.com",
            DELETION,
            "a deleted user",
            "Removed, with linked accounts: 1, open Tubes: 1, Portals: 1.",
        )
    ]


@pytest.mark.django_db(transaction=True)
def test_services_are_told_outside_of_transactions(
    desk: Client, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    were: list[bool] = []
    monkeypatch.setattr(EchoConnector, "sign_out", lambda self: were.append(connection.in_atomic_block))

    delete(desk, ann)
    delete(desk, factories.account())

    assert were == [False, False]


def test_several_are_removed_at_once(desk: Client, ann: User) -> None:
    bob = factories.tube().side_a.owner

    asked = delete_selected(desk, ann, bob)
    answer = delete_selected(desk, ann, bob, post="yes")

    assert "Linked accounts: 3" in re.sub(r"\s+", " ", asked.text)
    assert "Successfully deleted 2 users." in answer.text
    assert not User.objects.filter(pk__in=[ann.pk, bob.pk]).exists()
    assert [entry[2] for entry in logged()] == ["a deleted user"] * 2


def test_more_than_can_be_waited_for_are_refused(desk: Client) -> None:
    users = [factories.user() for _ in range(MOST_AT_ONCE + 1)]

    answer = delete_selected(desk, *users, post="yes")

    assert "choose fewer" in answer.text
    assert (User.objects.count(), logged()) == (len(users) + 1, [])


def test_right_to_delete_users_is_enough_and_needed(staff: Callable[..., Client], ann: User) -> None:
    refused = delete(staff("change_user", "view_user"), ann)
    still_there = User.objects.filter(pk=ann.pk).exists()
    User.objects.filter(email="staff@example.com").delete()

    done = delete(staff("delete_user", "view_user"), ann)

    assert (refused.status_code, still_there, done.status_code) == (403, True, 200)
    assert not User.objects.filter(email="ann@example.com").exists()


def test_superusers_are_deleted_by_superusers_only(staff: Callable[..., Client], operator: User) -> None:
    browser = staff("delete_user", "change_user", "view_user")

    answers = [
        delete(browser, operator).status_code,
        delete_selected(browser, operator, post="yes").status_code,
    ]

    assert answers == [403, 403]
    assert User.objects.filter(pk=operator.pk).exists()


def test_who_may_change_users_gets_no_more_rights_by_it(staff: Callable[..., Client], operator: User) -> None:
    browser = staff("change_user", "view_user")
    me = User.objects.get(email="staff@example.com")
    form = {"email": me.email, "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    dates = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    right = Permission.objects.get(codename="delete_user").pk

    page = reverse("admin:accounts_user_change", args=[me.pk])
    changed = browser.post(page, {**form, **dates, "first_name": "Max", "user_permissions": [right]})
    of_operator = browser.post(reverse("admin:accounts_user_change", args=[operator.pk]), {**form, **dates})
    password = browser.get(reverse("admin:auth_user_password_change", args=[operator.pk]))

    me.refresh_from_db()
    assert (changed.status_code, of_operator.status_code, password.status_code) == (302, 403, 403)
    assert (me.first_name, me.is_superuser, me.is_staff) == ("Max", False, True)
    assert not me.user_permissions.filter(pk=right).exists()


def test_superuser_gives_rights(desk: Client, ann: User) -> None:
    form = {"email": ann.email, "is_active": "on", "is_staff": "on"}
    dates = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}

    desk.post(reverse("admin:accounts_user_change", args=[ann.pk]), {**form, **dates})

    ann.refresh_from_db()
    assert ann.is_staff


def test_own_user_is_deleted_elsewhere(desk: Client, operator: User) -> None:
    asked, answer = desk.get(delete_page(operator)), delete(desk, operator)

    assert "delete it under Your data" in asked.text
    assert "delete it under Your data" in answer.text
    assert User.objects.filter(pk=operator.pk).exists()


def test_who_holds_shared_accounts_stays_and_the_page_says_which(desk: Client, ann: User) -> None:
    factories.account(ann, is_shared=True, remote_user_name="House bot")

    answer = delete(desk, ann)

    assert "House bot @ Acme: an account of Sameroom&#x27;s own. Remove it first." in answer.text
    assert User.objects.filter(pk=ann.pk).exists()
    assert (logged(), Letter.objects.count()) == ([], 0)


def test_account_with_seats_is_removed_told_and_logged(desk: Client, ann: User) -> None:
    account = ann.linked_accounts.get()
    pk = account.pk

    asked = re.sub(r"\s+", " ", desk.get(delete_page(account)).text)
    answer = delete(desk, account)

    assert "Seats: 1" in asked
    assert "Open Tubes: 1" in asked
    assert "was deleted successfully" in answer.text
    assert (LinkedAccount.objects.filter(pk=pk).count(), Tube.objects.count()) == (0, 0)
    [letter] = Letter.objects.filter(to="ann@example.com")
    assert "by an operator on " in letter.text
    assert "change your password" not in letter.text
    [entry] = logged()
    assert entry[1:] == (DELETION, f"Echo account {pk}", "Removed, with Seats: 1, open Tubes: 1.")


def test_form_of_another_site_deletes_nobody(operator: User, ann: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(operator)

    assert browser.post(delete_page(ann), {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=ann.pk).exists()


def test_what_gives_rights_is_changed_by_superusers_only(
    staff: Callable[..., Client], operator: User, client: Client
) -> None:
    group = Group.objects.create(name="Helpers")
    address = EmailAddress.objects.create(user=operator, email=operator.email, verified=True)
    mine = EmailAddress.objects.create(user=factories.user(), email="ceo@example.com", verified=False)
    pages = {
        reverse("admin:auth_group_change", args=[group.pk]): {"name": "Superhelpers"},
        reverse("admin:auth_group_add"): {"name": "More"},
        reverse("admin:account_emailaddress_change", args=[address.pk]): {"email": "me@evil.example"},
        reverse("admin:account_emailaddress_add"): {"user": operator.pk, "email": "me@evil.example"},
        reverse("admin:account_emailaddress_delete", args=[address.pk]): {"post": "yes"},
    }
    rights = [
        f"{act}_{what}" for act in ("add", "change", "delete", "view") for what in ("group", "emailaddress")
    ]
    browser = staff(*rights)

    refused = [browser.post(page, form).status_code for page, form in pages.items()]
    looked = browser.get(reverse("admin:account_emailaddress_changelist")).status_code
    confirm = {"action": "make_verified", "_selected_action": [mine.pk]}
    browser.post(reverse("admin:account_emailaddress_changelist"), confirm)
    mine.refresh_from_db()
    client.force_login(operator)
    taken = client.post(reverse("admin:auth_group_change", args=[group.pk]), {"name": "Superhelpers"})

    assert refused == [403] * len(pages)
    assert (looked, taken.status_code, mine.verified) == (200, 302, False)
    assert EmailAddress.objects.filter(email="me@evil.example").count() == 0
    assert EmailAddress.objects.filter(pk=address.pk).exists()
    assert list(Group.objects.values_list("name", flat=True)) == ["Superhelpers"]
