"""Whether a call is Slack's: its signature over the body and its time. No I/O.

"Verifying requests from Slack" (docs.slack.dev/authentication/verifying-requests-from-slack): HMAC-SHA256 of
`v0:<time>:<body>` by the app's signing secret; what is older than five minutes may be a replay.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings
from slack_sdk.signature import Clock, SignatureVerifier

from connectors.errors import LoginRejected
from connectors.model import Login
from sameroom import clock

TIMESTAMP, SIGNATURE = "x-slack-request-timestamp", "x-slack-signature"


VIA, OAUTH = "via", "oauth"  # among the credentials where the app is the operator's


def secret_of(login: Login) -> str:
    """The secret that signs what Slack pushes for this login, "" where none is known. No I/O."""
    given = login.credentials
    return settings.SLACK_SIGNING_SECRET if given.get(VIA) == OAUTH else given.get("signing_secret", "")


class _OurClock(Clock):
    def now(self) -> float:
        return clock.now().timestamp()


def require_signed(secret: str, headers: Mapping[str, str], body: bytes) -> None:
    """LoginRejected unless the body was signed with the secret within the last five minutes."""
    signed_at, signature = headers.get(TIMESTAMP, ""), headers.get(SIGNATURE, "")
    is_plain = signed_at.isascii() and signed_at.isdigit() and len(signed_at) < 12 and signature.isascii()
    try:
        is_signed = (
            bool(secret)
            and is_plain
            and SignatureVerifier(secret, _OurClock()).is_valid(body, signed_at, signature)
        )
    except UnicodeDecodeError:  # what is no text was signed by nobody
        is_signed = False
    if not is_signed:
        raise LoginRejected("This call is not signed with the app's signing secret.")
