"""Secrets that end are traded for new ones in time, by one at a time."""

import threading
from datetime import datetime, timedelta

import pytest
from django.db import connection

from accounts import rotating, tasks
from accounts.models import LinkedAccount
from connectors.base import Rotation
from connectors.echo.connector import EchoConnector
from connectors.errors import LoginRejected, RetryLater
from sameroom import clock
from tests import factories

HOUR = timedelta(hours=1)


class Trader:
    """Trades each token once, as services with refresh tokens do."""

    def __init__(self) -> None:
        self.traded: list[str] = []
        self.meanwhile = lambda: None
        self.error: Exception | None = None

    def __call__(self, connector: EchoConnector) -> Rotation:
        token = connector.login.credentials["token"]
        self.traded.append(token)
        self.meanwhile()
        if self.error:
            raise self.error
        return Rotation({"token": f"{token}+"}, clock.now() + 10 * HOUR)


@pytest.fixture
def trader(monkeypatch: pytest.MonkeyPatch) -> Trader:
    made = Trader()
    monkeypatch.setattr(EchoConnector, "rotate", lambda self: made(self))
    return made


def due(ago: timedelta = timedelta(seconds=1), **extra: object) -> LinkedAccount:
    credentials = {"team": "acme", "name": "bot", "token": "one"}
    return factories.account(rotates_at=clock.now() - ago, credentials=credentials, **extra)


def token_of(account: LinkedAccount) -> str:
    account.refresh_from_db()
    return account.credentials["token"]


def in_minutes(at: datetime | None) -> int:
    assert at
    return round((at - clock.now()) / timedelta(minutes=1))


@pytest.mark.django_db
class TestOne:
    def test_what_is_due_is_traded_and_kept(self, trader):
        account = due()

        assert rotating.due() == [account.pk]
        assert rotating.rotate(account.pk)

        assert (token_of(account), in_minutes(account.rotates_at)) == ("one+", 600)
        assert account.credentials["name"] == "bot"  # the rest stays
        assert b"one" not in bytes(account.sealed)
        assert rotating.due() == []

    def test_what_is_not_due_is_left_alone(self, trader):
        later = due(-HOUR)
        never = factories.account()
        refused = due(status="needs_login")

        assert rotating.due() == []
        assert [rotating.rotate(one.pk) for one in (later, never, refused)] == [False] * 3
        assert trader.traded == []

    def test_task_trades_all_that_are_due(self, trader, monkeypatch):
        first, second = due(), due(HOUR)
        monkeypatch.setattr(tasks.rotate_login, "delay", tasks.rotate_login)

        tasks.rotate_logins()

        assert [token_of(first), token_of(second)] == ["one+", "one+"]

    def test_refusal_asks_its_owner_for_a_login(self, trader):
        account = due()
        trader.error = LoginRejected("The app was removed. Add it again.")

        assert not rotating.rotate(account.pk)

        account.refresh_from_db()
        assert (account.status, account.status_reason) == (
            "needs_login",
            "The app was removed. Add it again.",
        )
        assert rotating.due() == []

    def test_trouble_of_the_service_is_tried_again_in_a_minute(self, trader):
        account = due()
        trader.error = RetryLater("Echo is busy.")

        assert not rotating.rotate(account.pk)

        assert (token_of(account), account.status) == ("one", "connected")
        assert in_minutes(account.rotates_at) == 1

    def test_whoever_comes_second_trades_nothing(self, trader):
        account = due()
        trader.meanwhile = lambda: rotating.rotate(account.pk)

        assert rotating.rotate(account.pk)

        assert trader.traded == ["one"]

    def test_login_that_its_owner_renews_meanwhile_stays(self, trader):
        account = due()

        def renew() -> None:
            row = LinkedAccount.objects.get(pk=account.pk)
            row.credentials = {**row.credentials, "token": "renewed"}
            row.rotates_at = None
            row.save()

        trader.meanwhile = renew

        assert not rotating.rotate(account.pk)
        assert (token_of(account), account.rotates_at) == ("renewed", None)

    def test_what_else_is_kept_meanwhile_stays(self, trader):
        account = due()

        def enter() -> None:
            row = LinkedAccount.objects.get(pk=account.pk)
            row.credentials = {**row.credentials, "key of #room": "k"}
            row.save()

        trader.meanwhile = enter

        assert rotating.rotate(account.pk)
        assert token_of(account) == "one+"
        assert account.credentials["key of #room"] == "k"

    def test_account_that_is_removed_meanwhile_is_gone(self, trader):
        account = due()
        trader.meanwhile = lambda: LinkedAccount.objects.filter(pk=account.pk).delete()

        assert not rotating.rotate(account.pk)

    def test_no_transaction_is_open_while_the_service_is_asked(self, trader):
        seen = []
        depth = len(connection.savepoint_ids)
        trader.meanwhile = lambda: seen.append(len(connection.savepoint_ids) - depth)

        rotating.rotate(due().pk)

        assert seen == [0]


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_trades(trader):
    account = due()
    begin = threading.Barrier(6)

    def run() -> None:
        begin.wait()
        try:
            rotating.rotate(account.pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (trader.traded, token_of(account)) == (["one"], "one+")
