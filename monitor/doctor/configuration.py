"""The settings: Django's own checks, what production needs, and names in `.env` that nothing reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Final

from django.conf import settings
from django.core.checks import ERROR, CheckMessage, run_checks

from connectors.findings import Finding, error, ok, warning
from sameroom.env import BASE_DIR

_NAMED: Final = re.compile(r"^(?:export +)?([A-Z][A-Z0-9_]*)=", re.MULTILINE)
_EXPLAINED: Final = re.compile(r"^#?([A-Z][A-Z0-9_]*)=", re.MULTILINE)
_SHORTEST_TOKEN: Final = 20  # characters of METRICS_TOKEN
_WIDEST: Final = 8  # bits of a network's prefix: a wider one is no network of anybody's own


def configuration() -> Iterator[Finding]:
    """Everything that can be known without asking anybody. Reads files."""
    yield from _told_by_django()
    is_tried_out = settings.LOCAL or settings.DEBUG
    if is_tried_out:
        yield ok("This is a try-out (LOCAL or DEBUG is set): what production needs is not asked for.")
    else:
        yield from _for_production()
    yield from _processes()
    yield from _networks()
    yield from _unread(BASE_DIR / ".env", BASE_DIR / ".env.example")


def _told_by_django() -> Iterator[Finding]:
    """What `manage.py check` says; with `--deploy` where this is in service."""
    is_in_service = not (settings.LOCAL or settings.DEBUG)
    found = run_checks(include_deployment_checks=is_in_service)
    for message in found:
        if message.level >= ERROR:
            yield error(_text(message), message.hint or "Run manage.py check; it must say nothing.")
        elif not message.is_silenced():
            yield warning(_text(message), message.hint or "Do what this sentence says.")
    if not found:
        yield ok("Django's and the connectors' own checks find nothing.")


def _text(message: CheckMessage) -> str:
    return f"{message.msg} ({message.id})"


def _for_production() -> Iterator[Finding]:
    if settings.SECURE and not settings.TRUSTED_PROXY_COUNT:
        yield warning(
            "PUBLIC_URL is https, and no proxy is trusted: what comes through one looks like plain http, "
            "and is sent in circles.",
            "Set TRUSTED_PROXY_COUNT to the number of proxies in front, and have each set X-Forwarded-Proto.",
        )
    if not settings.METRICS_TOKEN:
        yield warning(
            "METRICS_TOKEN is not set: there is no /metrics, and no alert can reach you.",
            "Set a long random one, and have Prometheus send it (docs/operating.md).",
        )
    elif len(settings.METRICS_TOKEN) < _SHORTEST_TOKEN:
        yield warning(
            f"METRICS_TOKEN has fewer than {_SHORTEST_TOKEN} characters: it can be guessed.",
            "Make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'.",
        )
    if not settings.ADMIN_SECOND_STEP:
        yield warning(
            "ADMIN_SECOND_STEP is off: an operator's password alone opens the administration.",
            "Take ADMIN_SECOND_STEP=0 out, and have each operator set up an app.",
        )
    if settings.SANDBOX:
        yield warning(
            "SANDBOX is on: whoever reaches this site may post in the sandbox's rooms.",
            "Set SANDBOX=0, unless this is what you want.",
        )


def _processes() -> Iterator[Finding]:
    is_sqlite = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    if settings.CELERY_BROKER_URL.startswith("memory"):
        yield ok("Everything runs in one process.")
        return
    if is_sqlite:
        yield error(
            "Several processes would share a SQLite file: they would wait for each other at every message.",
            "Set DATABASE_URL to a PostgreSQL database.",
        )
    if not settings.REDIS_URL:
        yield warning(
            "There is a broker, but no REDIS_URL: workers do not share what they may ask of a service, and "
            "count apart.",
            "Set REDIS_URL beside CELERY_BROKER_URL.",
        )


def _networks() -> Iterator[Finding]:
    """ALLOWED_PRIVATE_NETWORKS: what it opens to whoever links an account."""
    for text in settings.ALLOWED_PRIVATE_NETWORKS:
        try:
            network = ip_network(text)
        except ValueError:
            yield error(
                f"ALLOWED_PRIVATE_NETWORKS names {text!r}, which is no network.",
                "Write each as 10.1.0.0/16 or 192.168.7.9/32, with no bits set behind the prefix.",
            )
            continue
        if network.prefixlen < _WIDEST:
            yield warning(
                f"ALLOWED_PRIVATE_NETWORKS opens {network}: whoever links an account may have us call nearly "
                "any address.",
                "Name the chat servers' own networks only.",
            )


def _unread(file: Path, example: Path) -> Iterator[Finding]:
    """Names in `.env` that nothing reads: mostly misspelt ones."""
    if not (file.is_file() and example.is_file()):
        return
    known = set(_EXPLAINED.findall(example.read_text()))
    for name in dict.fromkeys(_NAMED.findall(file.read_text())):
        if name not in known:
            alike = get_close_matches(name, sorted(known), n=1, cutoff=0.75)
            remedy = (
                f"Did you mean {alike[0]}?"
                if alike
                else "Take the line out; .env.example lists all there are."
            )
            yield warning(f".env sets {name}, which nothing reads.", remedy)
