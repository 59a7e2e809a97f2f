"""Mails about accounts: one for each change, though many ask."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.core import mail

from accounts import letters, outbox, tasks
from accounts.models import Letter, LinkedAccount
from connectors.base import Grant
from connectors.echo.connector import EchoConnector
from connectors.errors import LoginRejected, RetryLater
from sameroom import clock
from sameroom.celery import app
from tests import factories
from tests.relay.conftest import Clock
from tubes.relay import health

pytestmark = pytest.mark.django_db


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved, real = Clock(), clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + moved.ahead)
    return moved


@pytest.fixture(autouse=True)
def queued(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The accounts for which the broker was handed a mail; nobody takes it from there."""
    rung: list[int] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, args, **_: rung.append(args[0]))
    return rung


def look() -> list[str]:
    """What the five-minute look sends; the subjects of all mails so far."""
    for account_id in letters.due():
        letters.write(account_id)
    for letter in Letter.objects.all():
        outbox.post(letter.pk)
    return [message.subject for message in mail.outbox]


def ending(days: float, **extra: Any) -> LinkedAccount:
    return factories.account(remote_user_name="Bot", expires_at=clock.now() + timedelta(days=days), **extra)


def test_an_end_is_told_fourteen_and_three_days_ahead_once_each(time: Clock) -> None:
    account = ending(15)
    assert look() == []

    time.forward(86_400 + 60)
    first = look()
    assert (first, look()) == (["The login of Bot @ Acme ends in 14 days"], first)
    time.forward(11 * 86_400)
    both = look()
    assert both == [*first, "The login of Bot @ Acme ends in 3 days"]
    time.forward(2 * 86_400)
    assert look() == both
    time.forward(2 * 86_400)
    assert look() == both

    [message, _] = mail.outbox
    when = f"{account.expires_at:%-d %B %Y, %H:%M} UTC"
    assert message.to == [account.owner.email]
    assert f"Echo takes the login that Sameroom uses as Bot @ Acme until {when}." in message.body
    assert f"http://127.0.0.1:8000/accounts/{account.code}/renew/" in message.body


def test_a_login_linked_in_its_last_days_is_told_of_once(time: Clock) -> None:
    ending(2.5)

    assert look() == ["The login of Bot @ Acme ends in 3 days"]
    time.forward(2 * 86_400)
    assert len(look()) == 1


def test_a_renewed_login_is_warned_of_again_when_it_ends(time: Clock) -> None:
    account = ending(2)
    assert len(look()) == 1
    LinkedAccount.objects.filter(pk=account.pk).update(expires_at=clock.now() + timedelta(days=365))
    assert len(look()) == 1

    time.forward(352 * 86_400)
    assert len(look()) == 2


def test_a_login_that_does_not_end_or_needs_renewal_anyway_is_not_warned_of() -> None:
    factories.account()
    factories.account(expires_at=None, status="disabled")
    ending(2, status="disabled")

    assert look() == []


