"""What `manage.py doctor` says of the operator's settings for HipChat: the proposed server, and aliases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

from connectors import net
from connectors.addresses import AddressUnusable, base_address
from connectors.findings import Finding, error, ok, warning
from connectors.hipchat.address import canonical

PATIENCE: Final = 5.0  # seconds
_EXAMPLE: Final = "https://hipchat.example.org"


def findings() -> Iterator[Finding]:
    """What is amiss with HIPCHAT_DEFAULT_SERVER and HIPCHAT_SERVER_ALIASES. Network I/O; may be repeated."""
    for typed, meant in settings.HIPCHAT_SERVER_ALIASES.items():
        yield from _alias(typed, meant)
    if settings.HIPCHAT_DEFAULT_SERVER:
        yield _proposed(settings.HIPCHAT_DEFAULT_SERVER)


def _alias(typed: str, meant: str) -> Iterator[Finding]:
    for address in (typed, meant):
        try:
            spelled = base_address(address, example=_EXAMPLE)
        except AddressUnusable:
            spelled = ""
        if spelled != address:
            yield error(
                f"HIPCHAT_SERVER_ALIASES names {address}, which nobody's address ever is.",
                f"Write {spelled or _EXAMPLE}: with its scheme, in lower case, without a slash at the end.",
            )
    if meant in settings.HIPCHAT_SERVER_ALIASES:
        yield error(
            f"HIPCHAT_SERVER_ALIASES leads from {typed} to {meant}, which leads on to another one.",
            "Have each alias lead to the name that counts at once.",
        )


def _proposed(server: str) -> Finding:
    try:
        spelled = canonical(server)
    except AddressUnusable as refusal:
        return error(
            f"HIPCHAT_DEFAULT_SERVER is {server!r}. {refusal}", f"Set it to something like {_EXAMPLE}."
        )
    host = urlsplit(spelled).hostname
    try:
        net.request("GET", f"{spelled}/v2/capabilities", deadline=PATIENCE)
    except net.AddressRefused:
        return error(
            f"HipChat's proposed server {host} is in a private network, and we may not call it.",
            "Add its address to ALLOWED_PRIVATE_NETWORKS, as 10.1.2.3/32.",
        )
    except net.CertificateRefused:
        return warning(
            f"The certificate of HipChat's proposed server {host} is not one that everybody trusts.",
            "People have to paste the CA certificate when they link an account; tell them where it is.",
        )
    except net.NetError as failure:
        return warning(
            f"HipChat's proposed server does not answer: {failure}.",
            "Check HIPCHAT_DEFAULT_SERVER, and whether the server runs.",
        )
    return ok(f"HipChat's proposed server {host} answers.")
