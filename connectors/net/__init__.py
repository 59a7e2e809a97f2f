"""The one door to the outside: every request a connector makes goes through `request`.

It keeps a total deadline, calls public addresses only, bounds the answer, verifies certificates,
follows no redirect, and raises errors that hold no secret.
"""

from connectors.net.door import Answer, check_certificate, request
from connectors.net.errors import (
    AddressRefused,
    CertificateUnreadable,
    Cut,
    NetError,
    NotJson,
    NotSent,
    redact,
)

__all__ = [
    "AddressRefused",
    "Answer",
    "CertificateUnreadable",
    "Cut",
    "NetError",
    "NotJson",
    "NotSent",
    "check_certificate",
    "redact",
    "request",
]
