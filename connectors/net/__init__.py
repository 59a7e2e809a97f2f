"""The one door to the outside: every request a connector makes goes through `request` or `download`.

It keeps a total deadline, calls public addresses only, bounds the answer, verifies certificates, and
raises errors that hold no secret. Only a download follows redirects, and it carries no token.
"""

from connectors.net.door import Answer, check_certificate, download, request
from connectors.net.errors import (
    AddressRefused,
    CertificateRefused,
    CertificateUnreadable,
    Cut,
    NetError,
    NotJson,
    NotSent,
    TooLarge,
    redact,
)

__all__ = [
    "AddressRefused",
    "Answer",
    "CertificateRefused",
    "CertificateUnreadable",
    "Cut",
    "NetError",
    "NotJson",
    "NotSent",
    "TooLarge",
    "check_certificate",
    "download",
    "redact",
    "request",
]
