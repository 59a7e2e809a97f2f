"""Mails that outlive what they are about: sent once, tried again, dropped in the end."""

import smtplib
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from accounts import outbox, tasks
from accounts.models import Letter
from sameroom import clock

pytestmark = pytest.mark.django_db


def put() -> Letter:
    outbox.put(to="ann@example.com", subject="Hello", text="Something happened.")
    return Letter.objects.latest("pk")


def subjects() -> list[str]:
    return [message.subject for message in mail.outbox]


def test_a_mail_is_sent_once_though_many_ask_and_then_forgotten() -> None:
    letter = put()

    for _ in range(3):
        outbox.post(letter.pk)

    assert (subjects(), mail.outbox[0].to, Letter.objects.count()) == (["Hello"], ["ann@example.com"], 0)


def test_a_mail_rings_a_worker_and_is_found_without_a_ring(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    rung: list[Any] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, args, **_: rung.append((name, args)))
    with django_capture_on_commit_callbacks(execute=True):
        letter = put()
    assert rung == [("accounts.tasks.post_letter", (letter.pk,))]

    monkeypatch.setattr(tasks.post_letter, "delay", outbox.post)
    tasks.refresh_stale_accounts()

    assert subjects() == ["Hello"]


def test_a_broker_that_is_away_costs_minutes(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    def away(*args: object, **kwargs: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(current_app, "send_task", away)
    with django_capture_on_commit_callbacks(execute=True):
        letter = put()

    assert outbox.due() == [letter.pk]


@pytest.mark.parametrize(
    ("error", "kept"), [(ConnectionRefusedError("away"), 1), (smtplib.SMTPRecipientsRefused({}), 0)]
)
def test_a_mail_server_that_is_away_is_tried_again_and_one_that_refuses_is_not(
    error: Exception, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = put()

    def fails(self: EmailBackend, messages: list[Any]) -> int:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(EmailBackend, "send_messages", fails)
        outbox.post(letter.pk)
    assert (Letter.objects.count(), outbox.due()) == (kept, [])

    Letter.objects.update(next_try_at=clock.now())
    for pk in outbox.due():
        outbox.post(pk)
    assert len(subjects()) == kept


def test_a_mail_that_could_not_be_sent_for_days_is_dropped() -> None:
    letter = put()
    Letter.objects.update(created_at=clock.now() - outbox.KEPT - timedelta(minutes=1))

    assert outbox.due() == []
    outbox.post(letter.pk)
    assert (subjects(), Letter.objects.count()) == ([], 0)
