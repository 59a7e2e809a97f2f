"""What the app has to be allowed, and what it may do besides. No I/O.

Scopes: docs.slack.dev/reference/scopes. Slack tells those of a token with each answer (`x-oauth-scopes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from connectors.errors import LoginRejected
from connectors.slack.refusals import missing, narrowed

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
COMMANDS: Final = "commands"
WHOLE: Final = (*NEEDED, *WANTED, COMMANDS)  # what an app is made with, and asks for
# What each of them is for, as people read it before they allow it.
EXPLAINED: Final = (
    (
        "See the channels, and read what is said in those that it is in",
        ("channels:read", "channels:history", "groups:read", "groups:history"),
    ),
    ("Post, under each author’s own name and picture", ("chat:write", CUSTOMIZE)),
    ("Enter public channels that you choose", (JOIN,)),
    ("Know names and pictures of people", ("users:read",)),
    ("Pass reactions on, and the workspace’s own emoji", ("reactions:read", REACT, EMOJI)),
    ("Pass files on", (GIVE_FILES, TAKE_FILES)),
    ("Answer to /sameroom", (COMMANDS,)),
)
# What an app is told of (docs.slack.dev/reference/events).
EVENTS: Final = (
    "message.channels",
    "message.groups",
    "reaction_added",
    "reaction_removed",
    "channel_archive",
    "channel_unarchive",
    "channel_rename",
    "channel_deleted",
    "channel_left",
    "channel_id_changed",
    "group_archive",
    "group_unarchive",
    "group_rename",
    "group_deleted",
    "group_left",
    "team_join",
    "user_change",
    "emoji_changed",
    "tokens_revoked",
    "app_uninstalled",
)
_BOT: Final = "bot:"  # kept among an account's scopes: the id under which its own posts stand


def require(granted: Sequence[str]) -> None:
    """LoginRejected, naming what is missing. Of a server that tells no scopes nothing is known."""
    if granted and (lacking := [scope for scope in NEEDED if scope not in granted]):
        raise LoginRejected(missing(lacking))


def without(granted: Sequence[str]) -> str:
    """What does not cross for want of a scope, as a sentence; "" where all are there, or none is known."""
    lacking = [scope for scope in WHOLE if not has(granted, scope)]
    return narrowed(lacking) if lacking else ""


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
