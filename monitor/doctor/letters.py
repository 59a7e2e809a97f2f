"""Mail: whether the mail server lets us in. Nothing is sent, unless somebody names an address to send to."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from datetime import timedelta
from email.utils import parseaddr
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.core.validators import validate_email

from accounts.models import Letter
from connectors.findings import Finding, error, ok, warning
from sameroom import clock

PATIENCE: Final = 6.0  # seconds for one answer of the mail server
_SMTP: Final = "django.core.mail.backends.smtp.EmailBackend"
_WAITING_LONG: Final = timedelta(minutes=15)
_IN_PLACES: Final = ("console", "filebased", "dummy")  # backends by which nobody gets a mail
_TEXT: Final = "This is the mail that `manage.py doctor --mail` sends. It arrived, so Sameroom's mails do."


def mail(to: str = "") -> Iterator[Finding]:
    """Connects and logs in; sends one mail where `to` is an address. Network and database I/O."""
    yield from _sender()
    backend = settings.EMAIL_BACKEND
    if any(f".{name}." in backend for name in _IN_PLACES):
        where = "EMAIL_URL is not set to a mail server: mails are printed or kept, and reach nobody"
        if settings.LOCAL or settings.DEBUG:
            yield ok(f"{where}. For a try-out that will do.")
        else:
            yield error(f"{where}.", "Set EMAIL_URL to a mail server, as .env.example shows.")
    elif backend == _SMTP:
        yield _log_in()
    if to:
        yield _send(to)
    yield from _waiting()


def _sender() -> Iterator[Finding]:
    try:
        validate_email(parseaddr(settings.DEFAULT_FROM_EMAIL)[1])
    except ValidationError:
        if not (settings.LOCAL or settings.DEBUG):
            yield error(
                f"DEFAULT_FROM_EMAIL is {settings.DEFAULT_FROM_EMAIL!r}, which is no address: mails are "
                "refused.",
                "Set it to an address of a domain of yours: Sameroom <noreply@example.org>.",
            )


def _log_in() -> Finding:
    server = f"The mail server {settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    connection: Any = get_connection(timeout=min(settings.EMAIL_TIMEOUT, PATIENCE))  # of _SMTP
    try:
        connection.open()
        connection.connection.noop()
    except Exception as failure:  # noqa: BLE001 - whatever it is, it is told without what it was given
        return _refusal(server, failure)
    finally:
        connection.close()
    if not (settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL) and settings.EMAIL_HOST_PASSWORD:
        return warning(
            f"{server} takes our login, but the password goes there without TLS.",
            "Begin EMAIL_URL with smtp+tls:// (port 587) or smtp+ssl:// (port 465).",
        )
    logged_in = " and takes our login" if settings.EMAIL_HOST_USER else ""
    return ok(f"{server} answers{logged_in}.")


def _refusal(server: str, failure: Exception) -> Finding:
    """Never with the server's own words: they may repeat the user name."""
    match failure:
        case smtplib.SMTPAuthenticationError():
            return error(
                f"{server} refuses our login (code {failure.smtp_code}).",
                "Check user and password in EMAIL_URL; signs such as @ and / are written as %40 and %2F.",
            )
        case ssl.SSLError():
            return error(
                f"{server} cannot be talked to by TLS ({failure.reason or type(failure).__name__}).",
                "smtp+tls:// is for port 587, smtp+ssl:// for port 465; the certificate has to fit the "
                "host's name.",
            )
        case smtplib.SMTPServerDisconnected():
            return error(
                f"{server} hangs up, or says nothing.",
                "Check the port in EMAIL_URL: smtp+tls:// is for 587, smtp+ssl:// for 465. Else see the mail "
                "server's own log; perhaps it lets nobody from this machine's address in.",
            )
        case smtplib.SMTPException():
            return error(
                f"{server} does not do what it was asked to ({type(failure).__name__}).",
                "See the mail server's own log; perhaps it lets nobody from this machine's address in.",
            )
        case TimeoutError():
            return error(
                f"{server} does not answer.", "Check host and port in EMAIL_URL, and firewalls on the way."
            )
        case OSError():
            return error(
                f"{server} cannot be reached ({failure.strerror or type(failure).__name__}).",
                "Check host and port in EMAIL_URL, and that the mail server runs.",
            )
    raise failure


def _send(to: str) -> Finding:
    try:
        EmailMessage("Mail from Sameroom's doctor", _TEXT, to=[to]).send()
    except (smtplib.SMTPException, OSError) as failure:
        return error(
            f"The mail to {to} was not taken ({type(failure).__name__}).",
            "Check the address, and whether the mail server may send from DEFAULT_FROM_EMAIL.",
        )
    return ok(f"A mail to {to} was handed over. Whether it arrives, its reader knows; look among spam too.")


def _waiting() -> Iterator[Finding]:
    number = Letter.objects.filter(created_at__lt=clock.now() - _WAITING_LONG).count()
    if number:
        waits = "mail waits" if number == 1 else "mails wait"
        yield warning(
            f"{number} {waits} for more than 15 minutes.",
            "See what the mail server says; after two days a mail is dropped.",
        )
