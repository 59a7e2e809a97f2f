"""What can go wrong on the way, told apart by the one question that matters: was something sent?

NetError                     text is a clause such as "chat.example.org refused the connection"
├── NotSent                  surely nothing was sent: no address, no connection, no TLS
│   ├── AddressRefused       we do not call there, now or later, unless the operator allows it
│   ├── CertificateRefused   the server's certificate is not signed by whom we trust, or is another's
│   └── CertificateUnreadable   the account's own CA certificate is no certificate (a ValueError too)
└── Cut                      the request began to be written; whether it was done is not known
    ├── TooLarge             the answer is larger than was allowed
    └── NotJson              the answer is not what was asked for (a ValueError too)
"""

from collections.abc import Sequence
from urllib.parse import quote, quote_plus

_HIDDEN = "[hidden]"


class NetError(Exception):
    """`str(error)` names the host, never a path, a query or a secret, and has no full stop."""


class NotSent(NetError):
    """Nothing of the request left this machine."""


class AddressRefused(NotSent):
    """The address is private, not usable, or asked over plain http."""


class CertificateRefused(NotSent):
    """The server's certificate could not be verified."""


class CertificateUnreadable(NotSent, ValueError):
    """The PEM text of a CA certificate cannot be parsed."""


class Cut(NetError):
    """Timed out, reset, unreadable or over-long after the request began to be written."""


class TooLarge(Cut):
    """The answer went on beyond what was allowed, and was left."""


class NotJson(Cut, ValueError):
    """The answer is complete, but not the JSON that was asked for."""


def redact(text: str, secrets: Sequence[str]) -> str:
    """`text` with every secret, as it is or percent-encoded, replaced by "[hidden]"."""
    known = {secret for secret in secrets if secret}
    encoded = {encode(secret, errors="replace") for secret in known for encode in (quote, quote_plus)}
    encoded |= {quote(secret, safe="", errors="replace") for secret in known}
    for form in sorted(known | encoded, key=len, reverse=True):
        text = text.replace(form, _HIDDEN)
    return text
