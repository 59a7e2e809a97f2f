"""The public address: whether it leads here, by https, and lets webhooks through."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.http.request import validate_host
from django.urls import reverse

from connectors.findings import Finding, Severity, error, ok, warning
from sameroom import clock

PATIENCE: Final = 5.0  # seconds for one answer
_ENDS_SOON: Final = 14  # days before a certificate's end
_MOST: Final = 4096  # bytes of an answer that are looked at
_FROM_HERE: Final = (
    "Where only this machine cannot reach it (a router that does not lead back), ask from outside."
)


def public() -> Iterator[Finding]:
    """Asks PUBLIC_URL for /healthz, and posts to it as a chat service would. Network I/O."""
    address = urlsplit(settings.PUBLIC_URL)
    host = address.hostname or ""
    if not validate_host(host, settings.ALLOWED_HOSTS):
        yield error(
            f"PUBLIC_URL's host {host} is not among ALLOWED_HOSTS: every page answers 400.",
            f"Add {host} to ALLOWED_HOSTS, or take ALLOWED_HOSTS out.",
        )
    if address.scheme == "https":
        yield from _certificate(host, address.port or 443)
    elif not (settings.LOCAL or settings.DEBUG):
        yield warning(
            "PUBLIC_URL is http: passwords and tokens that people type can be read on the way.",
            "Put a web server with a certificate in front, and begin PUBLIC_URL with https://.",
        )
    with requests.Session() as session:
        session.trust_env = False
        health = _health(session)
        yield health
        if health.severity is Severity.OK:
            yield _front_page(session)
            yield _webhooks(session)


def _health(session: requests.Session) -> Finding:
    """Whether /healthz is ours."""
    where = f"{settings.PUBLIC_URL}{reverse('monitor:healthz')}"
    try:
        status, text, _ = _asked(session, "GET", where)
    except requests.RequestException as failure:
        why, remedy = _why(failure)
        return error(f"{where} {why}.", f"{remedy} {_FROM_HERE}")
    if (status, text) == (200, "ok\n"):
        return ok(f"{where} answers as it should.")
    if status == 400:
        return error(
            f"{where} answers 400: its host is refused.",
            "Add PUBLIC_URL's host to ALLOWED_HOSTS, and restart.",
        )
    if status in (502, 503, 504):
        return error(
            f"{where} answers {status}: the proxy finds no web process.", "See that web runs, and its port."
        )
    return error(
        f"{where} answers {status}, and not as Sameroom does: something else stands at PUBLIC_URL.",
        "Have the proxy pass all paths on to Sameroom unchanged, and check PUBLIC_URL.",
    )


def _why(failure: requests.RequestException) -> tuple[str, str]:
    """What came of it, and what to do."""
    causes = list(_chain(failure))
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return "cannot be asked: its name is not known", "Check PUBLIC_URL, and what the name server says."
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return "refuses the connection", "See that web runs, or the proxy in front of it, and at which port."
    if isinstance(failure, requests.exceptions.SSLError):
        return (
            "cannot be talked to by https",
            "Give the proxy a certificate for this name, or correct PUBLIC_URL.",
        )
    if isinstance(failure, requests.Timeout):
        return "does not answer", "See that web is not stuck (its log), and that no firewall stands between."
    return "breaks off", "See what the proxy's log and that of web say."


def _chain(failure: BaseException) -> Iterator[BaseException]:
    """A failure, and what libraries have wrapped into it."""
    seen: BaseException | None = failure
    while seen is not None:
        yield seen
        inner = getattr(seen, "reason", None) or next((one for one in seen.args if _is_error(one)), None)
        seen = inner if _is_error(inner) else seen.__cause__ or seen.__context__


def _is_error(thing: object) -> bool:
    return isinstance(thing, BaseException)


def _front_page(session: requests.Session) -> Finding:
    """Whether pages come, instead of one redirect after the other."""
    status, _, goal = _asked(session, "GET", f"{settings.PUBLIC_URL}/")
    if status in (301, 302, 307, 308) and goal.rstrip("/") == settings.PUBLIC_URL:
        return error(
            "Every page is sent in circles: Sameroom takes what comes through the proxy for plain http.",
            "Have the proxy set X-Forwarded-Proto, and set TRUSTED_PROXY_COUNT to the number of proxies.",
        )
    if status != 200:
        return error(
            f"The front page answers {status}.",
            "See what the log of web says of it.",
        )
    return ok("The front page comes.")


def _webhooks(session: requests.Session) -> Finding:
    """A push of nobody's has to come as far as our view, which does not know it: 404."""
    status, _, _ = _asked(
        session, "POST", settings.PUBLIC_URL + reverse("tubes:hook", args=["doctor", "doctor"])
    )
    if status == 404:
        return ok("Webhooks come through.")
    return error(
        f"A webhook is answered {status} before it reaches Sameroom: what services push is lost, and found "
        "later only where they can be asked.",
        "Have the proxy pass POST to /hooks/ on without a login, a check of its own, or a redirect.",
    )


def _asked(session: requests.Session, method: str, url: str) -> tuple[int, str, str]:
    """Status, the beginning of the text, and where it leads on to."""
    with session.request(method, url, timeout=PATIENCE, allow_redirects=False, stream=True) as answer:
        text = answer.raw.read(_MOST, decode_content=True).decode(errors="replace")
        return answer.status_code, text, answer.headers.get("Location", "")


def _certificate(host: str, port: int) -> Iterator[Finding]:
    """How long the certificate is good for; whether it is, the request afterwards finds out too."""
    try:
        with (
            socket.create_connection((host, port), timeout=PATIENCE) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=host) as sealed,
        ):
            shown = sealed.getpeercert() or {}
    except ssl.SSLCertVerificationError as failure:
        yield error(
            f"The certificate of {host} is refused: {failure.verify_message}.",
            "Have the proxy send the whole chain of a certificate that is issued for this name and still "
            "good.",
        )
        return
    except OSError:
        return  # what does not answer is told once, by the request
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC)
    days = (ends - clock.now()).days
    if days < _ENDS_SOON:
        yield warning(
            f"The certificate of {host} ends in {days} day{'' if days == 1 else 's'}.",
            "Renew it, and see why that was not done by itself.",
        )
    else:
        yield ok(f"The certificate of {host} is good for {days} days.")
