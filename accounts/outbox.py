"""Mails that have to go out, though their cause may be gone: each a row until the mail server has it.

Whoever moves a row's next try on sends it. Where a worker dies in between, a mail may come twice.
"""

from __future__ import annotations

import logging
import smtplib
from datetime import timedelta
from functools import partial

from celery import current_app
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from kombu.exceptions import KombuError

from accounts.models import Letter
from connectors.markup.sanitize import head_line
from sameroom import clock

log = logging.getLogger(__name__)

POST = "accounts.tasks.post_letter"
TRY_AGAIN = timedelta(minutes=5)  # longer than a mail server is waited for
KEPT = timedelta(days=2)  # what could not be sent so long is dropped: it holds somebody's address
AT_ONCE = 200


def put(*, to: str, subject: str, text: str) -> None:
    """Have a mail sent once the caller's transaction has committed, and again if need be. No network I/O."""
    letter = Letter.objects.create(to=to, subject=head_line(subject), text=text)
    transaction.on_commit(partial(_ring, letter.pk), robust=True)


def due() -> list[int]:
    """Mails that wait to be sent; what has waited too long is dropped. Two statements; may be repeated."""
    now = clock.now()
    if dropped := Letter.objects.filter(created_at__lt=now - KEPT).delete()[0]:
        log.warning("%d mails could not be sent within %s and are dropped", dropped, KEPT)
    waiting = Letter.objects.filter(next_try_at__lte=now).order_by("pk")
    return list(waiting.values_list("pk", flat=True)[:AT_ONCE])


def post(letter_id: int) -> None:
    """Send one mail, if nobody else does. Network I/O; may be repeated."""
    letter = Letter.objects.filter(pk=letter_id).first()
    if letter is None:
        return
    now = clock.now()
    mine = Letter.objects.filter(pk=letter.pk, next_try_at=letter.next_try_at, next_try_at__lte=now)
    if not mine.update(next_try_at=now + TRY_AGAIN):
        return
    try:
        get_connection().send_messages([EmailMessage(letter.subject, letter.text, to=[letter.to])])
    except smtplib.SMTPException as error:  # the server has spoken: it would say the same again
        log.warning("A mail was refused: %s", type(error).__name__)
    except OSError as error:
        log.warning("A mail did not go out: %s", type(error).__name__)
        return
    letter.delete()


def _ring(letter_id: int) -> None:
    """Have a worker send it. A ring that is lost costs minutes: the row says what is due."""
    try:
        current_app.send_task(POST, args=(letter_id,), retry=False, ignore_result=True)
    except (KombuError, OSError) as error:
        log.warning("The broker did not take a mail (%s); it is asked again", type(error).__name__)
