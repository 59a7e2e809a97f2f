"""How often one may guess, and have mails sent: buckets in the database, so that they hold in every process.

A bucket is a leaking one (GCRA, ITU-T I.371): a row keeps the time at which it is empty again, and a try adds
its share. Who is guessed at must not be shut out by the guesser: whoever has signed in before from a browser
has a bucket of their own there, known by a cookie ("device cookies", OWASP).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from allauth.core.internal.ratelimit import get_ip  # of IPv6 the network, as one household has 2⁶⁴ addresses
from django.conf import settings
from django.core import signing
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.models import Bucket
from sameroom import clock

DEVICE_COOKIE: Final = "known_device"
DEVICE_FOR: Final = timedelta(days=365)
_SALT: Final = "accounts.limits.device"
_TURNS: Final = 20  # tries to write before others who write into the same bucket


@dataclass(frozen=True, slots=True)
class Limit:
    """So many tries at once, and then one in each `every`."""

    name: str
    at_once: int
    every: timedelta


# Signing in: with a wrong password. One address may try many people; one person may be tried from many.
FROM_ADDRESS: Final = Limit("password from address", 30, timedelta(seconds=6))
FOR_PERSON_FROM_ADDRESS: Final = Limit("password for person from address", 5, timedelta(minutes=1))
FOR_PERSON: Final = Limit("password for person", 50, timedelta(minutes=2))
FROM_DEVICE: Final = Limit("password from device", 10, timedelta(seconds=30))
# Second factors and codes, by whoever has got past the first.
SECOND_FACTOR: Final = Limit("second factor", 5, timedelta(minutes=1))
# Mails that somebody has sent to an address they type: codes, links, hints.
MAIL_TO_FROM_ADDRESS: Final = Limit("mail to person from address", 3, timedelta(minutes=2))
MAIL_TO: Final = Limit("mail to person", 10, timedelta(minutes=10))
MAIL_FROM_DEVICE: Final = Limit("mail from device", 5, timedelta(minutes=2))
# Acts that call a service: whoever is signed in could try other people's passwords there by us.
LINKING: Final = Limit("linking", 20, timedelta(seconds=30))
JOINING: Final = Limit("joining", 30, timedelta(minutes=2))
JOINING_FROM_ADDRESS: Final = Limit("joining from address", 120, timedelta(seconds=30))


class TooManyTries(Exception):
    """Somebody has to wait so many `seconds`. The middleware makes the page of it."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Too many tries; the next one is free in {seconds:.0f} seconds.")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Use:
    """A try that was counted, with what gives it back."""

    limit: Limit
    bucket: str

    def give_back(self) -> None:
        """It was none: the password was right. One statement."""
        Bucket.objects.filter(pk=self.bucket).update(empty_at=F("empty_at") - self.limit.every)


def password_uses(request: HttpRequest, email: str) -> list[Use]:
    """Count a try to sign in as `email`, before the password is looked at. Raises TooManyTries.

    A few statements. Whether there is such a user is not asked, so nobody learns it here.
    """
    person, address = email.strip().lower(), get_ip(request)
    if device := device_of(request, person):
        return _take_all((FROM_DEVICE, person, device))
    return _take_all(
        (FROM_ADDRESS, address), (FOR_PERSON_FROM_ADDRESS, person, address), (FOR_PERSON, person)
    )


def mail_uses(request: HttpRequest, email: str) -> list[Use]:
    """Count a mail that somebody has sent to `email`. Raises TooManyTries."""
    person, address = email.strip().lower(), get_ip(request)
    if device := device_of(request, person):
        return _take_all((MAIL_FROM_DEVICE, person, device))
    return _take_all((MAIL_TO_FROM_ADDRESS, person, address), (MAIL_TO, person))


def linking_use(request: HttpRequest) -> Use:
    """Count a login at a service that a user has tried. Raises TooManyTries."""
    return take(LINKING, str(request.user.pk))


def joining_uses(request: HttpRequest) -> list[Use]:
    """Count a room that a Portal's visitor joins. Raises TooManyTries."""
    return _take_all((JOINING, str(request.user.pk)), (JOINING_FROM_ADDRESS, get_ip(request)))


def take(limit: Limit, *who: str) -> Use:
    """Count a try. Raises TooManyTries where there is none left. Not repeatable: each call counts."""
    bucket = salted_hmac(f"accounts.limits.{limit.name}", "\n".join(who), algorithm="sha256").hexdigest()
    for _ in range(_TURNS):
        if _taken(limit, bucket, clock.now()):
            return Use(limit, bucket)
    raise TooManyTries(1.0)  # so many at the same time


def _take_all(*wanted: tuple[Limit, *tuple[str, ...]]) -> list[Use]:
    uses: list[Use] = []
    try:
        for limit, *who in wanted:
            uses.append(take(limit, *who))
    except TooManyTries:
        # Whoever is refused by one limit does not fill the others: those are other people's, too.
        for use in uses:
            use.give_back()
        raise
    return uses


def _taken(limit: Limit, bucket: str, now: datetime) -> bool:
    """Compare-and-swap; False where somebody else was faster."""
    row = Bucket.objects.filter(pk=bucket).first()
    if row is None:
        _, is_mine = Bucket.objects.get_or_create(pk=bucket, defaults={"empty_at": now + limit.every})
        return is_mine
    empty_at = max(row.empty_at, now) + limit.every
    over = empty_at - now - limit.at_once * limit.every
    if over > timedelta(0):
        raise TooManyTries(over.total_seconds())
    return Bucket.objects.filter(pk=bucket, empty_at=row.empty_at).update(empty_at=empty_at) == 1


def forget_empty() -> int:
    """Delete the buckets that have leaked out; how many. One statement."""
    return Bucket.objects.filter(empty_at__lt=clock.now()).delete()[0]


# ------------------------------------------------------------------ devices


def device_of(request: HttpRequest, person: str) -> str:
    """The browser's own mark, if this person has signed in from it within a year; else "". No I/O."""
    try:
        owner, device = signing.loads(request.COOKIES.get(DEVICE_COOKIE, ""), salt=_SALT, max_age=DEVICE_FOR)
    except (signing.BadSignature, ValueError, TypeError):
        return ""
    return str(device) if constant_time_compare(owner, _mark_of(person)) else ""


def device_remember(request: HttpRequest, response: HttpResponse, person: str) -> None:
    """Have the browser known from now on as one from which this person has signed in. No I/O."""
    person = person.strip().lower()
    device = device_of(request, person) or secrets.token_urlsafe(12)
    response.set_cookie(
        DEVICE_COOKIE,
        signing.dumps([_mark_of(person), device], salt=_SALT),
        max_age=DEVICE_FOR,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _mark_of(person: str) -> str:
    return salted_hmac(_SALT, person, algorithm="sha256").hexdigest()[:32]
