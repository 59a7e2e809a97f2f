"""`manage.py bot_account`: secrets come from standard input, never as arguments."""

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import LinkedAccount
from connectors.echo import connector as echo
from tests import factories
from tubes.models import RoomListing

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _empty_house() -> Any:
    echo.clear()
    yield
    echo.clear()


def run(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    call_command("bot_account", *args)
    return capsys.readouterr().out


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Any:
    def type_in(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    return type_in


ADD = ("add", "echo", "--owner", "op@example.com", "--set", "team=acme", "--set", "name=helper")


def test_an_account_is_shared_with_a_secret_from_standard_input(
    typed: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    operator = factories.user("op@example.com")
    typed("open-sesame\n")

    said = run(capsys, *ADD)

    account = LinkedAccount.objects.get()
    assert (account.owner, account.is_shared, account.credentials["token"]) == (operator, True, "open-sesame")
    assert said.startswith(f"{account.pk}  ")
    assert "open-sesame" not in said
    assert not RoomListing.objects.exists()  # whose room it is has to be proved
    assert account.rooms_refreshed_at is not None


def test_what_was_personal_becomes_shared_and_its_rooms_are_nobodys(typed: Any) -> None:
    operator = factories.user("op@example.com")
    account = factories.account(operator, remote_user_id="acme/helper")
    factories.listing(account, "Lobby")
    typed("token=open-sesame")

    call_command("bot_account", *ADD)

    assert LinkedAccount.objects.get().is_shared
    assert not RoomListing.objects.exists()


def test_shared_accounts_are_listed_and_removed(typed: Any, capsys: pytest.CaptureFixture[str]) -> None:
    factories.user("op@example.com")
    typed("open-sesame")
    run(capsys, *ADD)
    account = LinkedAccount.objects.get()
    factories.account()

    shown = run(capsys, "list")
    assert shown.split("  ")[:2] == [str(account.pk), "echo"]
    assert "op@example.com  connected  0 proved rooms" in shown
    assert "is removed." in run(capsys, "remove", str(account.pk))
    assert not LinkedAccount.objects.filter(is_shared=True).exists()


@pytest.mark.parametrize(
    ("args", "secret", "sentence"),
    [
        (("add", "fax", "--owner", "op@example.com"), "x", "There is no service 'fax'"),
        (("add", "echo", "--owner", "who@example.com"), "x", "Nobody signs in with who@example.com"),
        (("add", "echo", "--owner", "op@example.com", "--set", "team"), "x", "NAME=VALUE"),
        (("add", "echo", "--owner", "op@example.com", "--set", "tone=a"), "x", "There is no field 'tone'"),
        (("add", "echo", "--owner", "op@example.com", "--set", "token=a"), "x", "token is a secret"),
        (("add", "echo", "--owner", "op@example.com"), "x", "team: "),
        (("remove", "0"), "", "There is no shared account 0."),
    ],
)
def test_what_is_wrong_is_said(args: tuple[str, ...], secret: str, sentence: str, typed: Any) -> None:
    factories.user("op@example.com")
    typed(secret)

    with pytest.raises(CommandError, match=sentence):
        call_command("bot_account", *args)

    assert not LinkedAccount.objects.exists()


def test_a_login_that_somebody_linked_is_not_taken_from_them(typed: Any) -> None:
    factories.user("op@example.com")
    factories.account(remote_user_id="acme/helper")
    typed("open-sesame")

    with pytest.raises(CommandError, match="linked by somebody else"):
        call_command("bot_account", *ADD)
