"""What Slack's error words mean, as one of our own errors. No I/O.

The words stand in the reference page of each method (docs.slack.dev/reference/methods), section "Errors";
Slack answers them with status 200 and `"ok": false`, but for 429 and 5xx.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from connectors.errors import (
    ConnectorError,
    DeliveryUnknown,
    LoginRejected,
    MessageRejected,
    RetryLater,
    RoomGone,
)

REFUSED: Final = (
    "Slack does not take this token: it is mistyped, revoked or of an app that was removed. "
    "Copy the Bot User OAuth Token once more, or install the app again."
)
EXPIRED: Final = "This token has expired. Link the account again."
ORGANISATION: Final = (
    "This token is that of a whole organisation. Install the app in one workspace of it, and copy that token."
)
ADMINISTRATED: Final = (
    "Slack does not let the app work in this workspace: its administrators have restricted it. "
    "Ask them to approve the app."
)
NOT_FOUND: Final = (
    "Slack shows no such channel to the app any more: it was deleted, or it is private and the app was "
    "removed. If it still exists, type /invite @Sameroom in it; if not, close the Tube."
)
NOT_IN_CHANNEL: Final = (
    "The app is not in this channel at Slack any more. Type /invite @Sameroom in it, or close the Tube."
)
ARCHIVED: Final = "This channel is archived at Slack. Unarchive it there, or close the Tube."
MOVED: Final = "This channel goes on under another id at Slack. It is followed there within some minutes."
NOT_ALLOWED: Final = (
    "Slack does not let the app post in this channel: who may post there is restricted. "
    "Allow the app in the channel's settings, or close the Tube."
)
CLOSED: Final = (
    "Slack does not let the app into this channel. Type /invite @Sameroom in it, ask the workspace's "
    "administrators, or close the Tube."
)
MIGRATING: Final = "Slack is moving this workspace or channel, and takes nothing for it at the moment."
DELETED: Final = "Somebody has deleted the message at Slack, so it cannot be changed there."
NO_FILES: Final = "Slack does not give the file out: the app may lack the scope files:read."
TOO_MANY: Final = "Slack wants fewer requests for now."
UNKNOWN: Final = "Slack met an error of its own while it took a message."
MIGRATION: Final = 60.0  # seconds until somebody who is being moved is tried again
WAIT: Final = 30.0  # seconds, where Slack wants fewer requests and does not say how long
LONGEST_WORD: Final = 64

_TOKEN_BAD: Final = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "not_allowed_token_type"}
    | {"user_removed_from_team", "app_not_installed"}
)
_RESTRICTED: Final = frozenset(
    {"accesslimited", "ekm_access_denied", "enterprise_is_restricted", "org_login_required"}
    | {"team_access_not_granted", "two_factor_setup_required"}
)
_GONE: Final[Mapping[str, str]] = {
    "channel_not_found": NOT_FOUND,
    "not_in_channel": NOT_IN_CHANNEL,
    "user_not_in_channel": NOT_IN_CHANNEL,
    "is_archived": ARCHIVED,
    "is_inactive": ARCHIVED,  # so an edit is refused there
    "access_denied": CLOSED,  # to what the call names, not to the workspace
    "no_permission": CLOSED,
    "restricted_action": NOT_ALLOWED,
    "restricted_action_read_only_channel": NOT_ALLOWED,
    "restricted_action_thread_only_channel": NOT_ALLOWED,
    "restricted_action_non_threadable_channel": NOT_ALLOWED,
    "method_not_supported_for_channel_type": NOT_ALLOWED,
}
_LIMITED: Final = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
_MOVING: Final = frozenset({"team_added_to_org", "external_channel_migrating"})
# The request did not come whole, so nothing was done by it.
_UNDONE: Final = frozenset({"request_timeout"})
_TROUBLE: Final = frozenset({"internal_error", "fatal_error", "service_unavailable"})


class Refused(Exception):
    """A refusal by a word that whoever asked has a use for; never seen outside of this package."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


def refusal(word: str, told: Mapping[str, object], *, writes: bool, wait: float | None) -> ConnectorError:
    """What an error word means; `told` is the answer, `wait` its Retry-After in seconds."""
    match word:
        case "missing_scope":
            return LoginRejected(missing([shown(str(told.get("needed") or "another scope"))]))
        case "token_expired":
            return LoginRejected(EXPIRED)
        case _ if word in _TOKEN_BAD:
            return LoginRejected(REFUSED)
        case _ if word in _RESTRICTED:
            return LoginRejected(ADMINISTRATED)
        case _ if word in _GONE:
            return RoomGone(_GONE[word])
        case _ if word in _LIMITED:
            return RetryLater(TOO_MANY, seconds=WAIT if wait is None else wait)
        case _ if word in _MOVING:
            return RetryLater(MIGRATING, seconds=MIGRATION)
        case _ if word in _UNDONE:
            return RetryLater(TOO_MANY, seconds=wait)
        case _ if writes and word in _TROUBLE:
            return DeliveryUnknown(UNKNOWN)
        case _ if writes:
            return MessageRejected(f"Slack refused the message ({shown(word)}).")
        case _:
            return RetryLater(f"Slack answered with an error ({shown(word)}).")


def missing(scopes: list[str]) -> str:
    """The sentence for scopes that a token lacks."""
    return (
        f"The Slack app lacks {', '.join(scopes)}. Add this under OAuth & Permissions → Bot Token Scopes, "
        "install the app again, and copy the new token."
    )


def narrowed(scopes: list[str]) -> str:
    """The sentence for scopes without which a token works, but not for everything."""
    return (
        f"The Slack app lacks {', '.join(scopes)}, so not everything crosses. Add this under OAuth & "
        "Permissions → Bot Token Scopes and install the app again, or use the button Add to Slack again; "
        "then press Refresh rooms."
    )


def shown(word: str) -> str:
    """A server's word that may stand in a sentence of ours."""
    is_fine = re.fullmatch(r"[A-Za-z0-9_.:, -]+", word) and len(word) <= LONGEST_WORD
    return word if is_fine else "no reason given"
