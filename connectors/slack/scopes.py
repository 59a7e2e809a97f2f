"""What the app has to be allowed, and what it may do besides. No I/O.

Scopes: docs.slack.dev/reference/scopes. Slack tells those of a token with each answer (`x-oauth-scopes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from connectors.errors import LoginRejected
from connectors.slack.refusals import missing

NEEDED: Final = (
    "channels:history",
    "channels:read",
    "chat:write",
    "groups:history",
    "groups:read",
    "users:read",
)
CUSTOMIZE, JOIN, EMOJI = "chat:write.customize", "channels:join", "emoji:read"
REACT, TAKE_FILES, GIVE_FILES = "reactions:write", "files:write", "files:read"
WANTED: Final = (CUSTOMIZE, JOIN, EMOJI, "reactions:read", REACT, GIVE_FILES, TAKE_FILES)
_BOT: Final = "bot:"  # kept among an account's scopes: the id under which its own posts stand


def require(granted: Sequence[str]) -> None:
    """LoginRejected, naming what is missing. Of a server that tells no scopes nothing is known."""
    if granted and (lacking := [scope for scope in NEEDED if scope not in granted]):
        raise LoginRejected(missing(lacking))


def parsed(header: str) -> list[str]:
    """The scopes of `x-oauth-scopes`."""
    return [scope for scope in (part.strip() for part in header.split(",")) if scope]


def has(scopes: Sequence[str], scope: str) -> bool:
    """Whether a login may do something; where nothing is known of it, it may."""
    known = [one for one in scopes if not one.startswith(_BOT)]
    return not known or scope in known


def with_bot(scopes: Sequence[str], bot: str) -> list[str]:
    """The scopes and the bot's id, as they are stored with the account."""
    return [*scopes, *([f"{_BOT}{bot}"] if bot else [])]


def bot_of(scopes: Sequence[str]) -> str:
    """The bot's id among stored scopes, "" where it is not known."""
    return next((scope.removeprefix(_BOT) for scope in scopes if scope.startswith(_BOT)), "")