def test_a_refused_login_is_told_once_for_each_refusal(
    time: Clock, queued: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    account = factories.account(remote_user_name="Bot")
    with django_capture_on_commit_callbacks(execute=True):
        health.needs_login(account, "HipChat refused this token.")
        health.needs_login(account, "HipChat refused this token.")
    assert queued == [account.pk]

    assert (look(), look()) == (["Bot @ Acme needs a login"], ["Bot @ Acme needs a login"])
    [message] = mail.outbox
    assert message.to == [account.owner.email]
    assert "HipChat refused this token." in message.body
    assert f"/accounts/{account.code}/renew/" in message.body
    renew(account)
    time.forward(60)
    health.needs_login(account, "HipChat refused this token.")
    assert len(look()) == 2


def renew(account: LinkedAccount) -> None:
    LinkedAccount.objects.filter(pk=account.pk).update(
        status="connected", status_since=clock.now(), told_since=None
    )
    account.refresh_from_db()


def test_a_login_that_goes_to_and_fro_by_itself_is_told_once_a_day(time: Clock) -> None:
    account = factories.account(remote_user_name="Bot")
    for _ in range(5):
        health.needs_login(account, "refused")
        look()
        time.forward(3600)
        assert health.recovered(account)
    assert len(mail.outbox) == 1

    time.forward(86_400)
    health.needs_login(account, "refused")
    assert len(look()) == 2


def test_a_login_that_works_again_by_itself_is_told_once_to_who_was_told_of_the_refusal(
    time: Clock, queued: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    account = factories.account(remote_user_name="Bot")
    health.needs_login(account, "refused")
    look()
    queued.clear()
    time.forward(60)

    with django_capture_on_commit_callbacks(execute=True):
        assert health.recovered(account)

    assert queued == [account.pk]
    assert (look(), look()) == (["Bot @ Acme needs a login", "Bot @ Acme works again"],) * 2
    time.forward(86_400)
    health.needs_login(account, "refused")
    look()
    time.forward(60)
    assert health.recovered(account)
    assert look()[2:] == ["Bot @ Acme needs a login", "Bot @ Acme works again"]


def test_a_login_that_its_owner_renewed_or_never_heard_of_is_not_said_to_work_again(time: Clock) -> None:
    renewed, unheard = factories.account(), factories.account()
    health.needs_login(renewed, "refused")
    look()
    renew(renewed)
    health.needs_login(unheard, "refused")
    time.forward(60)

    assert health.recovered(unheard)

    assert len(look()) == 1


def test_many_workers_write_one_mail() -> None:
    account = factories.account()
    health.needs_login(account, "refused")

    for _ in range(3):
        letters.write(account.pk)

    assert Letter.objects.count() == 1


def test_a_mail_is_due_until_it_lies_in_the_outbox(monkeypatch: pytest.MonkeyPatch) -> None:
    account = factories.account()
    health.needs_login(account, "refused")

    def dies(**letter: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(outbox, "put", dies)
        with pytest.raises(KeyboardInterrupt):
            letters.write(account.pk)

    assert letters.due() == [account.pk]
    assert len(look()) == 1


def test_nobody_is_written_to_who_is_not_active_or_not_there() -> None:
    account = ending(2)
    account.owner.is_active = False
    account.owner.save()

    assert look() == []
    letters.write(0)


def test_a_broker_that_is_away_costs_minutes(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    def away(*args: object, **kwargs: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(app, "send_task", away)
    account = factories.account(remote_user_name="Bot")

    with django_capture_on_commit_callbacks(execute=True):
        health.needs_login(account, "refused")

    assert account.status == "needs_login"
    assert look() == ["Bot @ Acme needs a login"]


# ------------------------------------------------------------------ the hourly look


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What the five-minute look queues."""
    asked: list[tuple[str, int]] = []
    for name in ("refresh_rooms", "write_to_owner"):
        task = getattr(tasks, name)
        monkeypatch.setattr(task, "delay", lambda pk, name=name: asked.append((name, pk)))
    return asked


def test_each_account_is_asked_about_once_an_hour_also_one_that_needs_a_login(
    time: Clock, listed: list[tuple[str, int]]
) -> None:
    works, refused = factories.account(), factories.account(status="needs_login")
    factories.account(status="disabled")

    tasks.refresh_stale_accounts()
    assert listed == [
        ("refresh_rooms", works.pk),
        ("refresh_rooms", refused.pk),
        ("write_to_owner", refused.pk),
    ]
    tasks.refresh_rooms(works.pk)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EchoConnector, "granted", refuses)
        tasks.refresh_rooms(refused.pk)
    letters.write(refused.pk)
    outbox.post(Letter.objects.get().pk)
    listed.clear()
    tasks.refresh_stale_accounts()
    assert listed == []
    time.forward(3601)
    tasks.refresh_stale_accounts()
    assert listed == [("refresh_rooms", works.pk), ("refresh_rooms", refused.pk)]


def refuses(self: EchoConnector) -> Grant:
    raise LoginRejected("refused")


def test_what_a_login_may_do_and_until_when_is_asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    account, until = factories.account(scopes=["old"]), clock.now() + timedelta(days=100)
    monkeypatch.setattr(EchoConnector, "granted", lambda self: Grant(["new"], until))

    tasks.refresh_rooms(account.pk)

    account.refresh_from_db()
    assert (account.scopes, account.expires_at) == (["new"], until)
    assert account.connector().login.scopes == ("new",)


def test_a_login_that_works_again_by_itself_is_used_again() -> None:
    account = factories.account(status="needs_login", status_reason="refused")
    seat = factories.seat(account)
    factories.tube(seat)

    tasks.refresh_rooms(account.pk)

    account.refresh_from_db()
    assert (account.status, account.status_reason, account.listings.count()) == ("connected", "", 3)


@pytest.mark.parametrize("error", [LoginRejected("refused"), RetryLater("away")])
def test_a_login_that_is_still_refused_stays_as_it_is(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: EchoConnector) -> Grant:
        raise error

    account = factories.account(status="needs_login", status_reason="refused")
    monkeypatch.setattr(EchoConnector, "granted", fails)

    tasks.refresh_rooms(account.pk)

    account.refresh_from_db()
    assert (account.status, account.status_reason) == ("needs_login", "refused")
    assert account.checked_at is not None
